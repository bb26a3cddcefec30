"""Time and waiting. Knows no HTTP and no core: a clock counts milliseconds, a pause ends by time or by a wake.

A pause is made by the call that waits and woken by whoever learns that it may go: another thread, another task, the
closing of the client. Waking a pause that has ended, or whose loop is gone, does nothing.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import trio


class Clock:
    """Monotonic milliseconds since it was made, and the wall clock beside it."""

    def __init__(self) -> None:
        """Starts at 0."""
        start = time.monotonic_ns()
        count = time.monotonic_ns

        def now() -> int:
            return (count() - start) // 1_000_000

        #: Whole milliseconds since the clock was made, rounded down.
        self.now: Callable[[], int] = now

    def wall(self) -> int:
        """Unix time in milliseconds."""
        return time.time_ns() // 1_000_000


class Wakeable(Protocol):
    """What a wake needs of a pause."""

    def wake(self) -> None:
        """Ends the pause; from any thread, any number of times."""


class ThreadPause:
    """Blocks the calling thread; KeyboardInterrupt ends it at once."""

    __slots__ = ("_event", "wake")

    def __init__(self) -> None:
        """Not woken yet."""
        self._event = threading.Event()
        self.wake = self._event.set

    def wait(self, seconds: float) -> None:
        """Returns after so many seconds or when woken."""
        self._event.wait(seconds)


class AsyncioPause:
    """Suspends the running asyncio task."""

    __slots__ = ("_future", "_loop")

    def __init__(self) -> None:
        """Belongs to the running loop."""
        self._loop = asyncio.get_running_loop()
        self._future: asyncio.Future[None] = self._loop.create_future()

    def wake(self) -> None:
        """Ends the pause; from any thread."""
        try:
            self._loop.call_soon_threadsafe(self._end)
        except RuntimeError:
            # The loop is closed, and its tasks with it.
            return

    def _end(self) -> None:
        if not self._future.done():
            self._future.set_result(None)

    async def wait(self, seconds: float) -> None:
        """Returns after so many seconds or when woken."""
        timer = self._loop.call_later(seconds, self._end)
        try:
            await self._future
        finally:
            timer.cancel()


class TrioPause:
    """Suspends the running trio task."""

    __slots__ = ("_event", "_token")

    def __init__(self) -> None:
        """Belongs to the running trio run."""
        import trio

        self._event = trio.Event()
        self._token = trio.lowlevel.current_trio_token()

    def wake(self) -> None:
        """Ends the pause; from any thread."""
        import trio

        try:
            self._token.run_sync_soon(self._event.set)
        except trio.RunFinishedError:
            return

    async def wait(self, seconds: float) -> None:
        """Returns after so many seconds or when woken."""
        import trio

        with trio.move_on_after(seconds):
            await self._event.wait()


def running_loop() -> asyncio.AbstractEventLoop | trio.lowlevel.TrioToken:
    """The asyncio loop or the trio run that the caller is in. Raises RuntimeError outside of both."""
    loop = asyncio._get_running_loop()
    if loop is not None:
        return loop
    if "trio" in sys.modules:
        import trio

        return trio.lowlevel.current_trio_token()
    raise RuntimeError("an AsyncClient needs a running event loop: asyncio's or trio's")


class Waiting:
    """The calls of one engine that pause, by call number, so that a wake finds them.

    A wake may come before its call has begun to pause (another thread pulled it): it is remembered, so that the pause
    ends before it begins.
    """

    #: Wakes remembered at most; a forgotten one costs its call the rest of its pause, nothing else.
    MOST_EARLY = 4096

    def __init__(self) -> None:
        """Nobody waits."""
        self._lock = threading.Lock()
        self._pauses: dict[int, Wakeable] = {}
        self.early: dict[int, None] = {}

    def enter(self, call: int, pause: Wakeable) -> bool:
        """Registers a pause. False: it was woken already, do not wait."""
        with self._lock:
            if call in self.early:
                del self.early[call]
                return False
            self._pauses[call] = pause
            return True

    def leave(self, call: int) -> None:
        """The pause has ended by itself."""
        with self._lock:
            self._pauses.pop(call, None)

    def forget(self, call: int) -> None:
        """The call ended, or does not need its early wake."""
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
