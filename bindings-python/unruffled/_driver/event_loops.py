"""Pauses, limits and spawned tasks of asyncio and of trio. Imported with the first AsyncClient only.

A test may control the time of a loop: stop it or move it. A pause follows that time, and ends by the machine's time at
the latest. A limit bounds real sockets, so that it ends by the machine's time alone. A clock that was given to trio
itself (`MockClock`) controls both, as it controls trio's own `fail_after`.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import TYPE_CHECKING, Any

from .pauses import Limit, Loop, Pause
from .time import TIME, is_faked

if TYPE_CHECKING:
    import trio


#: Seconds by which a timer may be early, because of its resolution.
_EARLY = 0.02


def real_timer(seconds: float, end: Callable[[], object]) -> threading.Timer:
    """Calls `end` in a thread of its own after so many seconds of the machine's time."""
    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    return timer


class AsyncioPause:
    """A pause of the running asyncio task."""

    __slots__ = ("_future", "_loop")

    def __init__(self) -> None:
        """Belongs to the running loop."""
        self._loop = asyncio.get_running_loop()
        self._future: asyncio.Future[bool] = self._loop.create_future()

    def wake(self) -> None:
        """Ends the pause. Any thread may call it."""
        self._end_soon(False)

    def _end_soon(self, timed: bool) -> None:
        try:
            self._loop.call_soon_threadsafe(self._end, timed)
        except RuntimeError:
            # The loop is closed, and its tasks with it.
            return

    def _end(self, timed: bool) -> None:
        if not self._future.done():
            self._future.set_result(timed)

    async def wait(self, seconds: float) -> bool:
        """Waits so many seconds or until woken; returns whether the time has passed."""
        timer = self._loop.call_later(seconds, self._end, True)
        real = real_timer(seconds, lambda: self._end_soon(True)) if is_faked() else None
        try:
            return await self._future
        finally:
            timer.cancel()
            if real is not None:
                real.cancel()


class TrioPause:
    """A pause of the running trio task."""

    __slots__ = ("_event", "_token")

    def __init__(self) -> None:
        """Belongs to the running trio run."""
        import trio

        self._event = trio.Event()
        self._token = trio.lowlevel.current_trio_token()

    def wake(self) -> None:
        """Ends the pause. Any thread may call it."""
        import trio

        try:
            self._token.run_sync_soon(self._event.set)
        except trio.RunFinishedError:
            return

    async def wait(self, seconds: float) -> bool:
        """Waits so many seconds or until woken; returns whether the time has passed."""
        import trio

        real = real_timer(seconds, self.wake) if is_faked() else None
        try:
            with trio.move_on_after(seconds) as scope:
                await self._event.wait()
        finally:
            if real is not None:
                real.cancel()
        return scope.cancelled_caught


class AsyncioLimit:
    """A time limit that raises TimeoutError in what runs inside.

    Works as `asyncio.timeout` at half the cost, since it is entered without awaiting.
    """

    __slots__ = ("_before", "_due", "_fired", "_loop", "_over", "_real", "_task", "_timer", "at")

    def __init__(self, at: float) -> None:
        """Takes the end, in `TIME.monotonic`."""
        self.at = at
        self._fired = False

    @property
    def ended(self) -> bool:
        """Returns whether this limit ended what ran inside."""
        return self._fired

    def __enter__(self) -> None:
        """Sets the timer."""
        self._loop = loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        if task is None:
            raise RuntimeError("an AsyncClient is used within a task")
        self._task = task
        self._before = task.cancelling()
        self._over = False
        self._real: threading.Timer | None = None
        #: When the timer is due, by the machine's time.
        self._due = self.at
        seconds = max(0.0, self.at - TIME.monotonic())
        self._timer = loop.call_later(seconds, self._fire)
        if is_faked():
            self._really(seconds)

    def _really(self, seconds: float) -> None:
        if self._real is not None:
            self._real.cancel()
        self._real = real_timer(seconds, self._fire_soon)

    def _fire_soon(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self._fire)
        except RuntimeError:
            # The loop is closed.
            return

    def _fire(self) -> None:
        if self._over or self._fired:
            return
        now = TIME.monotonic()
        left = self.at - now
        if left <= _EARLY:
            self._fired = True
            self._task.cancel()
        elif is_faked() or now < self._due - _EARLY:
            # A test moved the loop's time: by the machine's time it is too early.
            self._really(left)
        else:
            # The end was moved.
            self._due = self.at
            self._timer = self._loop.call_later(left, self._fire)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Raises TimeoutError for its own cancellation and passes another's on."""
        self._over = True
        self._timer.cancel()
        if self._real is not None:
            self._real.cancel()
        if self._fired and self._task.uncancel() <= self._before and kind is asyncio.CancelledError:
            raise TimeoutError("the attempt's time is up") from error


class AsyncioLoop:
    """The pauses, limits and tasks of asyncio."""

    def __init__(self) -> None:
        """Keeps the spawned tasks alive."""
        self._tasks: set[asyncio.Task[None]] = set()

    def pause(self) -> Pause:
        """Returns a pause of the running task."""
        return AsyncioPause()

    def limit(self, at: float) -> Limit:
        """Returns a limit for the running task."""
        return AsyncioLimit(at)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs work as a task of the loop."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class ScopeLimit:
    """A time limit made of a cancel scope of trio's or anyio's."""

    __slots__ = ("_at", "_now", "_over", "_real", "_scope", "_soon")

    def __init__(self, at: float, scope: Any, now: Callable[[], float], soon: Callable[[Callable[[], object]], object]):
        """Takes a scope. `now`: the time that its deadline is in. `soon`: runs a function in the loop."""
        self._at = at
        self._scope = scope
        self._now = now
        self._soon = soon
        self._real: threading.Timer | None = None
        self._over = False

    @property
    def at(self) -> float:
        """Returns the end, in `TIME.monotonic`."""
        return self._at

    @at.setter
    def at(self, at: float) -> None:
        self._at = at
        if self._real is None:
            self._scope.deadline = self._now() + max(0.0, at - TIME.monotonic())

    @property
    def ended(self) -> bool:
        """Returns whether this limit ended what ran inside."""
        return bool(self._scope.cancelled_caught)

    def __enter__(self) -> None:
        """Sets the scope's deadline, or a timer of the machine's time if a test controls the loop's."""
        if is_faked():
            self._really(max(0.0, self._at - TIME.monotonic()))
        else:
            self.at = self._at
        self._scope.__enter__()

    def _really(self, seconds: float) -> None:
        self._real = real_timer(seconds, self._fire_soon)

    def _fire_soon(self) -> None:
        try:
            self._soon(self._fire)
        except RuntimeError:
            # The loop is closed. Trio's exception for that is a RuntimeError, too.
            return

    def _fire(self) -> None:
        if self._over:
            return
        left = self._at - TIME.monotonic()
        if left <= _EARLY:
            self._scope.cancel()
        else:
            # The end was moved.
            self._really(left)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        """Raises TimeoutError for its own cancellation."""
        self._over = True
        if self._real is not None:
            self._real.cancel()
        caught = bool(self._scope.__exit__(kind, error, trace))
        if self._scope.cancelled_caught:
            raise TimeoutError("the attempt's time is up")
        return caught


def soon_of(
    running: asyncio.AbstractEventLoop | trio.lowlevel.TrioToken,
) -> Callable[[Callable[[], object]], object]:
    """Returns what another thread calls to run a function in the running loop."""
    if isinstance(running, asyncio.AbstractEventLoop):
        return running.call_soon_threadsafe
    return running.run_sync_soon


class TrioLoop:
    """The pauses, limits and tasks of trio."""

    def pause(self) -> Pause:
        """Returns a pause of the running task."""
        return TrioPause()

    def limit(self, at: float) -> Limit:
        """Returns a limit made of a cancel scope of trio's."""
        import trio

        token = trio.lowlevel.current_trio_token()
        return ScopeLimit(at, trio.CancelScope(), trio.current_time, token.run_sync_soon)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs work as a system task, which ends with the run."""
        import trio

        async def whole() -> None:
            await work

        trio.lowlevel.spawn_system_task(whole, context=contextvars.copy_context())


def loop_of(running: asyncio.AbstractEventLoop | trio.lowlevel.TrioToken) -> Loop:
    """Returns the pauses and limits of a running loop."""
    return AsyncioLoop() if isinstance(running, asyncio.AbstractEventLoop) else TrioLoop()


def is_over(loop: asyncio.AbstractEventLoop | trio.lowlevel.TrioToken) -> bool:
    """Returns whether a loop will never run again."""
    if isinstance(loop, asyncio.AbstractEventLoop):
        return loop.is_closed()
    import trio

    try:
        loop.run_sync_soon(int)
    except trio.RunFinishedError:
        return True
    return False
