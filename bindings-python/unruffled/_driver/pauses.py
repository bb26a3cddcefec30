"""How a call pauses, in a thread or in a task, until its time has come or another call wakes it.

What a pause and a time limit need of asyncio or trio stands here as protocols, so that neither is imported for them.
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
        """Ends it."""

    async def wait(self, seconds: float) -> bool:
        """Returns after so long or when woken: whether it was the time."""
        ...


class Limit(Protocol):
    """A time limit for what runs inside: TimeoutError is raised there when `TIME.monotonic()` passes `at`."""

    #: May be moved to a later time while it runs.
    at: float

    @property
    def ended(self) -> bool:
        """Whether it was this limit that ended what ran inside."""
        ...

    def __enter__(self) -> object: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> bool | None: ...


class Loop(Protocol):
    """What differs between asyncio and trio."""

    def pause(self) -> Pause:
        """A pause of the running task."""
        ...

    def limit(self, at: float) -> Limit:
        """Raises TimeoutError inside when `TIME.monotonic()` passes `at`."""
        ...

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs work that outlives the running task."""
        ...


class ThreadPauses:
    """The part of a synchronous host that waits."""

    async def pause(self, engine: Engine, number: int, ms: int) -> None:
        """Blocks the thread so long, or until the call is woken."""
        pause = ThreadPause()
        if engine.waiting.enter(number, pause):
            try:
                pause.wait(ms / 1000)
            finally:
                engine.waiting.leave(number)


#: Milliseconds by which a wait may be shorter than asked, by the resolution of timers.
_RESOLUTION = 50


class TaskPauses:
    """The part of an asynchronous host that waits."""

    if TYPE_CHECKING:
        # A host keeps its loop, or looks for the running one.
        @property
        def loop(self) -> Loop:
            """The running loop."""
            ...

    async def pause(self, engine: Engine, number: int, ms: int) -> None:
        """Suspends the task so long, or until the call is woken."""
        pause = self.loop.pause()
        if engine.waiting.enter(number, pause):
            try:
                await waited(engine, pause, ms)
            finally:
                engine.waiting.leave(number)


async def waited(engine: Engine, pause: Pause, ms: int) -> None:
    """Waits so long, or until woken. A wait that a test's time has let pass has passed for the engine, too."""
    began = engine.now()
    if await pause.wait(ms / 1000):
        short = ms - (engine.now() - began)
        if short > _RESOLUTION:
            engine.clock.skip(short)
