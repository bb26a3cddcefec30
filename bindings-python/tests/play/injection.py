"""The steps of a host, numbered as they come, and what can go wrong at each: shared by the two tortures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx2


class MineError(RuntimeError):
    """An exception of the caller's own code, which a driver passes on untouched."""


class Interrupted(BaseException):
    """An interruption of no known kind."""


#: What can be done at a step of each kind, in the order of the table.
HARMS: dict[str, tuple[str, ...]] = {
    "hook": ("error", "cancel", "exit"),
    "credentials": ("error", "cancel", "exit"),
    "send": ("fail", "error", "cancel", "exit", "closed"),
    "headers": ("fail", "error", "cancel", "exit"),
    "read": ("fail", "error", "cancel", "exit"),
    "close": ("fail", "cancel", "exit"),
    "pause": ("cancel", "exit", "early", "late", "closed"),
}
# `fail`: one after the other.
_FAILURES: dict[str, tuple[type[httpx2.HTTPError], ...]] = {
    "send": (
        httpx2.ConnectError,
        httpx2.ReadError,
        httpx2.ConnectTimeout,
        httpx2.WriteTimeout,
        httpx2.PoolTimeout,
        httpx2.RemoteProtocolError,
        httpx2.ProxyError,
    ),
    "headers": (httpx2.ReadError, httpx2.ReadTimeout, httpx2.RemoteProtocolError),
    "read": (httpx2.ReadError, httpx2.RemoteProtocolError, httpx2.ReadTimeout, httpx2.DecodingError),
    "close": (httpx2.CloseError,),
}
_EXITS: tuple[Callable[[], BaseException], ...] = (GeneratorExit, Interrupted)


@dataclass
class Point:
    """A step, by its number in the run, and the harm that is done there."""

    step: int
    kind: str
    harm: str


@dataclass
class Steps:
    """Counts the steps of a run and does harm at one of them. `Watch` of the stub server."""

    point: Point | None
    #: Interrupts the caller of the current step.
    cancel: Callable[[], None]
    #: Closes the client.
    close: Callable[[], None]
    #: Which call is running; None = work of no call.
    current: Callable[[], int | None]
    kinds: list[str] = field(default_factory=list)
    #: Answers that were opened and not closed.
    open: int = 0
    #: What was raised, and in which call: it must come out there as it is.
    raised: BaseException | None = None
    cancelled: bool = False
    harmed: int | None = None

    def opened(self, change: int) -> None:
        """Changes the number of open answers."""
        self.open += change

    def step(self, kind: str) -> None:
        """Counts a step of this kind, and does the harm if it is due."""
        self.bent(kind)

    def bent(self, kind: str) -> str:
        """Does what `step` does; returns `early` or `late` for a pause that must end so."""
        number = len(self.kinds)
        self.kinds.append(kind)
        point = self.point
        if point is None or number != point.step:
            return ""
        self.harmed = self.current()
        if point.harm == "closed":
            self.close()
        elif point.harm == "cancel":
            self.cancelled = kind != "close"
            self.cancel()
        elif point.harm == "fail":
            kinds = _FAILURES[kind]
            raise kinds[number % len(kinds)]("injected")
        elif point.harm in ("error", "exit"):
            error: Any = MineError("injected") if point.harm == "error" else _EXITS[number % len(_EXITS)]()
            if kind != "close" and not (kind == "credentials" and point.harm == "error"):
                self.raised = error
            raise error
        return point.harm

    def wrong(self, results: dict[int, BaseException | str]) -> list[str]:
        """Returns what is wrong with the calls' ends. `results` has an exception or a word for each call."""
        found = []
        if self.open:
            found.append(f"{self.open} answers are open")
        if self.harmed is not None:
            end = results.get(self.harmed)
            if self.raised is not None and end is not self.raised:
                found.append(f"{self.raised!r} became {end!r}")
            if self.cancelled and end != "cancelled":
                found.append(f"a cancelled call ended with {end!r}")
        return found
