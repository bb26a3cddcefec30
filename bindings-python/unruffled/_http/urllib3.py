"""Makes an attempt's time limit hold in urllib3, and records whether anything of it was sent.

urllib3's own limits are per operation: each arriving byte starts them anew. Here every operation on a connection is
clipped to the deadline of the calling thread (`_driver.deadline`). It is installed
by `PoolManager.pool_classes_by_scheme`: pools and connections get subclasses with these methods.
"""

from __future__ import annotations

import contextlib
import io
import threading
from collections.abc import Callable, Iterator
from functools import cache
from queue import Empty
from typing import Any

from urllib3 import BaseHTTPResponse, HTTPConnectionPool, HTTPResponse, PoolManager
from urllib3.exceptions import ConnectTimeoutError, DecodeError
from urllib3.util import Timeout

from .._driver.deadline import THREAD_DEADLINE, remaining
from .._driver.time import TIME
from .compressed import CUT, Checked, Lenient

_PIECE = 64 * 1024


class _Wire(threading.local):
    """The state of the connection of the calling thread's attempt."""

    #: Whether something of the request may have been sent. True also where no limited pool sends.
    sent: bool = True
    #: The socket that answered.
    socket: Any = None


WIRE_STATE = _Wire()


class LimitedSocket:
    """A connected socket whose every operation ends at the thread's deadline."""

    def __init__(self, own: Any) -> None:
        """Wraps a socket, with TLS or without."""
        self._own = own
        self._timeout: float | None = own.gettimeout()
        self._clipped = False

    def __getattr__(self, name: str) -> Any:
        """Returns the socket's own attribute."""
        return getattr(self._own, name)

    def settimeout(self, seconds: float | None) -> None:
        """Sets the limit of each operation; a nearer deadline wins."""
        self._timeout = seconds
        self._clipped = False
        self._own.settimeout(seconds)

    def within(self, seconds: float) -> None:
        """Lowers the limit of each operation from now on."""
        self.settimeout(seconds if self._timeout is None else min(seconds, self._timeout))

    def _clip(self) -> None:
        if THREAD_DEADLINE.at is None and not self._clipped:
            return
        self._own.settimeout(remaining(self._timeout, TimeoutError))
        self._clipped = THREAD_DEADLINE.at is not None

    def recv(self, *arguments: Any) -> Any:
        """Calls the socket's own, clipped to the deadline."""
        self._clip()
        return self._own.recv(*arguments)

    def recv_into(self, *arguments: Any) -> Any:
        """Calls the socket's own, clipped to the deadline."""
        self._clip()
        return self._own.recv_into(*arguments)

    def sendall(self, *arguments: Any) -> None:
        """Calls the socket's own, clipped to the deadline."""
        self._clip()
        WIRE_STATE.sent = True
        self._own.sendall(*arguments)

    def makefile(self, *arguments: Any, **options: Any) -> Any:
        """Returns the socket's own file, which reads through this socket."""
        file = self._own.makefile(*arguments, **options)
        file.raw._sock = self
        return file


class _Connection:
    """A base class put before a connection class of urllib3."""

    sock: Any
    timeout: Any

    def connect(self) -> None:
        own = self.timeout
        self.timeout = remaining(own if isinstance(own, (int, float)) else None, ConnectTimeoutError)
        try:
            super().connect()  # type: ignore[misc]
        finally:
            self.timeout = own
        self.sock = LimitedSocket(self.sock)

    def getresponse(self, *arguments: Any, **options: Any) -> Any:
        WIRE_STATE.socket = self.sock
        return super().getresponse(*arguments, **options)  # type: ignore[misc]


class _Pool:
    """A base class put before a pool class of urllib3."""

    def _get_conn(self, timeout: float | None = None) -> Any:
        WIRE_STATE.sent = False
        WIRE_STATE.socket = None
        if timeout is None and THREAD_DEADLINE.at is not None:
            timeout = max(0.0, THREAD_DEADLINE.at - TIME.monotonic())
        return super()._get_conn(timeout)  # type: ignore[misc]


@cache
def _limited(pool: type[HTTPConnectionPool]) -> type[HTTPConnectionPool]:
    if issubclass(pool, _Pool):
        return pool
    own: type[Any] = pool.ConnectionCls
    connection = type(own.__name__, (_Connection, own), {})
    # Under their own names, which texts of errors show.
    return type(pool.__name__, (_Pool, pool), {"ConnectionCls": connection})


def limit(manager: PoolManager) -> None:
    """Limits all connections that a manager will make."""
    classes = manager.pool_classes_by_scheme
    manager.pool_classes_by_scheme = {scheme: _limited(pool) for scheme, pool in classes.items()}


def connects_within(seconds: float, timeout: Any) -> Any:
    """Returns a session's time limits with the policy's limit on connecting."""
    if isinstance(timeout, tuple) and len(timeout) == 2:
        connect, read = timeout
    elif timeout is None or isinstance(timeout, (int, float)):
        connect = read = timeout
    elif isinstance(timeout, Timeout):
        own = timeout.connect_timeout
        connect = min(seconds, own) if isinstance(own, (int, float)) else seconds
        return Timeout(connect=connect, read=timeout._read, total=timeout.total)
    else:
        return timeout
    return (seconds if connect is None else min(seconds, connect), read)


def close_idle(pool: HTTPConnectionPool) -> None:
    """Closes a pool's idle connections, which connect again when they are used."""
    places: Any = pool.pool
    taken = []
    with contextlib.suppress(Empty):
        while True:
            taken.append(places.get(block=False))
    for connection in reversed(taken):
        if connection is not None:
            connection.close()
        places.put(connection, block=False)


def check(raw: Any) -> None:
    """Makes an unread coded body raise if it ends within its coding, or end there if it is an error's."""
    raw._init_decoder()
    decoder = raw._decoder
    if decoder is None:
        return
    if raw.status >= 400:
        raw._decoder = Lenient(decoder)
        return
    raw._decoder = Checked(decoder, _cut)
    stream = raw.stream

    def checked(*arguments: Any, **options: Any) -> Iterator[bytes]:
        yield from stream(*arguments, **options)
        # urllib3 does not ask the decoder for its end if the length was declared.
        raw._decoder.end()

    raw.stream = checked


def verify(raw: Any, body: bytes) -> None:
    """Decodes a copy of a whole body. Raises DecodeError if that fails or the body ends within its coding."""
    coded = HTTPResponse(io.BytesIO(body), headers=raw.headers, status=200, preload_content=False)
    check(coded)
    for _ in coded.stream(_PIECE, decode_content=True):
        pass


def _cut() -> Exception:
    return DecodeError(CUT)


def joined(raw: Any, pieces: Iterator[bytes]) -> BaseHTTPResponse:
    """Returns an answer with its whole body, of which a part was read. Closing it closes the answer."""

    def close() -> None:
        raw.close()
        # Else the pool would count the connection as taken forever.
        raw.release_conn()

    made = HTTPResponse(
        body=_Joined(pieces, close),
        headers=raw.headers,
        status=raw.status,
        version=raw.version,
        reason=raw.reason,
        preload_content=False,
        decode_content=raw.decode_content,
        retries=raw.retries,
        request_url=raw.geturl(),
        # requests reads cookies from it.
        original_response=raw._original_response,
        # The length was checked as the body was read.
        enforce_content_length=False,
    )
    # The constructor of urllib3 before 2.3 does not take it.
    made.version_string = getattr(raw, "version_string", "")
    return made


class _Joined(io.RawIOBase):
    """A body in pieces, as a file."""

    def __init__(self, pieces: Iterator[bytes], close: Callable[[], object]) -> None:
        self._pieces, self._close, self._left = pieces, close, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._left = piece
        taken, self._left = self._left[: len(buffer)], self._left[len(buffer) :]
        buffer[: len(taken)] = taken
        return len(taken)

    def read1(self, size: int = -1) -> bytes:
        if size >= 0:
            return self.read(size) or b""
        left, self._left = self._left, b""
        return left or next(self._pieces, b"")

    def close(self) -> None:
        if not self.closed:
            self._close()
        super().close()
