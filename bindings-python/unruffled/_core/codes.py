"""Generated from `tests/codes.json` by `codes.py`: the codes that all languages share."""

from typing import Final, Literal

# Kinds of step, the low four bits of a step word.
SEND: Final = 0
WAIT: Final = 1
PARK: Final = 2
REFRESH: Final = 3
DELIVER: Final = 4
FAIL: Final = 5
MISUSE: Final = 6
DONE: Final = 7
STEP_NAMES: Final = ("Send", "Wait", "Park", "Refresh", "Deliver", "Fail", "Misuse", "Done")

# Flags of a step word, at their bits in it.
WAKES: Final = 16
EVENTS: Final = 32
KEY: Final = 64
TOKEN: Final = 128
REPORT: Final = 256
FRESH: Final = 512
APPLIED: Final = 1024
RESPONSE: Final = 2048
FLAG_NAMES: Final = ("WAKES", "EVENTS", "KEY", "TOKEN", "REPORT", "FRESH", "APPLIED", "RESPONSE")

# Flags of a Refresh, at the bits of FRESH and APPLIED: why a token is needed. Neither: there was none yet.
NEED_EXPIRED: Final = 512
NEED_REFUSED: Final = 1024
REFRESH_FLAG_NAMES: Final = ("WAKES", "EVENTS", "KEY", "TOKEN", "REPORT", "EXPIRED", "REFUSED", "RESPONSE")

# A flag of a Send, at the bit of APPLIED: the token ends soon.
RENEW: Final = 1024
SEND_FLAG_NAMES: Final = ("WAKES", "EVENTS", "KEY", "TOKEN", "REPORT", "FRESH", "RENEW", "RESPONSE")

# How an attempt broke without an answer. A code with an empty name is free.
LOST: Final = 0
TIMEOUT: Final = 1
UNSENT: Final = 2
CONNECT_TIMEOUT: Final = 3
OFFLINE: Final = 4
TRUNCATED: Final = 5
CANCELLED: Final = 6
REFUSED: Final = 7
TOO_LARGE: Final = 8
REJECTED: Final = 9
UNCHANGED: Final = 10
PERMANENT: Final = 11
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
    "rejected",
    "unchanged",
    "permanent",
)

# The platform's cause of a fault.
CAUSE_NONE: Final = 0
CAUSE_CONNECTION_REFUSED: Final = 1
CAUSE_NO_SUCH_NAME: Final = 2
CAUSE_CERTIFICATE: Final = 3
CAUSE_NO_TLS: Final = 4
CAUSE_PROTOCOL: Final = 5
CAUSE_UNREACHABLE: Final = 6
CAUSE_RESET: Final = 7
CAUSE_CREDENTIAL: Final = 8
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

#: Added to the status of an answer after a redirect that the platform followed. Its scope is above it.
REDIRECTED: Final = 32768

# Why a call ended without a delivered answer.
Reason = Literal[
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
]
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

# Whether the server may have done the work of a call, over all its attempts.
Outcome = Literal["not-sent", "rejected", "unknown"]
OUTCOMES: Final[tuple[Outcome, ...]] = ("not-sent", "rejected", "unknown")

# Mistakes in the use of the core. A code with an empty name is free.
MISUSE_UNKNOWN: Final = 1
MISUSE_LIVE: Final = 2
MISUSE_STATE: Final = 3
MISUSE_DEAD: Final = 4
MISUSE_GENERATION: Final = 5
MISUSE_RANGE: Final = 6
MISUSES: Final = ("", "unknown", "live", "state", "dead", "generation", "range")

# Methods, the low four bits of a call's flags.
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

# Flags of a call, above its method.
REPEATABLE: Final = 16
KEYED: Final = 32
STREAMED: Final = 64
STACKED: Final = 128
DROPIN: Final = 256
CREDENTIALS: Final = 512
SLOT: Final = 1024
CALL_FLAGS: Final = {
    "REPEATABLE": REPEATABLE,
    "KEYED": KEYED,
    "STREAMED": STREAMED,
    "STACKED": STACKED,
    "DROPIN": DROPIN,
    "CREDENTIALS": CREDENTIALS,
    "SLOT": SLOT,
}

# Kinds of events, in the order of their bits.
EVENT_KINDS: Final = ("attempt", "wait", "breaker", "limiter", "refresh", "call", "stacked", "warning")
