"""What differs between asyncio and trio: pausing, limiting, spawning. Imported with the first AsyncClient only."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import time
from collections.abc import Coroutine, Iterator
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import trio


class Pause(Protocol):
    """A pause of the running task."""

    def wake(self) -> None:
        """Ends it."""

    async def wait(self, seconds: float) -> None:
        """Returns after so long or when woken."""


class Loop(Protocol):
    """What differs between asyncio and trio."""

    def pause(self) -> Pause:
        """A pause of the running task."""
        ...

    def limit(self, at: float) -> AbstractContextManager[None]:
        """Raises TimeoutError inside when `time.monotonic` passes `at`."""
        ...

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs work that outlives the running task."""
        ...


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


class AsyncioLimit:
    """Ends what runs inside with TimeoutError when the time is up.

    As `asyncio.timeout`, but entered without awaiting and not to be moved: half its cost, once per attempt.
    """

    __slots__ = ("_before", "_fired", "_seconds", "_task", "_timer")

    def __init__(self, seconds: float) -> None:
        """Runs from when it is entered."""
        self._seconds = seconds

    def __enter__(self) -> None:
        """Sets the timer."""
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        if task is None:
            raise RuntimeError("an AsyncClient is used within a task")
        self._task = task
        self._before = task.cancelling()
        self._fired = False
        self._timer = loop.call_later(self._seconds, self._fire)

    def _fire(self) -> None:
        self._fired = True
        self._task.cancel()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Tells its own cancellation from another's."""
        self._timer.cancel()
        if self._fired and self._task.uncancel() <= self._before and kind is asyncio.CancelledError:
            raise TimeoutError("the attempt's time is up") from error


class AsyncioLoop:
    """asyncio."""

    def __init__(self) -> None:
        """Keeps the spawned tasks alive."""
        self._tasks: set[asyncio.Task[None]] = set()

    def pause(self) -> Pause:
        """A pause of the running task."""
        return AsyncioPause()

    def limit(self, at: float) -> AbstractContextManager[None]:
        """A limit for the running task."""
        return AsyncioLimit(max(0.0, at - time.monotonic()))

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """A task of the running loop."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class TrioLoop:
    """trio."""

    def pause(self) -> Pause:
        """A pause of the running task."""
        return TrioPause()

    @contextlib.contextmanager
    def limit(self, at: float) -> Iterator[None]:
        """A cancel scope of trio's."""
        import trio

        with trio.move_on_after(max(0.0, at - time.monotonic())) as scope:
            yield
        if scope.cancelled_caught:
            raise TimeoutError("the attempt's time is up")

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """A system task: it ends with the run."""
        import trio

        async def whole() -> None:
            await work

        trio.lowlevel.spawn_system_task(whole, context=contextvars.copy_context())


def loop_of(running: asyncio.AbstractEventLoop | trio.lowlevel.TrioToken) -> Loop:
    """The kind of a running loop."""
    return AsyncioLoop() if isinstance(running, asyncio.AbstractEventLoop) else TrioLoop()


def is_over(loop: asyncio.AbstractEventLoop | trio.lowlevel.TrioToken) -> bool:
    """Whether a loop will never run again."""
    if isinstance(loop, asyncio.AbstractEventLoop):
        return loop.is_closed()
    import trio

    try:
        loop.run_sync_soon(int)
    except trio.RunFinishedError:
        return True
    return False
