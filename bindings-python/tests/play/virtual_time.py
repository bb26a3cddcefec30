"""Virtual time, which moves only when all threads or tasks wait.

`VirtualTime.installed()` replaces the process's clocks by it. Nothing sleeps, so that thousands of runs with waits of
seconds take seconds in all, and each run is the same every time.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
import selectors
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

from unruffled._driver.time import TIME

#: Virtual seconds after which a run counts as hung. No policy of a scenario lets a call live so long.
PATIENCE = 600.0
_WALL = 1_767_225_600.0


class HungError(BaseException):
    """A wait of all threads that nothing will end. Not an `Exception`: no driver must take it for a failed attempt."""


class VirtualTime:
    """The clock of a run."""

    def __init__(self) -> None:
        self.at = 1000.0
        self._end = self.at + PATIENCE

    def begin(self) -> None:
        """Begins the time of a new run."""
        self._end = self.at + PATIENCE

    def pass_to(self, at: float) -> None:
        """Moves the time on."""
        self.at = max(self.at, at)
        if self.at > self._end:
            raise HungError("virtual minutes have passed")

    @contextlib.contextmanager
    def installed(self) -> Iterator[None]:
        """Replaces the process's clocks during the block."""

        def monotonic() -> float:
            return self.at

        def monotonic_ns() -> int:
            return int(self.at * 1e9)

        def wall() -> float:
            return _WALL + self.at

        def wall_ns() -> int:
            return int((_WALL + self.at) * 1e9)

        with (
            mock.patch.object(time, "monotonic", monotonic),
            mock.patch.object(time, "monotonic_ns", monotonic_ns),
            mock.patch.object(time, "time", wall),
            mock.patch.object(time, "time_ns", wall_ns),
            mock.patch.object(TIME, "monotonic", monotonic),
            mock.patch.object(TIME, "monotonic_ns", monotonic_ns),
        ):
            yield


class Turn:
    """A thread that runs in turns."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.lock.acquire()
        #: When its caller interrupts it.
        self.interrupted_at = float("inf")
        #: While it sleeps: which of its sleeps; a wake of an older one is stale.
        self.sleep = 0
        self.asleep = False


class Turns:
    """Threads of which one runs at a time, until it sleeps: the synchronous world of a run."""

    def __init__(self, clock: VirtualTime) -> None:
        self.clock = clock
        self._order = itertools.count()
        self._sleeping: list[tuple[float, int, Turn, int]] = []
        self._ready: deque[Turn] = deque()
        self.running = Turn()
        self._joining: Turn | None = None
        self.hung = False

    def start(self, work: Callable[[], object], after: float = 0.0) -> None:
        """Runs `work` in a thread of its own, its first turn so many seconds from now."""
        turn = Turn()

        def whole() -> None:
            turn.lock.acquire()
            try:
                work()
            finally:
                self._pass_on(None)

        # Daemons: a hung run must not keep the process.
        threading.Thread(target=whole, daemon=True).start()
        self._sleep_until(turn, self.clock.at + after)

    def join(self) -> None:
        """Waits until every other thread has ended."""
        turn = self._joining = self.running
        self._pass_on(turn)
        self._joining = None

    def pause(self, seconds: float) -> None:
        """Sleeps the running thread. Raises KeyboardInterrupt at the time that it is interrupted."""
        turn = self.running
        at = self.clock.at + max(0.0, seconds)
        self._sleep_until(turn, min(at, max(self.clock.at, turn.interrupted_at)))
        self._pass_on(turn)
        turn.asleep = False
        if self.hung:
            raise HungError("everybody waits")
        if self.clock.at >= turn.interrupted_at:
            turn.interrupted_at = float("inf")
            raise KeyboardInterrupt

    def wake(self, turn: Turn) -> None:
        """Ends a sleep."""
        if turn.asleep:
            turn.asleep = False
            self._ready.append(turn)

    def _sleep_until(self, turn: Turn, at: float) -> None:
        turn.sleep += 1
        turn.asleep = True
        heapq.heappush(self._sleeping, (at, next(self._order), turn, turn.sleep))

    def _next(self) -> Turn:
        if self._ready:
            return self._ready.popleft()
        while self._sleeping:
            at, _, turn, sleep = heapq.heappop(self._sleeping)
            if turn.asleep and turn.sleep == sleep:
                try:
                    self.clock.pass_to(at)
                except HungError:
                    self.hung = True
                return turn
        if self._joining is None:
            raise HungError("no thread has a turn left")
        return self._joining

    def _pass_on(self, turn: Turn | None) -> None:
        """Gives the turn to the next thread, and waits for its own turn unless it has ended."""
        following = self._next()
        self.running = following
        if following is not turn:
            following.lock.release()
            if turn is not None:
                turn.lock.acquire()


class TurnPause:
    """A pause that replaces `ThreadPause`."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._turn: Turn | None = None
        self._woken = False

    def wake(self) -> None:
        """Ends the pause."""
        self._woken = True
        if self._turn is not None:
            self._turns.wake(self._turn)

    def wait(self, seconds: float) -> None:
        """Returns after so many virtual seconds or when woken."""
        if self._woken:
            return
        self._turn = self._turns.running
        try:
            self._turns.pause(seconds)
        finally:
            self._turn = None


class _Selector(selectors.SelectSelector):
    """A selector that does not wait: where a loop would wait, time moves."""

    clock: VirtualTime

    def select(self, timeout: float | None = None) -> list[Any]:
        """Returns what is ready."""
        found = super().select(0)
        if not found and timeout is None:
            raise HungError("the loop waits for nothing")
        if not found and timeout:
            self.clock.pass_to(self.clock.at + timeout)
        return found


class VirtualLoop(asyncio.SelectorEventLoop):
    """An asyncio loop on a virtual clock. Its `time()` is `time.monotonic`, which is virtual."""

    def __init__(self, clock: VirtualTime) -> None:
        selector = _Selector()
        selector.clock = clock
        super().__init__(selector)

    def left(self) -> tuple[int, int]:
        """Returns the timers that will fire, and the tasks that have not ended."""
        timers = sum(not timer.cancelled() for timer in self._scheduled)  # type: ignore[attr-defined]
        return timers, sum(not task.done() for task in asyncio.all_tasks(self))
