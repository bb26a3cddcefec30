"""The hosts of drop-ins: how a call waits, and how an answer's body is read.

An adapter's host adds `attempt` and a few small methods: how its client's bodies are read (`body`, `release`,
`restore`), which fault an exception is, what the client calls an attempt that ran out of time (`late`) and a call that
was never sent (`unsent`). How a call ends is in `endings`.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from typing import Any, cast

from .._core import step_word
from .._driver.deadline import THREAD_DEADLINE
from .._driver.pauses import Limit, Loop, TaskPauses, ThreadPauses
from .._driver.running import running_loop
from .._driver.time import TIME
from .drop_in import DropInCall
from .endings import D, Endings, R

#: Seconds for the body of an answer that is retained, where nothing else bounds it.
_BODY_SECONDS = 1.0


class ThreadHost(ThreadPauses, Endings[D, R]):
    """The synchronous part: the calling thread, which never suspends."""

    def body(self, call: D, at: float) -> Iterator[bytes]:
        """Yields the last response's body as it comes from the wire; wanted until `at` (`time.monotonic`)."""
        raise NotImplementedError

    def release(self, call: D) -> None:
        """Closes the last response."""
        raise NotImplementedError

    def fill(self, call: D, most: float, at: float) -> list[bytes]:
        """Reads the body until there are so many bytes or it ends, from where it left off; raises `late` at `at`."""
        if call.pieces is None:
            call.pieces = (self.body(call, at), [])
        pieces: Iterator[bytes] | None
        pieces, parts = call.pieces
        size = sum(map(len, parts))
        before = THREAD_DEADLINE.at
        THREAD_DEADLINE.at = None if at == math.inf else at
        try:
            while pieces is not None and size < most:
                if TIME.monotonic() >= at:
                    raise self.late(call)
                part = next(pieces, None)
                if part is None:
                    self.release(call)
                    call.pieces = (None, parts)
                    break
                parts.append(part)
                size += len(part)
        finally:
            THREAD_DEADLINE.at = before
        return cast(list[bytes], parts)

    async def read_prefix(self, call: D, most: int, until: int | None) -> bytes:
        """Reads the first bytes of the last response's body, decoded; returns what came, when it breaks off."""
        return self.plain(call, await self._ahead(call, most, until), most)

    async def _ahead(self, call: D, most: int, until: int | None) -> bytes:
        try:
            parts = self.fill(call, most, _end(call, until))
        except Exception as error:
            parts = call.pieces[1]
            call.pieces = (_again(error), parts)
        except BaseException:
            self.release(call)
            raise
        return b"".join(parts)[:most]

    async def retain(self, call: D, until: int | None) -> None:
        """Retains at most 64 KiB of the last response's body and closes it."""
        try:
            retained = await self._ahead(call, step_word.MOST_RETAINED, _soon(call, until))
        finally:
            self.release(call)
        call.pieces = (None, [retained])


class LoopHost(TaskPauses, Endings[D, R]):
    """The asynchronous part: asyncio or trio, whichever runs. One host serves any number of loops."""

    def __init__(self) -> None:
        """No loop yet."""
        self._last: tuple[Any, Loop | None] = (None, None)

    @property
    def loop(self) -> Loop:
        """The running loop's pauses and limits."""
        running = running_loop()
        last = self._last
        if last[0] is not running:
            from .._driver.event_loops import loop_of

            self._last = last = (running, loop_of(running))
        return cast(Loop, last[1])

    def limit(self, at: float) -> Limit:
        """Raises TimeoutError inside when `TIME.monotonic()` passes `at`."""
        return self.loop.limit(at)

    def body(self, call: D, at: float) -> AsyncIterator[bytes]:
        """Yields the last response's body as it comes from the wire; wanted until `at` (`time.monotonic`)."""
        raise NotImplementedError

    async def release(self, call: D) -> None:
        """Closes the last response."""
        raise NotImplementedError

    async def fill(self, call: D, most: float, at: float) -> list[bytes]:
        """Reads the body until there are so many bytes or it ends, from where it left off; raises `late` at `at`."""
        if call.pieces is None:
            call.pieces = (self.body(call, at), [])
        pieces: AsyncIterator[bytes] | None
        pieces, parts = call.pieces
        size = sum(map(len, parts))
        try:
            with contextlib.nullcontext() if at == math.inf else self.limit(at):
                while pieces is not None and size < most:
                    part = await anext(pieces, None)
                    if part is None:
                        await self.release(call)
                        call.pieces = (None, parts)
                        break
                    parts.append(part)
                    size += len(part)
        except TimeoutError as error:
            raise self.late(call) from error
        return cast(list[bytes], parts)

    async def read_prefix(self, call: D, most: int, until: int | None) -> bytes:
        """Reads the first bytes of the last response's body, decoded; returns what came, when it breaks off."""
        return self.plain(call, await self._ahead(call, most, until), most)

    async def _ahead(self, call: D, most: int, until: int | None) -> bytes:
        try:
            parts = await self.fill(call, most, _end(call, until))
        except Exception as error:
            parts = call.pieces[1]
            call.pieces = (_again_async(error), parts)
        except BaseException:
            await self._close_body(call)
            raise
        return b"".join(parts)[:most]

    async def retain(self, call: D, until: int | None) -> None:
        """Retains at most 64 KiB of the last response's body and closes it."""
        try:
            retained = await self._ahead(call, step_word.MOST_RETAINED, _soon(call, until))
        finally:
            await self._close_body(call)
        call.pieces = (None, [retained])

    async def _close_body(self, call: D) -> None:
        try:
            # Left to the garbage collector, it would end outside of any task.
            if isinstance(call.pieces[0], AsyncGenerator):
                await call.pieces[0].aclose()
        finally:
            await self.release(call)


def _end(call: DropInCall[Any], until: int | None) -> float:
    """Returns when reading ends, in `time.monotonic`."""
    if until is None:
        return call.limit_at
    return min(call.limit_at, TIME.monotonic() + max(0, until - call.engine.now()) / 1000)


def _soon(call: DropInCall[Any], until: int | None) -> int:
    """Returns when retaining ends; without a limit of the policy's a stalled body must not delay the call."""
    return call.engine.now() + int(_BODY_SECONDS * 1000) if until is None else until


def _again(error: Exception) -> Iterator[bytes]:
    """Raises for the rest of a body that broke off while its beginning was read."""
    raise error
    yield b""


async def _again_async(error: Exception) -> AsyncIterator[bytes]:
    raise error
    yield b""
