"""Makes an attempt's time limit hold in synchronous code, against a server that sends a byte now and then.

httpx2's own limits are per operation: each arriving byte starts them anew. Here every operation on a connection is
clipped to a deadline of the calling thread. `_pool` puts it in; where it cannot, the clock is looked at between pieces.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from typing import Any

import httpcore2

from ._limit import remaining


class ClippedStream(httpcore2.NetworkStream):
    """A connection whose every operation ends at the thread's deadline."""

    def __init__(self, stream: httpcore2.NetworkStream) -> None:
        """Wraps a connected stream."""
        self._stream = stream
        self.get_extra_info = stream.get_extra_info  # type: ignore[method-assign]
        self.close = stream.close  # type: ignore[method-assign]

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """As the stream's own, clipped."""
        return self._stream.read(max_bytes, remaining(timeout, httpcore2.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """As the stream's own, clipped."""
        self._stream.write(buffer, remaining(timeout, httpcore2.WriteTimeout))

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        """As the stream's own, clipped; the result is clipped too."""
        left = remaining(timeout, httpcore2.ConnectTimeout)
        return ClippedStream(self._stream.start_tls(ssl_context, server_hostname, left))


class ClippedBackend(httpcore2.NetworkBackend):
    """Connects as the backend it wraps, within the thread's deadline."""

    def __init__(self, backend: httpcore2.NetworkBackend) -> None:
        """Wraps a backend."""
        self._backend = backend

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        """As the backend's own, clipped."""
        left = remaining(timeout, httpcore2.ConnectTimeout)
        return ClippedStream(self._backend.connect_tcp(host, port, left, local_address, socket_options))

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore2.NetworkStream:
        """As the backend's own, clipped."""
        left = remaining(timeout, httpcore2.ConnectTimeout)
        return ClippedStream(self._backend.connect_unix_socket(path, left, socket_options))

    def sleep(self, seconds: float) -> None:
        """As the backend's own."""
        self._backend.sleep(seconds)
