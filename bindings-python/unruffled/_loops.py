"""What differs between asyncio and trio: pausing, limiting, spawning. Imported with the first AsyncClient only."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import sys
import time
from collections.abc import Coroutine
from contextlib import AbstractAsyncContextManager
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

    def limit(self, at: float) -> AbstractAsyncContextManager[object]:
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


class AsyncioLoop:
    """asyncio."""

    def __init__(self) -> None:
        """Keeps the spawned tasks alive."""
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()

    def pause(self) -> Pause:
        """A pause of the running task."""
        return AsyncioPause()

    def limit(self, at: float) -> AbstractAsyncContextManager[object]:
        """asyncio's own timeout. Its loop's clock is `time.monotonic` unless somebody replaced it."""
        return asyncio.timeout(at - time.monotonic())

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """A task of the loop."""
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class TrioLoop:
    """trio."""

    def pause(self) -> Pause:
        """A pause of the running task."""
        return TrioPause()

    @contextlib.asynccontextmanager
    async def limit(self, at: float) -> Any:
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


def running_loop() -> asyncio.AbstractEventLoop | trio.lowlevel.TrioToken:
    """The asyncio loop or the trio run that the caller is in. Raises RuntimeError outside of both."""
    loop = asyncio._get_running_loop()
    if loop is not None:
        return loop
    if "trio" in sys.modules:
        import trio

        return trio.lowlevel.current_trio_token()
    raise RuntimeError("an AsyncClient needs a running event loop: asyncio's or trio's")
