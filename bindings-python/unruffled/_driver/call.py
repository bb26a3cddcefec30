"""A logical call as the loop knows it, of a client's verb or of a drop-in."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from types import TracebackType
from typing import Any, Generic, Protocol, TypeVar

from .._core import step_word
from .engine import Engine
from .time import TIME

R = TypeVar("R")


class HasEnd(Protocol):
    """A time limit whose end can be moved."""

    at: Any


class NoLimit:
    """The absence of a limit. Also stands for a limit that must not be moved: that of a client that calls us."""

    at: float = math.inf
    #: It never ends what runs inside.
    ended = False

    def __enter__(self) -> None:
        """Does nothing."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Does nothing."""


NO_LIMIT = NoLimit()


class Call(Generic[R]):
    """One logical call: what stays the same on every attempt, and the state after the last attempt."""

    __slots__ = (
        "body_statuses",
        "deadline",
        "engine",
        "error",
        "flags",
        "hinted",
        "key",
        "limit",
        "limit_at",
        "over",
        "pieces",
        "reading",
        "response",
        "scope",
        "streamed",
        "target",
        "target_number",
    )

    #: The call's name in texts: `GET /orders/{id}`, without its values.
    target: str
    #: The number of its route and endpoint, for `begin`.
    target_number: int
    engine: Engine
    scope: int
    flags: int
    #: Milliseconds from the beginning of the call; 0 = the policy's deadline.
    deadline: int
    #: The statuses whose bodies the policy's rules look into.
    body_statuses: frozenset[int]
    #: The idempotency key: made at the first attempt that needs it, the same on all.
    key: bytes | None
    # The state after the last attempt.
    #: Whether an answer below 400 comes without its body.
    streamed: bool
    #: Whether the head had arrived and the body was being read.
    reading: bool
    #: The end of the attempt in `time.monotonic`; infinity = none.
    limit_at: float
    #: The attempt's limit; its `at` may be moved.
    limit: HasEnd
    #: Whether the call has ended for the core.
    over: bool
    #: Whether a success may have header lines that the core watches; False: the host has looked and found none.
    hinted: bool
    response: R | None
    #: The last attempt's exception; None if it was answered.
    error: Exception | None
    #: A body that is being read: its iterator, and the pieces so far.
    pieces: Any

    def keyed(self, header: bytes, quoted: bool) -> tuple[bytes, bytes]:
        """Returns the header line of the idempotency key."""
        if self.key is None:
            made = make_uuid()
            self.key = b'"' + made + b'"' if quoted else made
        return header, self.key


# Random bytes for the next ids. To ask the system releases the GIL, which costs milliseconds beside a busy thread. It
# is therefore asked once for 256 ids. A forked child must not use its parent's.
_RANDOM: list[bytes] = []
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_RANDOM.clear)


def make_uuid() -> bytes:
    """Returns a UUIDv4 from the system's randomness, as text."""
    try:
        drawn = _RANDOM.pop()
    except IndexError:
        drawn = os.urandom(16)
        more = os.urandom(16 * 255)
        _RANDOM.extend(more[at : at + 16] for at in range(0, len(more), 16))
    text = drawn.hex()
    variant = "89ab"[int(text[16], 16) & 3]
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{variant}{text[17:20]}-{text[20:]}".encode()


def limit_of(word: int, call: Call[Any]) -> float | None:
    """Returns the attempt's time limit in seconds of `time.monotonic`, and sets it in the call; None = none."""
    limit = word >> step_word.ARG
    call.limit_at = TIME.monotonic() + limit / 1000 if limit else math.inf
    return call.limit_at if limit else None


def keeps_alive(call: Call[Any], alive: float, ends: float) -> Callable[[], None]:
    """Returns a function that a body calls after each piece that it sends.

    It moves the attempt's end to `alive` seconds from then, at most to `ends` (`time.monotonic`), the end of the call.
    """

    def came() -> None:
        at = min(ends, TIME.monotonic() + alive)
        if at > call.limit_at:
            call.limit_at = at
            call.limit.at = at

    return came
