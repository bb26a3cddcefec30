"""The numbers of the boundary: what a word is made of, and what the integers in it mean.

Each table is the core's own, in the core's order; a test holds them against the file that every language is held
against.
"""

from __future__ import annotations

from typing import Final

from .errors import Outcome, Reason

# A word is arg * 4096 + flags * 16 + kind.
KIND: Final = 15
ARG: Final = 12

SEND: Final = 0
WAIT: Final = 1
PARK: Final = 2
REFRESH: Final = 3
DELIVER: Final = 4
FAIL: Final = 5
MISUSE: Final = 6
DONE: Final = 7

# Flags, already in their place within the word.
WAKES: Final = 1 << 4
EVENTS: Final = 2 << 4
KEY: Final = 4 << 4
TOKEN: Final = 8 << 4
REPORT: Final = 16 << 4
FRESH: Final = 32 << 4
APPLIED: Final = 64 << 4
RESPONSE: Final = 128 << 4

# Flags of a Refresh, in the place of FRESH and APPLIED: why a token is needed. Neither: there was none before.
NEED_EXPIRED: Final = FRESH
NEED_REFUSED: Final = APPLIED

KINDS: Final = ("Send", "Wait", "Park", "Refresh", "Deliver", "Fail", "Misuse", "Done")
FLAGS: Final = ("WAKES", "EVENTS", "KEY", "TOKEN", "REPORT", "FRESH", "APPLIED", "RESPONSE")
REFRESH_FLAGS: Final = ("WAKES", "EVENTS", "KEY", "TOKEN", "REPORT", "EXPIRED", "REFUSED", "RESPONSE")
OUTCOMES: Final[tuple[Outcome, ...]] = ("not-sent", "rejected", "unknown")
REASONS: Final[tuple[Reason, ...]] = (
    "status",
    "retries-exhausted",
    "deadline",
    "circuit-open",
    "rate-limited",
    "budget-exhausted",
    "overloaded",
    "not-replayable",
    "network",
    "timeout",
    "offline",
    "auth",
    "pagination",
    "closed",
    "misuse",
)
MISUSES: Final = ("", "unknown", "live", "state", "dead", "generation", "range")
FAULTS: Final = (
    "lost",
    "timeout",
    "unsent",
    "connect-timeout",
    "offline",
    "truncated",
    "cancelled",
    "refused",
    "too-large",
    "",
    "",
    "permanent",
)
#: What the platform says of how an attempt broke: its place, times `CAUSE`, is added to the fault.
CAUSES: Final = (
    "none",
    "connection-refused",
    "no-such-name",
    "certificate",
    "no-tls",
    "protocol",
    "unreachable",
    "reset",
    "credential",
)
CAUSE: Final = 256
CONNECTION_REFUSED: Final = 1
NO_SUCH_NAME: Final = 2
CERTIFICATE: Final = 3
NO_TLS: Final = 4
PROTOCOL: Final = 5
UNREACHABLE: Final = 6
RESET: Final = 7
CREDENTIAL: Final = 8
#: Flag beside a status that came by a redirect which the platform followed; above it the scope that answered.
REDIRECTED: Final = 1 << 15

#: The fault within a number that may have a cause above it.
FAULT: Final = 255
LOST: Final = 0
TIMEOUT: Final = 1
UNSENT: Final = 2
CONNECT_TIMEOUT: Final = 3
TRUNCATED: Final = 5
CANCELLED: Final = 6
REFUSED: Final = 7
TOO_LARGE: Final = 8
PERMANENT: Final = 11

MISUSE_LIVE: Final = 2 << ARG | MISUSE

#: The route's place in the settings, within a target's number; the endpoint is above it.
ROUTE: Final = 0xFFFF

# The flags of `begin`: method | flags << 4 | upload size in 64 KiB << 16.
METHODS: Final = {
    "GET": 0,
    "HEAD": 1,
    "OPTIONS": 2,
    "TRACE": 3,
    "PUT": 4,
    "DELETE": 5,
    "QUERY": 6,
    "POST": 7,
    "PATCH": 8,
}
OTHER_METHOD: Final = 15
REPEATABLE: Final = 1 << 4
KEYED: Final = 2 << 4
STREAMED: Final = 4 << 4
STACKED: Final = 8 << 4
DROPIN: Final = 16 << 4
CREDENTIALS: Final = 32 << 4
SLOT: Final = 64 << 4
CALL_FLAGS: Final = ("REPEATABLE", "KEYED", "STREAMED", "STACKED", "DROPIN", "CREDENTIALS", "SLOT")

# Bits of subscribe.
EVENT_KINDS: Final = ("attempt", "wait", "breaker", "limiter", "refresh", "call", "stacked", "warning")

#: `retryAfterMs` of a Fail that knows no time.
NO_TIME: Final = 0xFFFFFFFF
#: Lifetime that means "never expires"; also the largest argument of a word.
NEVER: Final = (1 << 40) - 1
#: Most bytes of header lines that cross, and of a body for a body rule.
MOST_HINTS: Final = 8 * 1024
MOST_BODY: Final = 4 * 1024
#: Most bytes retained of an answer that is not delivered.
MOST_RETAINED: Final = 64 * 1024
