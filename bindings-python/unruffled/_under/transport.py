"""The hosts of the transports for httpx2 and httpx, which have the same names and classes that do not mix.

An attempt has a request of its own, so that its time limits and key do not get into a redirect or into the second
request of an authentication. Every answer that is not returned is closed. Redirects and authentication run above the
transport: each hop is a call of its own.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from operator import attrgetter
from typing import Any

from .._core import codes, step_word
from .._core.errors import CallError
from .._driver.call import NO_LIMIT, limit_of
from .._driver.deadline import THREAD_DEADLINE
from .._driver.loop import Begun, drive, run
from .._driver.nested import NESTED
from .._driver.pauses import Limit
from .._driver.record import PLACE, Record
from .._driver.time import TIME
from .._http.causes import with_cause
from .._http.faults import fault_of
from .._http.pool import clip, forget, idle, pool_of
from .._http.stale import ended_h2, over_h2
from .._http.variant import HttpxVariant
from .drop_in import DropIn, DropInCall, Place
from .endings import Endings
from .hosts import LoopHost, ThreadHost

_UNLIMITED: dict[str, float | None] = {"connect": None, "read": None, "write": None, "pool": None}


class _Sender(Endings[DropInCall[Any], Any]):
    """The part that the synchronous and the asynchronous host share."""

    status: Callable[[Any], int] = attrgetter("status_code")
    lines: Callable[[Any], list[tuple[bytes, bytes]]] = attrgetter("headers.raw")
    clipped = True

    def __init__(self, variant: HttpxVariant, dropin: DropIn, inner: Any) -> None:
        """Takes the transport that sends: `inner`."""
        super().__init__()
        self.variant = variant
        #: The class of bodies that are in memory.
        self.at_hand = variant.module.ByteStream
        self.dropin = dropin
        self.inner = inner
        pool = pool_of(inner)
        self.pools = [] if pool is None else [pool]
        self.over_h2 = over_h2(self.pools)
        #: Whether another client of this package may be in it.
        self.foreign = pool is None
        dropin.on_fork.append(lambda: forget(inner))

    def call(self, request: Any) -> DropInCall[Any]:
        """Makes the call of a request."""
        call: DropInCall[Any] = DropInCall()
        call.request = request
        call.body = body = request.stream
        call.rewind = None
        repeatable = at_hand = isinstance(body, self.at_hand)
        if not at_hand:
            repeatable, call.rewind = self.variant.replay(body)
            if not repeatable and not self.variant.sends_body(request):
                # A layer above made a stream of an empty body.
                repeatable, at_hand, call.body = True, True, self.at_hand(b"")
        dropin = self.dropin
        url = request.url
        parts = getattr(url, "_uri_reference", None)
        # Without the query, which is the sixth part.
        key = (request.method, str(url) if parts is None else parts[:5])
        place = dropin.engine.places.get(key) or self._place(key, request)
        dropin.prepare(call, place, lows(request.headers), repeatable=repeatable)
        if not at_hand:
            call.body = self.variant.watched(call.body, call.alive())
        return call

    def _place(self, key: Any, request: Any) -> Place:
        url = request.url
        path = url.raw_path.partition(b"?")[0].decode("ascii")
        return self.dropin.place(key, request.method, f"{url.scheme}://{url.netloc.decode('ascii')}", path)

    def usual(self, request: Any) -> Place | None:
        """Returns a request's place if the short path may send it, else None.

        Its place is known and its body in memory. It is no retry of an SDK, has no key of its own, and no outer client
        of this package sends it.
        """
        parts = getattr(request.url, "_uri_reference", None)
        if parts is None or self.over_h2 or NESTED.get() is not None or not isinstance(request.stream, self.at_hand):
            return None
        dropin = self.dropin
        place: Place | None = dropin.engine.places.get((request.method, parts[:5]))
        if place is None or not place.route.native:
            return None
        names = dropin.request_headers
        for _, low, value in lows(request.headers):
            if low not in names:
                continue
            if value != b"0" if low in dropin.retry_counts.names else low != b"content-length" or len(value) > 4:
                return None
        return place

    def sends_own(self, request: Any, left: int) -> bool:
        """Returns whether an attempt of so many milliseconds may send the caller's own request."""
        if not left:
            return True
        return self.clipped and _ends_within(request.extensions.get("timeout"), left / 1000)

    def unusual(self, request: Any, response: Any, error: Exception | None) -> DropInCall[Any]:
        """Makes the call of a request that left the short path, with its first answer or exception, if any."""
        call = self.call(request)
        call.response = response
        call.error = error
        call.timeouts = None
        return call

    def prepared(self, call: DropInCall[Any], word: int, clipped: bool) -> Any:
        """Makes an attempt's request. `clipped`: the thread's deadline or the loop's limit ends reading and writing.

        The first attempt sends the caller's own request if nothing in it must change.
        """
        given = call.request
        key = call.key_line(word) if word & codes.KEY else None
        route = call.route
        first = call.error is None and call.response is None
        own = first and clipped and key is None and route.native and call.body is given.stream
        if own and self.sends_own(given, word >> step_word.ARG):
            call.timeouts = None
            return given
        if call.rewind is not None:
            call.rewind()
        call.timeouts = limits = {**_UNLIMITED, **(given.extensions.get("timeout") or _UNLIMITED)}
        if route.connect is not None:
            limits["connect"] = _least(limits["connect"], route.connect)
        if word >> step_word.ARG:
            left = (word >> step_word.ARG) / 1000
            for kind in ("connect", "pool") if clipped else _UNLIMITED:
                limits[kind] = _least(limits[kind], left)
        # A copy, since the constructor would parse the URL and each header once more.
        made = object.__new__(type(given))
        made.__dict__.update(given.__dict__)
        if key is not None:
            made.headers = self.variant.module.Headers([*given.headers.raw, key])
        elif not first:
            made.headers = self.variant.module.Headers(given.headers)
        made.stream = call.body
        made.extensions = {**given.extensions, "timeout": limits}
        return made

    def streams(self, call: DropInCall[Any]) -> None:
        """Sets the read limit of a body that is delivered at its headers: the client's, or the policy's if written."""
        if call.timeouts is not None and (call.route.idle is not None or call.limit_at < math.inf):
            # httpcore2 and httpcore read this as the body's first piece is asked for.
            own = (call.request.extensions.get("timeout") or _UNLIMITED).get("read")
            call.timeouts["read"] = _least(own, call.route.idle)

    def fault(self, call: DropInCall[Any], error: Exception) -> int:
        """Returns the fault of an attempt's exception, with its cause."""
        return with_cause(fault_of(error, call.reading), error)

    def too_late(self, request: Any, cause: Exception) -> Exception:
        """Makes the exception for an attempt that the loop's limit ended."""
        error: Exception = self.variant.module.ReadTimeout("the attempt timed out", request=request)
        error.__cause__ = error.__context__ = cause
        return error

    def late(self, call: DropInCall[Any]) -> Exception:
        """Makes the exception for an attempt whose time is up."""
        error: Exception = self.variant.module.ReadTimeout("the attempt timed out", request=call.request)
        return error

    def unsent(self, call: DropInCall[Any], failed: CallError) -> Exception:
        """Makes `PoolTimeout` for a time limit, `ConnectError` for all else."""
        module = self.variant.module
        kind = module.PoolTimeout if failed.reason in ("deadline", "timeout") else module.ConnectError
        error: Exception = kind(str(failed), request=call.request)
        return error

    def attach(self, response: Any, record: Record) -> None:
        """Attaches the record to the response's extensions."""
        response.extensions[PLACE] = record


class SyncSender(_Sender, ThreadHost[DropInCall[Any], Any]):
    """A host that sends by a transport of the library, for any number of threads at a time."""

    def __init__(self, variant: HttpxVariant, dropin: DropIn, inner: Any) -> None:
        """Clips the inner transport's connections to the thread's deadline, where its pool allows that."""
        super().__init__(variant, dropin, inner)
        self.clipped = bool(self.pools) and clip(self.pools)

    def send(self, request: Any) -> Any:
        """Makes the call.

        Most calls begin, are sent as they are, answered and delivered. That path is written out here, since each
        function call costs time. All other calls go on in `drive`.
        """
        place = self.usual(request)
        if place is None or THREAD_DEADLINE.at is not None:
            return run(drive(self, self.call(request)))
        engine = self.dropin.engine
        engine.check_logging()
        now = engine.now
        started = now()
        call = broke = at = mark = None
        response: Any = None
        number = word = 0
        over = reading = whole = coded = False
        hinted = True
        ends: float = math.inf
        try:
            number = next(engine.numbers) & 0xFFFFFFFF
            word = engine.begin(engine.handle, number, started, place.number, place.scope, place.flags, 0)
            left = word >> step_word.ARG
            if not word & UNUSUAL and self.sends_own(request, left):
                if left:
                    THREAD_DEADLINE.at = ends = TIME.monotonic() + left / 1000
                if self.foreign:
                    mark = NESTED.set(ends)
                try:
                    response = self.inner.handle_request(request)
                    status = response.status_code
                    whole, coded, hinted = self.dropin.look(place.route, status, lows(response.headers))
                    if coded:
                        self.variant.check(response)
                    if whole and (coded or not isinstance(response.stream, self.at_hand)):
                        reading = True
                        stream = response.stream
                        try:
                            body = b"".join(stream)
                        finally:
                            stream.close()
                        if coded:
                            self.variant.verify(response, body)
                        response.stream = self.at_hand(body)
                except Exception as error:
                    broke = error
                finally:
                    if left:
                        THREAD_DEADLINE.at = None
                    if mark is not None:
                        NESTED.reset(mark)
                if broke is None and status < 400 and not hinted and status not in place.route.body_statuses:
                    at = now()
                    word = engine.respond(engine.handle, number, at, status)
                    if word & step_word.KIND == codes.DELIVER:
                        over = True
                        if word & codes.WAKES:
                            engine.wake()
                        response.extensions[PLACE] = Record(engine, number, word, at - started)
                        return response
            call = self.unusual(request, response, broke)
            call.limit_at, call.reading, call.streamed = ends, reading, not whole
            call.coded, call.hinted = coded, hinted
            return run(drive(self, call, Begun(number, started, word, broke or (response if at is None else None), at)))
        finally:
            broke = None
            if not (over if call is None else call.over):
                engine.abandon(number)
            if word & codes.EVENTS or engine.eager:
                engine.notify()

    async def attempt(self, call: DropInCall[Any], word: int) -> Any:
        """Sends the call once. Reads the whole body if that is short and no event stream."""
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
        before = THREAD_DEADLINE.at
        clips = at is not None and (before is None or at < before)
        if clips:
            THREAD_DEADLINE.at = at
        mark = NESTED.set(call.limit_at) if self.foreign else None
        call.limit = THREAD_DEADLINE if before is None else NO_LIMIT
        try:
            call.response = response = self.inner.handle_request(request)
            whole = call.buffers(response.status_code, lows(response.headers), self.dropin)
            if call.coded:
                self.variant.check(response)
            if not whole:
                self.streams(call)
                return response
            call.reading = True
            try:
                # A connection without the deadline: the clock is read between the pieces.
                parts = response.stream if self.clipped or at is None else self.fill(call, math.inf, at)
                body = b"".join(parts)
            finally:
                self.release(call)
            if call.coded:
                self.variant.verify(response, body)
            response.stream = self.variant.module.ByteStream(body)
            call.pieces = None
            call.streamed = False
            return response
        finally:
            if clips:
                THREAD_DEADLINE.at = before
            if mark is not None:
                NESTED.reset(mark)

    def body(self, call: DropInCall[Any], at: float) -> Iterator[bytes]:
        """Yields the pieces as they come from the wire, not decoded."""
        if call.timeouts is not None and not self.clipped and at < math.inf:
            call.timeouts["read"] = _least(call.timeouts["read"], max(0.001, at - TIME.monotonic()))
        assert call.response is not None
        return iter(call.response.stream)

    def release(self, call: DropInCall[Any]) -> None:
        """Closes the stream alone: a closed response could not be read if it is returned after all."""
        assert call.response is not None
        call.response.stream.close()

    def restore(self, call: DropInCall[Any], parts: list[bytes], rest: Any) -> None:
        """Replaces the stream by the pieces that were read and the rest."""
        response: Any = call.response
        if rest is None:
            response.stream = self.variant.module.ByteStream(b"".join(parts))
        else:
            response.stream = self.variant.restored(parts, rest, response.stream)


class AsyncSender(_Sender, LoopHost[DropInCall[Any], Any]):
    """A host that sends by an asynchronous transport of the library."""

    def limit(self, at: float) -> Limit:
        """Returns the loop's limit, or that of the library's variant."""
        return self.loop.limit(at) if self.variant.limit is None else self.variant.limit(at)

    async def send(self, request: Any) -> Any:
        """Makes the call; see `SyncSender.send`."""
        place = self.usual(request)
        if place is None:
            return await drive(self, self.call(request))
        engine = self.dropin.engine
        engine.check_logging()
        now = engine.now
        started = now()
        call = broke = at = mark = None
        response: Any = None
        number = word = 0
        over = reading = whole = coded = False
        hinted = True
        ends: float = math.inf
        try:
            number = next(engine.numbers) & 0xFFFFFFFF
            word = engine.begin(engine.handle, number, started, place.number, place.scope, place.flags, 0)
            left = word >> step_word.ARG
            if not word & UNUSUAL and self.sends_own(request, left):
                if left:
                    ends = TIME.monotonic() + left / 1000
                limit = self.limit(ends) if left else NO_LIMIT
                if self.foreign:
                    mark = NESTED.set(ends)
                try:
                    with limit:
                        response = await self.inner.handle_async_request(request)
                        status = response.status_code
                        whole, coded, hinted = self.dropin.look(place.route, status, lows(response.headers))
                        if coded:
                            self.variant.check(response)
                        if whole and (coded or not isinstance(response.stream, self.at_hand)):
                            reading = True
                            stream = response.stream
                            try:
                                body = b"".join([part async for part in stream])
                            finally:
                                await stream.aclose()
                            if coded:
                                self.variant.verify(response, body)
                            response.stream = self.at_hand(body)
                except Exception as error:
                    broke = error
                finally:
                    if mark is not None:
                        NESTED.reset(mark)
                if broke is None and status < 400 and not hinted and status not in place.route.body_statuses:
                    at = now()
                    word = engine.respond(engine.handle, number, at, status)
                    if word & step_word.KIND == codes.DELIVER:
                        over = True
                        if word & codes.WAKES:
                            engine.wake()
                        response.extensions[PLACE] = Record(engine, number, word, at - started)
                        return response
                if limit.ended and isinstance(broke, TimeoutError):
                    broke = self.too_late(request, broke)
            call = self.unusual(request, response, broke)
            call.limit_at, call.reading, call.streamed = ends, reading, not whole
            call.coded, call.hinted = coded, hinted
            return await drive(
                self, call, Begun(number, started, word, broke or (response if at is None else None), at)
            )
        finally:
            broke = None
            if not (over if call is None else call.over):
                engine.abandon(number)
            if word & codes.EVENTS or engine.eager:
                engine.notify()

    async def attempt(self, call: DropInCall[Any], word: int) -> Any:
        """Sends the call once. Reads the whole body if that is short and no event stream."""
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
        call.limit = limit = NO_LIMIT if at is None else self.limit(at)
        mark = NESTED.set(call.limit_at) if self.foreign else None
        try:
            with limit:
                call.response = response = await self.inner.handle_async_request(request)
                whole = call.buffers(response.status_code, lows(response.headers), self.dropin)
                if call.coded:
                    self.variant.check(response)
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
                    self.variant.verify(response, body)
                response.stream = self.variant.module.ByteStream(body)
                call.streamed = False
                return response
        except TimeoutError as error:
            if limit.ended:
                raise self.late(call) from error
            raise
        finally:
            if mark is not None:
                NESTED.reset(mark)

    def body(self, call: DropInCall[Any], at: float) -> AsyncIterator[bytes]:
        """Yields the pieces as they come from the wire, not decoded."""
        assert call.response is not None
        pieces: AsyncIterator[bytes] = aiter(call.response.stream)
        return pieces

    async def release(self, call: DropInCall[Any]) -> None:
        """Closes the stream alone: a closed response could not be read if it is returned after all."""
        assert call.response is not None
        await call.response.stream.aclose()

    def restore(self, call: DropInCall[Any], parts: list[bytes], rest: Any) -> None:
        """Replaces the stream by the pieces that were read and the rest."""
        response: Any = call.response
        if rest is None:
            response.stream = self.variant.module.ByteStream(b"".join(parts))
        else:
            response.stream = self.variant.restored_async(parts, rest, response.stream)


#: The bits that no word on the short path has: they ask for more than to send or to deliver.
UNUSUAL = step_word.KIND | codes.WAKES | codes.KEY | codes.TOKEN | codes.FRESH


def lows(headers: Any) -> Iterable[tuple[bytes, bytes, bytes]]:
    """Returns the header lines: the name, the name in lower case, the value."""
    # The library's own list, since `raw` makes a copy.
    lines: Any = getattr(headers, "_list", None)
    return [(name, name.lower(), value) for name, value in headers.raw] if lines is None else lines


def _ends_within(own: dict[str, float | None] | None, left: float) -> bool:
    """Returns whether the client's own limits for a connection, of the pool or new, end within an attempt's."""
    if own is None:
        return False
    connect, pool = own.get("connect"), own.get("pool")
    return connect is not None and connect <= left and pool is not None and pool <= left


def _least(one: float | None, other: float | None) -> float | None:
    return other if one is None or (other is not None and other < one) else one
