"""Which fault an exception of httpx2 or httpx is, in the core's words. Decides nothing else."""

from __future__ import annotations

from typing import Any

import httpx2

from . import _codes as codes


class TooLargeError(Exception):
    """The buffered body is larger than the policy's `maxBody`."""


Table = tuple[tuple[type[BaseException], int], ...]


def table_of(family: Any) -> Table:
    """Which fault a class of exceptions is; the first that fits. `family`: the module httpx2 or httpx, the same names.

    Whatever is in no row is the caller's: a hook raised, the URL is none.
    """
    return (
        (family.ConnectTimeout, codes.CONNECT_TIMEOUT),
        # Refused, no such host, TLS failed before the request.
        (family.ConnectError, codes.UNSENT),
        # The caller's own pool has no place: nothing was sent.
        (family.PoolTimeout, codes.UNSENT),
        # The proxy would not connect us.
        (family.ProxyError, codes.UNSENT),
        (family.TimeoutException, codes.TIMEOUT),
        (TimeoutError, codes.TIMEOUT),
        (family.RemoteProtocolError, codes.LOST),
        (family.NetworkError, codes.LOST),
        (family.DecodingError, codes.TRUNCATED),
        (TooLargeError, codes.TOO_LARGE),
    )


_HTTPX2 = table_of(httpx2)


def fault_of(error: Exception, reading: bool, table: Table = _HTTPX2) -> int:
    """The fault of an attempt's exception; `reading`: the head had arrived, the buffered body was being read."""
    for kind, fault in table:
        if isinstance(error, kind):
            return codes.TRUNCATED if reading and fault == codes.LOST else fault
    return codes.REFUSED
