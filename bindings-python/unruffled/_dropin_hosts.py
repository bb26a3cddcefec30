"""The hosts of drop-ins: how a call waits, what is read of an answer's body, and how the call ends.

An adapter's host adds `attempt` and five small methods: how its client's bodies are read (`body`, `release`,
`restore`), what the client calls an attempt that ran out of time (`late`), and a call that was never sent (`unsent`).

A drop-in never raises on a status: the last answer is returned as it came, unread where nothing had to be read; else
the last native exception is raised again.
"""

from __future__ import annotations

import contextlib
import math
import time
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from . import _codes as codes
from ._clock import ThreadPause
from ._dropin import Dropped, Lines
from ._endings import failure
from ._engine import Engine
from ._errors import CallError
from ._limit import LIMIT
from ._record import Record, remember
from ._running import running_loop

if TYPE_CHECKING:
    from ._loops import Loop

D = TypeVar("D", bound=Dropped[Any])
R = TypeVar("R")

_monotonic = time.monotonic
#: Seconds for the body of an answer that is put away, where nothing else bounds it.
_PATIENCE = 1.0


class Endings(Generic[D, R]):
    """How the calls of a drop-in end."""

    def late(self, call: D) -> Exception:
        """The client's exception for an attempt, or its body, that our limit ended."""
        raise NotImplementedError

    def unsent(self, call: D, told: CallError) -> Exception:
        """The client's exception for a call that was never sent; its cause will be `told`. By `told.reason`: `deadline`
        is one of the time limits, all else a failed connection.
        """
        raise NotImplementedError

    def restore(self, call: D, parts: list[bytes], rest: Any) -> None:
        """Makes a body that was read in part whole again: these pieces, then an iterator's; None = that is all."""
        raise NotImplementedError

    #: The header lines of an answer.
    lines: Callable[[R], Lines]
    #: Whether `body` gives pieces as they come from the wire, encoded or not.
    wire = True

    def plain(self, call: D, read: bytes, most: int) -> bytes:
        """The beginning of a body, decoded: rules look into what was meant. In an unknown coding there is nothing."""
        if self.wire:
            for name, value in self.lines(cast(R, call.response)):
                if name.lower() == b"content-encoding" and value.lower() not in (b"", b"identity"):
                    try:
                        return zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(read, most)
                    except zlib.error:
                        return b""
        return read

    def attach(self, response: R, record: Record) -> None:
        """Leaves the record with the response, for `explain`."""
        remember(response, record)

    def mistaken(self, call: D, number: int, word: int, started: int) -> Exception:
        """The caller's own exception."""
        return cast(Exception, call.error)

    async def last(self, call: D) -> None:
        """Stays open and unread."""

    async def refresh(self, engine: Engine, call: D, number: int, generation: int) -> None:
        """Credentials are the client's own: the core never asks."""
        raise NotImplementedError

    async def deliver(self, call: D, number: int, word: int, started: int) -> R:
        """The answer, whatever its status."""
        response = cast(R, call.response)
        if call.pieces is not None:
            rest, parts = call.pieces
            call.pieces = None
            self.restore(call, parts, rest)
        self.attach(response, Record(call.engine, number, word, started))
        return response

    async def fail(self, call: D, number: int, word: int, started: int) -> R:
        """The last answer, or the last native exception, or one of the client's own where nothing was sent."""
        if word & codes.RESPONSE and call.response is not None:
            return await self.deliver(call, number, word, started)
        error = call.error
        if error is not None:
            remember(error, Record(call.engine, number, word, started))
            raise error
        told = failure(call, number, word, started, response=None)
        raise self.unsent(call, told) from told


class ThreadHost(Endings[D, R]):
    """The synchronous part: the calling thread, which never suspends."""

    def body(self, call: D, at: float) -> Iterator[bytes]:
        """The pieces of the last response's body as they come from the wire; wanted until `at` (`time.monotonic`)."""
        raise NotImplementedError

    def release(self, call: D) -> None:
        """Closes the last response."""
        raise NotImplementedError

    async def pause(self, engine: Engine, number: int, ms: int) -> None:
        """Blocks the thread so long, or until the call is woken."""
        pause = ThreadPause()
        if engine.waiting.enter(number, pause):
            try:
                pause.wait(ms / 1000)
            finally:
                engine.waiting.leave(number)

    def fill(self, call: D, most: float, at: float) -> list[bytes]:
        """The body's pieces until there are so many bytes or it ends, from where it left off; raises `late` at `at`."""
        if call.pieces is None:
            call.pieces = (self.body(call, at), [])
        pieces: Iterator[bytes] | None
        pieces, parts = call.pieces
        size = sum(map(len, parts))
        before = LIMIT.at
        LIMIT.at = None if at == math.inf else at
        try:
            while pieces is not None and size < most:
                if _monotonic() >= at:
                    raise self.late(call)
                part = next(pieces, None)
                if part is None:
                    self.release(call)
                    call.pieces = (None, parts)
                    break
                parts.append(part)
                size += len(part)
        finally:
            LIMIT.at = before
        return cast(list[bytes], parts)

    async def gather(self, call: D, most: int, until: int | None) -> bytes:
        """The first bytes of the last response's body, decoded; what came, when it breaks off."""
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

    async def keep(self, call: D, until: int | None) -> None:
        """Keeps at most 64 KiB of the last response's body and closes it."""
        try:
            kept = await self._ahead(call, codes.MOST_KEPT, _soon(call, until))
        finally:
            self.release(call)
        call.pieces = (None, [kept])


class LoopHost(Endings[D, R]):
    """The asynchronous part: asyncio or trio, whichever runs. One host serves any number of loops."""

    def __init__(self) -> None:
        """No loop yet."""
        self._last: tuple[Any, Loop | None] = (None, None)

    @property
    def loop(self) -> Loop:
        """How the running loop pauses and limits."""
        running = running_loop()
        last = self._last
        if last[0] is not running:
            from ._loops import loop_of

            self._last = last = (running, loop_of(running))
        return cast("Loop", last[1])

    def body(self, call: D, at: float) -> AsyncIterator[bytes]:
        """The pieces of the last response's body as they come from the wire; wanted until `at` (`time.monotonic`)."""
        raise NotImplementedError

    async def release(self, call: D) -> None:
        """Closes the last response."""
        raise NotImplementedError

    async def pause(self, engine: Engine, number: int, ms: int) -> None:
        """Suspends the task so long, or until the call is woken."""
        pause = self.loop.pause()
        if engine.waiting.enter(number, pause):
            try:
                await pause.wait(ms / 1000)
            finally:
                engine.waiting.leave(number)

    async def fill(self, call: D, most: float, at: float) -> list[bytes]:
        """The body's pieces until there are so many bytes or it ends, from where it left off; raises `late` at `at`."""
        if call.pieces is None:
            call.pieces = (self.body(call, at), [])
        pieces: AsyncIterator[bytes] | None
        pieces, parts = call.pieces
        size = sum(map(len, parts))
        try:
            with contextlib.nullcontext() if at == math.inf else self.loop.limit(at):
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

    async def gather(self, call: D, most: int, until: int | None) -> bytes:
        """The first bytes of the last response's body, decoded; what came, when it breaks off."""
        return self.plain(call, await self._ahead(call, most, until), most)

    async def _ahead(self, call: D, most: int, until: int | None) -> bytes:
        try:
            parts = await self.fill(call, most, _end(call, until))
        except Exception as error:
            parts = call.pieces[1]
            call.pieces = (_again_async(error), parts)
        except BaseException:
            await self.release(call)
            raise
        return b"".join(parts)[:most]

    async def keep(self, call: D, until: int | None) -> None:
        """Keeps at most 64 KiB of the last response's body and closes it."""
        try:
            kept = await self._ahead(call, codes.MOST_KEPT, _soon(call, until))
        finally:
            await self.release(call)
        call.pieces = (None, [kept])


def _end(call: Dropped[Any], until: int | None) -> float:
    """When reading ends, in `time.monotonic`."""
    if until is None:
        return call.limit_at
    return min(call.limit_at, _monotonic() + max(0, until - call.engine.now()) / 1000)


def _soon(call: Dropped[Any], until: int | None) -> int:
    """Without a limit of the policy's an answer that is put away must not hold the call up."""
    return call.engine.now() + int(_PATIENCE * 1000) if until is None else until


def _again(error: Exception) -> Iterator[bytes]:
    """The rest of a body that broke off while we looked into it: whoever reads on gets the same exception."""
    raise error
    yield b""


async def _again_async(error: Exception) -> AsyncIterator[bytes]:
    raise error
    yield b""
