"""What has no public name in httpx2's connection pools. Tests guard it; where it is missing, we do without.

`_pool._network_backend`: where the sync deadline is put in. `_pool._connections`: what a fork must not inherit, and
what is let go when the core asks for a new connection.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpcore2
import httpx2

from ._deadline import ClippedBackend

_OWN = (httpx2.HTTPTransport, httpx2.AsyncHTTPTransport)


def pools(http: httpx2.Client | httpx2.AsyncClient) -> Iterator[Any]:
    """The pool behind each of a client's transports; None for one that is not httpx2's own."""
    for transport in (http._transport, *http._mounts.values()):
        if transport is not None:
            yield pool_of(transport)


def pool_of(transport: object) -> Any:
    """The pool of a transport of httpx2's own, else None."""
    return getattr(transport, "_pool", None) if isinstance(transport, _OWN) else None


def clip(http: httpx2.Client) -> bool:
    """Clips all connections that a client will make to the thread's deadline. False: not all of them could be.

    Threads share a connection of HTTP/2, so that one thread's deadline must not rule it.
    """
    done = True
    for pool in pools(http):
        backend = getattr(pool, "_network_backend", None)
        if isinstance(backend, ClippedBackend):
            continue
        if not isinstance(backend, httpcore2.NetworkBackend) or getattr(pool, "_http2", True):
            done = False
            continue
        pool._network_backend = ClippedBackend(backend)
    return done


def forget(transport: object) -> None:
    """In a forked child: a transport that the caller made starts without the parent's connections and locks."""
    pool = pool_of(transport)
    if hasattr(pool, "_connections") and hasattr(pool, "_requests") and hasattr(pool, "_optional_thread_lock"):
        pool._connections = []
        pool._requests = []
        pool._optional_thread_lock = type(pool._optional_thread_lock)()


def idle(http: httpx2.Client | httpx2.AsyncClient) -> list[Any]:
    """Takes the idle connections out of a client's pools, so that the next attempt makes a new one; they are the
    caller's to close.
    """
    taken: list[Any] = []
    for pool in pools(http):
        if hasattr(pool, "_connections") and hasattr(pool, "_optional_thread_lock"):
            with pool._optional_thread_lock:
                gone = [connection for connection in pool._connections if connection.is_idle()]
                pool._connections = [connection for connection in pool._connections if connection not in gone]
            taken += gone
    return taken
