"""Under a requests session: `session.mount("https://", unruffled.requests.Adapter(policy))`.

An `HTTPAdapter` whose `send` makes as many attempts as the policy says, each by the adapter's own `send`. Callers get
requests' own responses, whatever their status, and exceptions.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from functools import partial
from operator import attrgetter
from typing import Any, cast

try:
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3 import HTTPResponse

    _ = HTTPResponse.read1, HTTPAdapter.get_connection_with_tls_context
except (ImportError, AttributeError) as error:
    raise ImportError("unruffled.requests needs: pip install requests>=2.32.2 urllib3>=2.2") from error
from requests.structures import CaseInsensitiveDict
from requests.utils import rewind_body
from urllib3.exceptions import (
    ClosedPoolError,
    DecodeError,
    EmptyPoolError,
    FullPoolError,
    InvalidHeader,
    PoolError,
    ProtocolError,
    ReadTimeoutError,
    SSLError,
)

from ._core import codes
from ._core.errors import CallError
from ._driver.call import NO_LIMIT, limit_of
from ._driver.deadline import THREAD_DEADLINE
from ._driver.loop import drive, run
from ._driver.open import Policy, UnknownKeys
from ._driver.record import explain
from ._driver.time import TIME
from ._http.causes import with_cause
from ._http.faults import chain, fault_of, is_local, wants_credentials
from ._http.request_body import source_of
from ._http.urllib3 import WIRE_STATE, check, close_idle, connects_within, joined, limit, verify
from ._under.drop_in import DropIn, DropInCall, DropInControls, Lines
from ._under.hosts import ThreadHost

__all__ = ["Adapter", "explain"]

#: Exceptions of the session's own pool.
_POOLS = (ClosedPoolError, EmptyPoolError, FullPoolError)


class _RequestsCall(DropInCall[requests.Response]):
    """A prepared request, and the session's options for it."""

    __slots__ = ("adapter", "once", "options", "source", "stream")

    #: The adapter's own `send`.
    once: Callable[[requests.PreparedRequest], requests.Response]
    adapter: HTTPAdapter
    #: The options that choose among the adapter's connections.
    options: dict[str, Any]
    #: A watched body that is read as it is sent; None = the body is in memory.
    source: Any
    stream: bool


class Adapter(DropInControls, HTTPAdapter):
    """An adapter that makes the calls of a requests session as a policy says.

    Parameters
    ----------
    policy:
        A mapping, the path of a policy file, or a base URL. Checked whole: `PolicyError` names every wrong place.
    unknown_keys:
        `"warn"` ignores keys that this version does not know; the default `"error"` refuses them.
    options:
        All other options go to `HTTPAdapter`: `pool_connections`, `pool_maxsize`, `pool_block`.

    It can be mounted on any number of sessions, which then share breakers, limits and connections. Closing a session
    closes idle connections; calls that wait in other threads go on, as requests' own do.
    """

    __attrs__ = [*HTTPAdapter.__attrs__, "_policy", "_unknown_keys"]  # noqa: RUF012

    def __init__(self, policy: Policy, *, unknown_keys: UnknownKeys = "error", **options: Any) -> None:
        """Checks the policy."""
        if "max_retries" in options:
            raise TypeError("max_retries= is not taken: write retry into the policy")
        self._policy, self._unknown_keys = policy, unknown_keys
        self._begin()
        super().__init__(**options)

    def _begin(self) -> None:
        self._dropin = DropIn(self._policy, unknown_keys=self._unknown_keys)
        self._dropin.on_fork.append(self._forked)
        self._host = _Host(self._dropin)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Opens an engine of its own for a copied or unpickled adapter."""
        super().__setstate__(state)
        self._begin()

    def _forked(self) -> None:
        # A child must not use its parent's connections.
        self.init_poolmanager(self._pool_connections, self._pool_maxsize, self._pool_block)
        self.proxy_manager = {}

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **pool_kwargs: Any) -> None:
        """Does what `HTTPAdapter` does, with limited connections."""
        super().init_poolmanager(connections, maxsize, block, **pool_kwargs)
        limit(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **proxy_kwargs: Any) -> Any:
        """Does what `HTTPAdapter` does, with limited connections."""
        manager = super().proxy_manager_for(proxy, **proxy_kwargs)
        limit(manager)
        return manager

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Makes the call. `timeout` applies to each attempt. Raises as requests does, never for a status."""
        call = _RequestsCall()
        call.request = request
        call.stream = stream
        body = request.body
        call.rewind = None
        repeatable = at_hand = body is None or isinstance(body, (bytes, str, bytearray, memoryview))
        if not repeatable and isinstance(request._body_position, int) and hasattr(body, "seek"):
            call.rewind, repeatable = lambda: rewind_body(request), True
        dropin = self._dropin
        method, url = cast(str, request.method), cast(str, request.url)
        key = (method, url.partition("?")[0])
        place = dropin.engine.places.get(key) or dropin.place(key, method, *dropin.place_of(url))
        lines: Lines = ()
        if not dropin.request_names.isdisjoint(_stored(request.headers)):
            lines = _lines(request.headers, dropin.request_names)
        dropin.prepare(call, place, [(name, name, value) for name, value in lines], repeatable=repeatable)
        call.source = None if at_hand else source_of(body, call.alive())
        if call.route.connect is not None:
            timeout = connects_within(call.route.connect, timeout)
        options: dict[str, Any] = {"verify": verify, "cert": cert, "proxies": proxies}
        call.once = partial(super().send, stream=stream, timeout=timeout, **options)
        call.adapter, call.options = self, options
        return run(drive(self._host, call))


class _Host(ThreadHost[_RequestsCall, requests.Response]):
    """A host that sends by the adapter. The calling thread waits."""

    status: Callable[[requests.Response], int] = attrgetter("status_code")

    def __init__(self, dropin: DropIn) -> None:
        self._dropin = dropin
        #: The policy names them, so that the engine of a forked child has the same.
        self._signs = frozenset(name.decode() for name in dropin.hint_headers)

    def lines(self, response: requests.Response) -> Lines:
        return _lines(response.headers, self._dropin.answer_names)

    async def attempt(self, call: _RequestsCall, word: int) -> requests.Response:
        at = limit_of(word, call)
        if call.rewind is not None:
            call.rewind()
        request = call.request
        key = call.key_line(word)
        if key is not None or call.source is not None:
            request = request.copy()
            if key is not None:
                request.headers[key[0].decode()] = key[1].decode()
            if call.source is not None:
                request.body = call.source
        if word & codes.FRESH:
            # The attempt must use a new connection.
            close_idle(call.adapter.get_connection_with_tls_context(call.request, **call.options))
        call.reading = False
        call.streamed = True
        call.pieces = None
        before = THREAD_DEADLINE.at
        clips = at is not None and (before is None or at < before)
        if clips:
            THREAD_DEADLINE.at = at
        WIRE_STATE.sent = True
        WIRE_STATE.socket = None
        call.limit = THREAD_DEADLINE if before is None else NO_LIMIT
        try:
            response = call.once(request)
            headers = _stored(response.headers)
            call.coded = "content-encoding" in headers
            call.hinted = not self._signs.isdisjoint(headers)
            if call.coded:
                check(response.raw)
            length, kind = headers.get("content-length"), headers.get("content-type")
            if length is not None and call.short(response.status_code, length[1], None if kind is None else kind[1]):
                call.reading = True
                try:
                    self._whole(call, response)
                except BaseException:
                    response.close()
                    raise
                call.streamed = False
            elif call.route.idle is not None and WIRE_STATE.socket is not None:
                WIRE_STATE.socket.within(call.route.idle)
            return response
        except EmptyPoolError as error:
            raise requests.ConnectTimeout(error, request=request) from error
        except requests.ConnectionError as error:
            if WIRE_STATE.sent and TIME.monotonic() >= call.limit_at:
                raise self.late(call) from error
            raise
        finally:
            if clips:
                THREAD_DEADLINE.at = before

    def _whole(self, call: _RequestsCall, response: requests.Response) -> None:
        if call.stream or response.status_code in call.body_statuses:
            # The caller of a stream may read `raw`, and a body rule reads the beginning.
            call.response = response
            parts = list(_pieces(response.raw))
            if call.coded:
                _verify(response.raw, b"".join(parts))
            self.restore(call, parts, None)
        else:
            response.content  # noqa: B018 (keeps what it reads)

    def fault(self, call: _RequestsCall, error: Exception) -> int:
        return with_cause(self._fault(call, error), error)

    def _fault(self, call: _RequestsCall, error: Exception) -> int:
        if any(isinstance(one, PoolError) for one in chain(error) if type(one) in _POOLS):
            return codes.REFUSED
        fault = fault_of(error, call.reading)
        if any(isinstance(one, InvalidHeader) for one in chain(error)):
            # A header of the answer. requests raises the same exception for one of the request.
            fault = codes.LOST
        if fault == codes.TIMEOUT and not WIRE_STATE.sent:
            # urllib3 reports a late TLS handshake as late reading.
            return codes.CONNECT_TIMEOUT
        if fault == codes.TRUNCATED and error.args and isinstance(error.args[0], ReadTimeoutError):
            return codes.TIMEOUT
        if fault == codes.LOST and not WIRE_STATE.sent:
            own = is_local(error) or wants_credentials(error)
            return codes.REFUSED if own else codes.UNSENT
        return fault

    def body(self, call: _RequestsCall, at: float) -> Iterator[bytes]:
        return _pieces(cast(requests.Response, call.response).raw)

    def release(self, call: _RequestsCall) -> None:
        cast(requests.Response, call.response).close()

    def restore(self, call: _RequestsCall, parts: list[bytes], rest: Iterable[bytes] | None) -> None:
        response = cast(requests.Response, call.response)
        response.raw = joined(response.raw, itertools.chain(parts, rest or ()))
        if call.coded:
            check(response.raw)

    def late(self, call: _RequestsCall) -> Exception:
        return requests.ReadTimeout("the attempt timed out", request=call.request)

    def unsent(self, call: _RequestsCall, failed: CallError) -> Exception:
        kind = requests.ConnectTimeout if failed.reason in ("deadline", "timeout") else requests.ConnectionError
        return kind(str(failed), request=call.request)


def _stored(headers: CaseInsensitiveDict[Any]) -> Mapping[str, tuple[str, Any]]:
    """Returns headers by their names in lower case: the name as written, and the value."""
    # The public ways are five times as slow.
    stored: Any = getattr(headers, "_store", None)
    return {name: (name, value) for name, value in headers.lower_items()} if stored is None else stored


def _lines(headers: CaseInsensitiveDict[Any], names: Container[str]) -> list[tuple[bytes, bytes]]:
    return [
        (name.encode("latin-1"), value if isinstance(value, bytes) else value.encode("latin-1", "replace"))
        for name, value in headers.lower_items()
        if name in names
    ]


def _verify(raw: Any, body: bytes) -> None:
    try:
        verify(raw, body)
    except DecodeError as error:
        raise requests.exceptions.ContentDecodingError(error) from error


def _pieces(raw: Any) -> Iterator[bytes]:
    """Yields a body as it comes from the wire. Raises as `Response.iter_content` does."""
    try:
        while piece := raw.read1(2**16, decode_content=False):
            yield piece
    except ProtocolError as error:
        raise requests.exceptions.ChunkedEncodingError(error) from error
    except DecodeError as error:
        raise requests.exceptions.ContentDecodingError(error) from error
    except ReadTimeoutError as error:
        raise requests.ConnectionError(error) from error
    except SSLError as error:
        raise requests.exceptions.SSLError(error) from error
