"""Time and waiting. Knows no HTTP and no core: a clock counts milliseconds, a pause ends by time or by a wake.

A pause is made by the call that waits. Another thread, another task or the closing of the client wakes it. Waking a
pause that has ended does nothing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol

from .time import TIME


class Clock:
    """A clock of monotonic milliseconds since it was made, with the wall clock beside it."""

    def __init__(self) -> None:
        """Starts at 0."""
        count = TIME.monotonic_ns
        start = count()

        def now() -> int:
            return (count() - start) // 1_000_000

        def skip(ms: int) -> None:
            nonlocal start
            start -= ms * 1_000_000

        #: Whole milliseconds since the clock was made, rounded down.
        self.now: Callable[[], int] = now
        #: Moves the clock on by so much: a loop whose time a test controls has let a wait pass.
        self.skip: Callable[[int], None] = skip

    def wall(self) -> int:
        """Returns the Unix time in milliseconds."""
        return time.time_ns() // 1_000_000


class Wakeable(Protocol):
    """The part of a pause that a wake needs."""

    def wake(self) -> None:
        """Ends the pause. Any thread may call it, any number of times."""


class ThreadPause:
    """A pause of the calling thread. KeyboardInterrupt ends it at once."""

    __slots__ = ("_event", "wake")

    def __init__(self) -> None:
        """Begins without a wake."""
        self._event = threading.Event()
        self.wake = self._event.set

    def wait(self, seconds: float) -> None:
        """Returns after so many seconds or when woken."""
        self._event.wait(seconds)


class Waiting:
    """The calls of one engine that pause, by call number, so that a wake finds them.

    A wake may come before its call has begun to pause, since another thread pulled it. It is remembered and ends the
    pause before it begins.
    """

    #: The most early wakes that are remembered. A forgotten one costs its call the rest of its pause, nothing else.
    MOST_EARLY = 4096

    def __init__(self) -> None:
        """Begins without a call."""
        self._lock = threading.Lock()
        self._pauses: dict[int, Wakeable] = {}
        self.early: dict[int, None] = {}

    def forked(self) -> None:
        """Makes a new lock in a forked child: another thread of the parent may have held the old one."""
        self._lock = threading.Lock()

    def enter(self, call: int, pause: Wakeable) -> bool:
        """Registers a pause. Returns False if its wake came already: the call must not wait."""
        with self._lock:
            if call in self.early:
                del self.early[call]
                return False
            self._pauses[call] = pause
            return True

    def leave(self, call: int) -> None:
        """Removes a pause that has ended by itself."""
        with self._lock:
            self._pauses.pop(call, None)

    def forget(self, call: int) -> None:
        """Removes the early wake of a call that ended or does not need it."""
        with self._lock:
            self.early.pop(call, None)

    def wake(self, call: int) -> None:
        """Ends the call's pause, now or when it begins."""
        with self._lock:
            pause = self._pauses.pop(call, None)
            if pause is None:
                if len(self.early) >= self.MOST_EARLY:
                    del self.early[next(iter(self.early))]
                self.early[call] = None
        if pause is not None:
            pause.wake()
