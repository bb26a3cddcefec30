"""The hosts of drop-ins: they let a call wait, and read the bodies of answers.

An adapter's host adds `attempt`, the methods for its client's bodies (`body`, `release`, `restore`), the fault of an
exception (`fault`), and the client's exceptions for an attempt that ran out of time (`late`) and for a call that was
never sent (`unsent`). `endings` has the end of a call.
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

#: Seconds for the body of a retained answer, if nothing else bounds it.
_BODY_SECONDS = 1.0


class ThreadHost(ThreadPauses, Endings[D, R]):
    """A synchronous host. It runs in the calling thread and never suspends."""

    def body(self, call: D, at: float) -> Iterator[bytes]:
        """Yields the last response's body as it comes from the wire, until `at` (`time.monotonic`)."""
        raise NotImplementedError

    def release(self, call: D) -> None:
        """Closes the last response."""
        raise NotImplementedError

    def fill(self, call: D, most: float, at: float) -> list[bytes]:
        """Reads further pieces of the body until there are `most` bytes or it ends. Raises `late` at `at`."""
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
        """Reads the first bytes of the last response's body, decoded. Returns the bytes so far if it breaks off."""
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
    """An asynchronous host, for asyncio and trio. It serves any number of loops."""

    def __init__(self) -> None:
        """Begins without a loop."""
        self._last: tuple[Any, Loop | None] = (None, None)

    @property
    def loop(self) -> Loop:
        """Returns the running loop's pauses and limits."""
        running = running_loop()
        last = self._last
        if last[0] is not running:
            from .._driver.event_loops import loop_of

            self._last = last = (running, loop_of(running))
        return cast(Loop, last[1])

    def limit(self, at: float) -> Limit:
        """Returns a limit that ends when `TIME.monotonic()` passes `at`."""
        return self.loop.limit(at)

    def body(self, call: D, at: float) -> AsyncIterator[bytes]:
        """Yields the last response's body as it comes from the wire, until `at` (`time.monotonic`)."""
        raise NotImplementedError

    async def release(self, call: D) -> None:
        """Closes the last response."""
        raise NotImplementedError

    async def fill(self, call: D, most: float, at: float) -> list[bytes]:
        """Reads further pieces of the body until there are `most` bytes or it ends. Raises `late` at `at`."""
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
        """Reads the first bytes of the last response's body, decoded. Returns the bytes so far if it breaks off."""
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
            # The garbage collector would close it outside of any task.
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
    """Returns when retaining ends. A stalled body must not delay the call if the policy has no limit."""
    return call.engine.now() + int(_BODY_SECONDS * 1000) if until is None else until


def _again(error: Exception) -> Iterator[bytes]:
    """Raises for the rest of a body that broke off while its beginning was read."""
    raise error
    yield b""


async def _again_async(error: Exception) -> AsyncIterator[bytes]:
    raise error
    yield b""
