"""How the transports of httpx2 and httpx send: one contract, by classes of two families that do not mix.

A transport gives an attempt a request of its own, so that time limits and the key leak into no redirect and no second
leg of an authentication, and closes every answer that it does not return. Redirects and authentication run above it:
each hop is a call of its own.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable, Iterator
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from . import _codes as codes
from ._causes import with_cause
from ._dropin import DropIn, Dropped
from ._dropin_endings import Endings
from ._dropin_hosts import LoopHost, ThreadHost
from ._errors import CallError
from ._family import Family
from ._faults import fault_of
from ._job import NO_LIMIT, limit_of
from ._limit import LIMIT
from ._pool import clip, forget, idle, pool_of
from ._record import PLACE, Record
from ._stacked import NESTED
from ._stale import ended_h2, over_h2
from ._time import TIME

if TYPE_CHECKING:
    from ._loops import Limit

_MOST_PLACES = 512
_UNLIMITED: dict[str, float | None] = {"connect": None, "read": None, "write": None, "pool": None}


class _Sender(Endings[Dropped[Any], Any]):
    """What both hosts know of their family."""

    status: Callable[[Any], int] = attrgetter("status_code")
    lines: Callable[[Any], list[tuple[bytes, bytes]]] = attrgetter("headers.raw")
    clipped = True

    def __init__(self, family: Family, dropin: DropIn, inner: Any) -> None:
        """`inner` sends."""
        super().__init__()
        self.family = family
        self.dropin = dropin
        self.inner = inner
        pool = pool_of(inner)
        self.pools = [] if pool is None else [pool]
        self.over_h2 = over_h2(self.pools)
        self._places: dict[Any, tuple[str, str]] = {}
        #: Another unruffled may be in it.
        self.foreign = pool is None
        dropin.on_fork.append(lambda: forget(inner))

    def call(self, request: Any) -> Dropped[Any]:
        """The call that a request is."""
        call: Dropped[Any] = Dropped()
        call.request = request
        call.body = request.stream
        repeatable, call.rewind = self.family.replay(request.stream)
        if not repeatable and not self.family.sends_body(request):
            # A layer above made a stream of nothing.
            repeatable, call.body = True, self.family.module.ByteStream(b"")
        origin, path = self._place(request.url)
        self.dropin.order(call, request.method, origin, path, request.headers.raw, repeatable=repeatable)
        if not isinstance(call.body, self.family.module.ByteStream):
            call.body = self.family.watched(call.body, call.alive())
        return call

    def _place(self, url: Any) -> tuple[str, str]:
        """Origin and path of a request, known of those seen last."""
        written = getattr(url, "_uri_reference", None)
        places = self._places
        known = places.get(written)
        if known is None:
            known = (f"{url.scheme}://{url.netloc.decode('ascii')}", url.raw_path.partition(b"?")[0].decode("ascii"))
            if written is not None:
                if len(places) >= _MOST_PLACES:
                    places.clear()
                places[written] = known
        return known

    def prepared(self, call: Dropped[Any], word: int, clipped: bool) -> Any:
        """An attempt's request. `clipped`: something else ends reading and writing in time.

        The caller's own where nothing must change in it; only the first attempt's, since what sends may change it.
        """
        given = call.request
        key = call.key_line(word)
        route = call.route
        first = call.error is None and call.response is None
        if (
            first
            and clipped
            and key is None
            and call.body is given.stream
            and word >> codes.ARG == 0
            and route.connect is None
            and route.idle is None
        ):
            return given
        if call.rewind is not None:
            call.rewind()
        call.timeouts = limits = {**_UNLIMITED, **(given.extensions.get("timeout") or _UNLIMITED)}
        if route.connect is not None:
            limits["connect"] = _least(limits["connect"], route.connect)
        if word >> codes.ARG:
            left = (word >> codes.ARG) / 1000
            for kind in ("connect", "pool") if clipped else _UNLIMITED:
                limits[kind] = _least(limits[kind], left)
        # A copy: to make one anew looks at the URL and at each header once more.
        made = object.__new__(type(given))
        made.__dict__.update(given.__dict__)
        if key is not None:
            made.headers = self.family.module.Headers([*given.headers.raw, key])
        elif not first:
            made.headers = self.family.module.Headers(given.headers)
        made.stream = call.body
        made.extensions = {**given.extensions, "timeout": limits}
        return made

    def streams(self, call: Dropped[Any]) -> None:
        """For the body of an answer that is delivered at its headers: the client's own limit, or what is written."""
        if call.route.idle is not None or call.limit_at < math.inf:
            # The engines look this up as the body's first piece is asked for.
            own = (call.request.extensions.get("timeout") or _UNLIMITED).get("read")
            call.timeouts["read"] = _least(own, call.route.idle)

    def fault(self, call: Dropped[Any], error: Exception) -> int:
        """The fault of an attempt's exception."""
        return with_cause(fault_of(error, call.reading), error)

    def late(self, call: Dropped[Any]) -> Exception:
        """As for a server that is silent."""
        error: Exception = self.family.module.ReadTimeout("the attempt timed out", request=call.request)
        return error

    def unsent(self, call: Dropped[Any], told: CallError) -> Exception:
        """A time limit is like a pool without a free connection, all else like a server that cannot be reached."""
        module = self.family.module
        kind = module.PoolTimeout if told.reason in ("deadline", "timeout") else module.ConnectError
        error: Exception = kind(str(told), request=call.request)
        return error

    def attach(self, response: Any, record: Record) -> None:
        """With the response's extensions, where its reader finds it without us."""
        response.extensions[PLACE] = record


class SyncSender(_Sender, ThreadHost[Dropped[Any], Any]):
    """Sends by a transport of the family; any number of threads at a time."""

    def __init__(self, family: Family, dropin: DropIn, inner: Any) -> None:
        """Puts the deadline into the inner transport's connections, where its pool lets it."""
        super().__init__(family, dropin, inner)
        self.clipped = bool(self.pools) and clip(self.pools)

    async def attempt(self, call: Dropped[Any], word: int) -> Any:
        """Sends the call once; with its whole body if that is short and no event stream."""
        at = limit_of(word, call)
        call.reading = False
        call.streamed = True
        call.pieces = None
        request = self.prepared(call, word, self.clipped)
        if word & codes.FRESH:
            for connection in idle(self.pools):
                connection.close()
        if self.over_h2:
            for connection in ended_h2(self.over_h2):
                connection.close()
        before = LIMIT.at
        LIMIT.at = at if before is None or (at is not None and at < before) else before
        mark = NESTED.set(call.limit_at) if self.foreign else None
        call.limit = LIMIT if before is None else NO_LIMIT
        try:
            call.response = response = self.inner.handle_request(request)
            whole = call.buffers(response.status_code, response.headers.raw)
            if call.coded:
                self.family.check(response)
            if not whole:
                self.streams(call)
                return response
            call.reading = True
            try:
                # Without the clock in the connection it is looked at between the pieces.
                parts = response.stream if self.clipped or at is None else self.fill(call, math.inf, at)
                body = b"".join(parts)
            finally:
                self.release(call)
            if call.coded:
                self.family.verify(response, body)
            response.stream = self.family.module.ByteStream(body)
            call.pieces = None
            call.streamed = False
            return response
        finally:
            LIMIT.at = before
            if mark is not None:
                NESTED.reset(mark)

    def body(self, call: Dropped[Any], at: float) -> Iterator[bytes]:
        """As it comes from the wire, not decoded."""
        if not self.clipped and at < math.inf:
            call.timeouts["read"] = _least(call.timeouts["read"], max(0.001, at - TIME.monotonic()))
        assert call.response is not None
        return iter(call.response.stream)

    def release(self, call: Dropped[Any]) -> None:
        """The stream alone: a response that was closed cannot be read when it is returned after all."""
        assert call.response is not None
        call.response.stream.close()

    def restore(self, call: Dropped[Any], parts: list[bytes], rest: Any) -> None:
        """Puts what was read in the place of the stream."""
        response: Any = call.response
        if rest is None:
            response.stream = self.family.module.ByteStream(b"".join(parts))
        else:
            response.stream = self.family.restored(parts, rest, response.stream)


class AsyncSender(_Sender, LoopHost[Dropped[Any], Any]):
    """Sends by an asynchronous transport of the family."""

    def limit(self, at: float) -> Limit:
        """The loop's own, or what the family bears."""
        return self.loop.limit(at) if self.family.limit is None else self.family.limit(at)

    async def attempt(self, call: Dropped[Any], word: int) -> Any:
        """Sends the call once; with its whole body if that is short and no event stream."""
        at = limit_of(word, call)
        call.reading = False
        call.streamed = True
        call.pieces = None
        request = self.prepared(call, word, True)
        if word & codes.FRESH:
            for connection in idle(self.pools):
                await connection.aclose()
        if self.over_h2:
            for connection in ended_h2(self.over_h2):
                await connection.aclose()
        mark = NESTED.set(call.limit_at) if self.foreign else None
        try:
            call.limit = limit = NO_LIMIT if at is None else self.limit(at)
            with limit:
                call.response = response = await self.inner.handle_async_request(request)
                whole = call.buffers(response.status_code, response.headers.raw)
                if call.coded:
                    self.family.check(response)
                if not whole:
                    self.streams(call)
                    return response
                call.reading = True
                try:
                    parts = [part async for part in response.stream]
                finally:
                    await self.release(call)
                body = b"".join(parts)
                if call.coded:
                    self.family.verify(response, body)
                response.stream = self.family.module.ByteStream(body)
                call.streamed = False
                return response
        except TimeoutError as error:
            if at is not None and TIME.monotonic() >= at:
                raise self.late(call) from error
            raise
        finally:
            if mark is not None:
                NESTED.reset(mark)

    def body(self, call: Dropped[Any], at: float) -> AsyncIterator[bytes]:
        """As it comes from the wire, not decoded."""
        assert call.response is not None
        pieces: AsyncIterator[bytes] = aiter(call.response.stream)
        return pieces

    async def release(self, call: Dropped[Any]) -> None:
        """The stream alone: a response that was closed cannot be read when it is returned after all."""
        assert call.response is not None
        await call.response.stream.aclose()

    def restore(self, call: Dropped[Any], parts: list[bytes], rest: Any) -> None:
        """Puts what was read in the place of the stream."""
        response: Any = call.response
        if rest is None:
            response.stream = self.family.module.ByteStream(b"".join(parts))
        else:
            response.stream = self.family.restored_async(parts, rest, response.stream)


def _least(one: float | None, other: float | None) -> float | None:
    return other if one is None or (other is not None and other < one) else one
