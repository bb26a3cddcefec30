"""Makes an attempt's time limit hold in synchronous code, against a server that sends a byte now and then.

The limits of httpx2 and httpx are per operation: each arriving byte starts them anew. Here every operation on a
connection is clipped to a deadline of the calling thread. `pool.clip` installs this. Where it cannot, the clock is read
between pieces. `core` is the library that connects, httpcore2 or httpcore: the same names, other classes.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from typing import Any

from .._driver.deadline import remaining


class ClippedStream:
    """A connection whose every operation ends at the thread's deadline."""

    def __init__(self, stream: Any, core: Any) -> None:
        """Wraps a connected stream of `core`."""
        self._stream = stream
        self._core = core
        self.get_extra_info = stream.get_extra_info
        self.close = stream.close

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Calls the stream's own, clipped to the deadline."""
        return self._stream.read(max_bytes, remaining(timeout, self._core.ReadTimeout))  # type: ignore[no-any-return]

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Calls the stream's own, clipped to the deadline."""
        self._stream.write(buffer, remaining(timeout, self._core.WriteTimeout))

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> ClippedStream:
        """Calls the stream's own, clipped to the deadline. The result is clipped, too."""
        left = remaining(timeout, self._core.ConnectTimeout)
        return ClippedStream(self._stream.start_tls(ssl_context, server_hostname, left), self._core)


class ClippedBackend:
    """A backend that connects within the thread's deadline."""

    def __init__(self, backend: Any, core: Any) -> None:
        """Wraps a backend of `core`."""
        self._backend = backend
        self._core = core

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> ClippedStream:
        """Calls the backend's own, clipped to the deadline."""
        left = remaining(timeout, self._core.ConnectTimeout)
        return ClippedStream(self._backend.connect_tcp(host, port, left, local_address, socket_options), self._core)

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> ClippedStream:
        """Calls the backend's own, clipped to the deadline."""
        left = remaining(timeout, self._core.ConnectTimeout)
        return ClippedStream(self._backend.connect_unix_socket(path, left, socket_options), self._core)

    def sleep(self, seconds: float) -> None:
        """Calls the backend's own."""
        self._backend.sleep(seconds)
