"""Which fault an exception of httpx2 is, in the core's words. Decides nothing else."""

from __future__ import annotations

import httpx2

from . import _codes as codes


class TooLargeError(Exception):
    """The buffered body is larger than the policy's `maxBody`."""


# The first class that fits. Whatever is in no row is the caller's: a hook raised, the URL is none.
_TABLE: tuple[tuple[type[BaseException], int], ...] = (
    (httpx2.ConnectTimeout, codes.CONNECT_TIMEOUT),
    # Refused, no such host, TLS failed before the request.
    (httpx2.ConnectError, codes.UNSENT),
    # The caller's own pool has no place: nothing was sent.
    (httpx2.PoolTimeout, codes.UNSENT),
    # The proxy would not connect us.
    (httpx2.ProxyError, codes.UNSENT),
    (httpx2.TimeoutException, codes.TIMEOUT),
    (TimeoutError, codes.TIMEOUT),
    (httpx2.RemoteProtocolError, codes.LOST),
    (httpx2.NetworkError, codes.LOST),
    (httpx2.DecodingError, codes.TRUNCATED),
    (TooLargeError, codes.TOO_LARGE),
)


def fault_of(error: Exception, reading: bool) -> int:
    """The fault of an attempt's exception; `reading`: the head had arrived, the buffered body was being read."""
    for kind, fault in _TABLE:
        if isinstance(error, kind):
            return codes.TRUNCATED if reading and fault == codes.LOST else fault
    return codes.REFUSED
