"""A logical call as the loop knows it: of a client's verb, or of a drop-in under somebody else's client."""

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
    """What ends an attempt."""

    at: Any


class NoLimit:
    """No limit, or one that must not be moved: another client's, above us."""

    at: float = math.inf
    #: It ends nothing.
    ended = False

    def __enter__(self) -> None:
        """Does nothing."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Does nothing."""


NO_LIMIT = NoLimit()


class Call(Generic[R]):
    """One logical call: what stays the same on every attempt, and what the last attempt left behind."""

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

    #: What the call is in texts: `GET /orders/{id}`, never its values.
    target: str
    #: Its route and its endpoint, as `begin` takes them.
    target_number: int
    engine: Engine
    scope: int
    flags: int
    #: Milliseconds from the beginning; 0 = the policy's.
    deadline: int
    #: The statuses of which the core wants to see the body.
    body_statuses: frozenset[int]
    #: Made at the first attempt that needs it; the same on all.
    key: bytes | None
    # What the last attempt left behind.
    #: Whether an answer below 400 comes without its body.
    streamed: bool
    #: Whether the head had arrived and the body was being read.
    reading: bool
    #: The end of the attempt in `time.monotonic`; infinity = none.
    limit_at: float
    #: What ends the attempt; its `at` may be moved.
    limit: HasEnd
    #: Whether the core needs nothing more of it.
    over: bool
    #: Whether a success may have header lines that the core asked for; False: the host has looked, it has none.
    hinted: bool
    response: R | None
    #: How the last attempt broke; None if it was answered.
    error: Exception | None
    #: A body being read: its iterator, and what came.
    pieces: Any

    def keyed(self, header: bytes, quoted: bool) -> tuple[bytes, bytes]:
        """The idempotency key's header line."""
        if self.key is None:
            made = make_uuid()
            self.key = b'"' + made + b'"' if quoted else made
        return header, self.key


# Randomness for the next ids. Asking the system releases the GIL, which beside a busy thread costs milliseconds: once
# for 256 ids, not for each. A forked child must not use its parent's.
_RANDOM: list[bytes] = []
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_RANDOM.clear)


def make_uuid() -> bytes:
    """A UUIDv4 from the system's randomness, as text."""
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
    """Returns what a body that is sent piece by piece calls after each piece.

    The attempt lasts `alive` seconds more from there, but never beyond `ends` (`time.monotonic`), the end of the call.
    """

    def came() -> None:
        at = min(ends, TIME.monotonic() + alive)
        if at > call.limit_at:
            call.limit_at = at
            call.limit.at = at

    return came
