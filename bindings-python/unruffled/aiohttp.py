"""Under an aiohttp session: `ClientSession(middlewares=[unruffled.aiohttp.middleware(policy)])`, aiohttp 3.12 or later.

The middleware makes as many attempts as the policy says, each by the session's own handler. Callers get aiohttp's own
responses, whatever their status, and exceptions. `raise_for_status`, redirects and the session's
`ClientTimeout.total` are above it: each hop is a call of its own, and `total` spans the attempts and the waits.
"""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import AsyncIterator, Callable
from contextvars import ContextVar
from operator import attrgetter
from typing import Any, cast

try:
    import aiohttp
    from aiohttp import ClientHandlerType, ClientRequest, ClientResponse
except ImportError as error:
    raise ImportError("unruffled.aiohttp needs aiohttp 3.12 or later: pip install aiohttp") from error
from aiohttp import payload
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_exceptions import ContentEncodingError

from ._core import codes
from ._core.errors import CallError
from ._driver.call import NO_LIMIT, limit_of
from ._driver.loop import drive
from ._driver.nested import NESTED
from ._driver.open import Policy, UnknownKeys
from ._driver.record import explain
from ._driver.time import TIME
from ._http.aiohttp_compressed import be_strict, install, is_cut
from ._http.causes import with_cause
from ._http.compressed import CUT
from ._http.faults import chain, fault_of, is_local, own_of
from ._http.request_body import pieces_async, source_of
from ._http.stale import close_ended
from ._under.drop_in import DropIn, DropInCall, DropInControls, Lines
from ._under.hosts import LoopHost

__all__ = ["Middleware", "explain", "middleware"]

#: aiohttp itself sends an idempotent request once more after these exceptions of its middlewares. The middleware then
#: gets another request with the same list of traces. Here: the last exception in this context, and its request.
_RAISED: ContextVar[tuple[ClientRequest, Exception] | None] = ContextVar("unruffled_aiohttp_raised", default=None)
_RESENT = (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError)

#: Whether aiohttp can receive a whole body before it is read: not in 3.12.
_LETS_IN = hasattr(aiohttp.StreamReader, "set_read_chunk_size")


install()


class _AiohttpCall(DropInCall[ClientResponse]):
    """A request, and the session's handler that sends it."""

    __slots__ = ("handler",)

    handler: ClientHandlerType


class Middleware(DropInControls):
    """A client middleware that makes the calls of its sessions as a policy says. `middleware` makes it.

    It can serve any number of sessions and loops, which then share breakers and limits.
    """

    def __init__(self, policy: Policy, *, unknown_keys: UnknownKeys = "error") -> None:
        """Checks the policy."""
        self._dropin = DropIn(policy, unknown_keys=unknown_keys)
        self._host = _Host()

    async def __call__(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        """Makes the call. Raises what aiohttp raises."""
        raised = _RAISED.get()
        if raised is not None:
            _RAISED.set(None)
            before, error = raised
            if before._traces is request._traces and before is not request:
                raise error
        call = _AiohttpCall()
        call.request = request
        call.handler = handler
        call.rewind = None
        url = request.url
        dropin, headers = self._dropin, request.headers
        names = [name for name in dropin.request_names if name in headers]
        lines = [(name, name.encode(), headers[name].encode("utf-8", "replace")) for name in names]
        body = request.body
        key = (request.method, url)
        place = dropin.engine.places.get(key) or dropin.place(key, request.method, str(url.origin()), url.raw_path)
        dropin.prepare(call, place, lines, repeatable=_repeatable(body))
        if not isinstance(body, (bytes, payload.BytesPayload)):
            _watch_body(body, call.alive())
        try:
            return await drive(self._host, call)
        except _RESENT as error:
            _RAISED.set((request, error))
            raise

    def close(self) -> None:
        """Ends every wait. Calls made later fail. The sessions stay open."""
        self._dropin.engine.close()


def middleware(policy: Policy, *, unknown_keys: UnknownKeys = "error") -> Middleware:
    """Makes a middleware for `aiohttp.ClientSession(middlewares=[…])`.

    Parameters
    ----------
    policy:
        A mapping, the path of a policy file, or a base URL. Checked whole: `PolicyError` names every wrong place.
    unknown_keys:
        `"warn"` ignores keys that this version does not know; the default `"error"` refuses them.
    """
    return Middleware(policy, unknown_keys=unknown_keys)


def _watch_body(body: Any, alive: Callable[[], object]) -> None:
    """Watches the source of a body: an iterator, a file, the parts of a form."""
    if isinstance(body, payload.AsyncIterablePayload):
        if body._iter is not None:
            body._iter = aiter(pieces_async(body._iter, alive))
    elif isinstance(body, payload.IOBasePayload):
        body._value = source_of(body._value, alive)
    elif isinstance(body, aiohttp.MultipartWriter):
        for part, _, _ in body:
            _watch_body(part, alive)


def _repeatable(body: Any) -> bool:
    """Returns whether a body can be sent again byte for byte: bytes, JSON, forms of them, files that can be rewound."""
    if isinstance(body, (bytes, payload.BytesPayload)):
        return True
    if isinstance(body, payload.IOBasePayload):
        seekable = getattr(body._value, "seekable", None)
        # The first versions of 3.12 close a file that was sent.
        return seekable is not None and hasattr(payload.Payload, "autoclose") and bool(seekable())
    if isinstance(body, aiohttp.MultipartWriter):
        return all(_repeatable(part) for part, _, _ in body)
    return False


class _Host(LoopHost[_AiohttpCall, ClientResponse]):
    """A host that sends by the session's handler."""

    status: Callable[[ClientResponse], int] = attrgetter("status")
    lines: Callable[[ClientResponse], Lines] = attrgetter("raw_headers")
    # aiohttp decodes as it reads.
    wire = False

    async def attempt(self, call: _AiohttpCall, word: int) -> ClientResponse:
        at = limit_of(word, call)
        request: ClientRequest = call.request
        if request.session.closed:
            # Else an assertion of aiohttp's would fail.
            raise aiohttp.ClientConnectionError("Session is closed")
        if call.response is not None or call.error is not None:
            # The stopped writer of a body must have ended before the body is read again.
            await request.close()
        request.response = None
        key = call.key_line(word)
        if key is not None:
            request.headers[key[0].decode()] = key[1].decode()
        call.reading = False
        call.streamed = True
        call.pieces = None
        close_ended(request)
        # Another client of this package may be among the middlewares below.
        mark = NESTED.set(call.limit_at)
        try:
            call.limit = limit = NO_LIMIT if at is None else self.loop.limit(at)
            with limit:
                call.response = response = await call.handler(request)
                headers = response.headers
                call.coded = "Content-Encoding" in headers
                if call.coded:
                    _check(response)
                if call.short(response.status, headers.get("Content-Length"), headers.get("Content-Type")):
                    call.reading = True
                    await _whole(response)
                    call.streamed = False
                    return response
        except TimeoutError as error:
            if TIME.monotonic() >= call.limit_at:
                raise self.late(call) from error
            raise
        finally:
            NESTED.reset(mark)
        idle = call.route.idle
        protocol = response.connection and response.connection.protocol
        # A websocket has limits of its own.
        if idle is not None and protocol is not None and response.status != 101:
            protocol.read_timeout = min(idle, protocol.read_timeout or idle)
            protocol.start_timeout()
        return response

    def fault(self, call: _AiohttpCall, error: Exception) -> int:
        return with_cause(self._fault(call, error), error)

    def _fault(self, call: _AiohttpCall, error: Exception) -> int:
        if call.request.session.closed:
            return codes.REFUSED
        if own_of(error) is not None:
            return codes.REFUSED
        if isinstance(error, aiohttp.ClientError):
            fault = fault_of(error, call.reading or any(isinstance(one, ContentEncodingError) for one in chain(error)))
            # Only a request that was sent has a response object.
            return codes.CONNECT_TIMEOUT if fault == codes.TIMEOUT and call.request.response is None else fault
        # The connection's exception, before the session wraps it.
        if isinstance(error, OSError) and not isinstance(error, TimeoutError):
            return codes.REFUSED if is_local(error) else codes.LOST
        # The session's time for the whole call is up, or the caller made a mistake.
        return codes.REFUSED

    def body(self, call: _AiohttpCall, at: float) -> AsyncIterator[bytes]:
        return aiter(cast(ClientResponse, call.response).content.iter_any())

    async def release(self, call: _AiohttpCall) -> None:
        cast(ClientResponse, call.response).close()

    def restore(self, call: _AiohttpCall, parts: list[bytes], rest: Any) -> None:
        response = cast(ClientResponse, call.response)
        read = b"".join(parts)
        if rest is not None and not response.closed:
            with warnings.catch_warnings():
                # Deprecated since 2018, without a replacement.
                warnings.simplefilter("ignore", DeprecationWarning)
                response.content.unread_data(read)
            return
        response.content = _stream(read)
        # It was released, but its body must be readable.
        response._released = False

    def late(self, call: _AiohttpCall) -> Exception:
        return aiohttp.SocketTimeoutError("the attempt timed out")

    def unsent(self, call: _AiohttpCall, failed: CallError) -> Exception:
        kind = (
            aiohttp.ConnectionTimeoutError
            if failed.reason in ("deadline", "timeout")
            else aiohttp.ClientConnectionError
        )
        return kind(str(failed))


def _check(response: ClientResponse) -> None:
    """Makes a coded body raise if it ends within its coding, and empties an error's that cannot be decoded."""
    content = response.content
    error = content.exception()
    if response.status < 400:
        if is_cut(content):
            content.set_exception(aiohttp.ClientPayloadError(CUT))
        be_strict(content)
    elif isinstance(error, aiohttp.ClientPayloadError):
        response.close()
        response.content = _stream(b"")
        response._released = False


async def _whole(response: ClientResponse) -> None:
    """Waits until the whole body has arrived. It can then be read in any of aiohttp's ways."""
    content = response.content
    try:
        if "Content-Encoding" in response.headers or not _LETS_IN:
            # The decoded body may be larger than the declared length.
            response.content = _stream(await response.read())
            return
        content.set_read_chunk_size(int(response.headers["Content-Length"]) or 1)
        error = content.exception()
        if error is not None:
            raise error
        await content.wait_eof()
    except BaseException:
        response.close()
        raise


def _stream(read: bytes) -> aiohttp.StreamReader:
    """Makes a stream of a body that has been read."""
    loop = asyncio.get_running_loop()
    content = aiohttp.StreamReader(BaseProtocol(loop), len(read) + 1, loop=loop)
    content.feed_data(read)
    content.feed_eof()
    return content
