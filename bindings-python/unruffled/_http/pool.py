"""Access to parts of the pools of httpx2 and httpx without public names. Tests guard them; a missing one is left out.

`_pool._network_backend`: the place of the synchronous deadline. `_pool._connections`: the connections that a fork must
not inherit, and those that are closed when the core asks for a new one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import httpcore2
import httpx2

from .clipped import ClippedBackend

# The transports of each library, and the package that connects for them. `unruffled.httpx` adds those of httpx.
_OWN: dict[type, Any] = {httpx2.HTTPTransport: httpcore2, httpx2.AsyncHTTPTransport: httpcore2}


def know(core: Any, *transports: type) -> None:
    """Adds a library: its transports, and the package that connects for them."""
    _OWN.update(dict.fromkeys(transports, core))


def pools(http: httpx2.Client | httpx2.AsyncClient) -> Iterator[Any]:
    """Yields the pool behind each of a client's transports; None for one that is not httpx2's own."""
    for transport in (http._transport, *http._mounts.values()):
        if transport is not None:
            yield pool_of(transport)


def is_foreign(http: httpx2.Client | httpx2.AsyncClient) -> bool:
    """Returns whether a transport of somebody else sends for this client. A client of this package may be in it."""
    return any(pool is None for pool in pools(http))


def pool_of(transport: object) -> Any:
    """Returns the pool of a transport of the library's own, else None."""
    return getattr(transport, "_pool", None) if isinstance(transport, tuple(_OWN)) else None


def clip(pools: Iterable[Any]) -> bool:
    """Clips all connections that these pools will make to the thread's deadline; returns whether all could be.

    Threads share a connection of HTTP/2, so that no thread's deadline may end it.
    """
    done = True
    for pool in pools:
        backend = getattr(pool, "_network_backend", None)
        if isinstance(backend, ClippedBackend):
            continue
        core = next((core for core in _OWN.values() if isinstance(backend, core.NetworkBackend)), None)
        if core is None or getattr(pool, "_http2", True):
            done = False
            continue
        pool._network_backend = ClippedBackend(backend, core)
    return done


def forget(transport: object) -> None:
    """Removes the parent's connections and locks from the caller's own transport, in a forked child."""
    pool = pool_of(transport)
    if hasattr(pool, "_connections") and hasattr(pool, "_requests") and hasattr(pool, "_optional_thread_lock"):
        pool._connections = []
        pool._requests = []
        pool._optional_thread_lock = type(pool._optional_thread_lock)()


def idle(pools: Iterable[Any]) -> list[Any]:
    """Takes out the idle connections, so that the next attempt makes a new one. The caller closes them."""
    taken: list[Any] = []
    for pool in pools:
        if hasattr(pool, "_connections") and hasattr(pool, "_optional_thread_lock"):
            with pool._optional_thread_lock:
                gone = [connection for connection in pool._connections if connection.is_idle()]
                pool._connections = [connection for connection in pool._connections if connection not in gone]
            taken += gone
    return taken
