"""Pauses of a call, in a thread or in a task, until its time has come or another call wakes it.

The pauses and limits of asyncio and trio are protocols here, so that neither is imported for them.
"""

from __future__ import annotations

from collections.abc import Coroutine
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

from .clock import ThreadPause
from .engine import Engine


class Pause(Protocol):
    """A pause of the running task."""

    def wake(self) -> None:
        """Ends the pause."""

    async def wait(self, seconds: float) -> bool:
        """Waits so many seconds or until woken; returns whether the time has passed."""
        ...


class Limit(Protocol):
    """A time limit: raises TimeoutError in what runs inside when `TIME.monotonic()` passes `at`."""

    #: May be moved to a later time while it runs.
    at: float

    @property
    def ended(self) -> bool:
        """Returns whether this limit ended what ran inside."""
        ...

    def __enter__(self) -> object: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> bool | None: ...


class Loop(Protocol):
    """The pauses, limits and tasks of a loop, asyncio's or trio's."""

    def pause(self) -> Pause:
        """Returns a pause of the running task."""
        ...

    def limit(self, at: float) -> Limit:
        """Returns a limit that ends when `TIME.monotonic()` passes `at`."""
        ...

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs work that outlives the running task."""
        ...


class ThreadPauses:
    """The part of a synchronous host that waits."""

    async def pause(self, engine: Engine, number: int, ms: int) -> None:
        """Blocks the thread for so many milliseconds, or until the call is woken."""
        pause = ThreadPause()
        if engine.waiting.enter(number, pause):
            try:
                pause.wait(ms / 1000)
            finally:
                engine.waiting.leave(number)


#: Milliseconds by which a wait may be shorter than asked, because of the resolution of timers.
_RESOLUTION = 50


class TaskPauses:
    """The part of an asynchronous host that waits."""

    if TYPE_CHECKING:
        # A host retains its loop, or looks for the running one.
        @property
        def loop(self) -> Loop:
            """Returns the running loop."""
            ...

    async def pause(self, engine: Engine, number: int, ms: int) -> None:
        """Suspends the task for so many milliseconds, or until the call is woken."""
        pause = self.loop.pause()
        if engine.waiting.enter(number, pause):
            try:
                await waited(engine, pause, ms)
            finally:
                engine.waiting.leave(number)


async def waited(engine: Engine, pause: Pause, ms: int) -> None:
    """Waits so many milliseconds, or until woken. Moves the engine's clock on where a test moved the loop's time."""
    began = engine.now()
    if await pause.wait(ms / 1000):
        short = ms - (engine.now() - began)
        if short > _RESOLUTION:
            engine.clock.skip(short)
