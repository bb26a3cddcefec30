"""A check, before a request is written, whether the server has closed a pooled connection.

httpcore and urllib3 check by themselves over HTTP/1.1. Over HTTP/2 httpcore does not, and aiohttp relies on its loop,
which may have been busy. Their idle connections have no public name: tests guard them, and where one is missing nothing
is checked.
"""

from __future__ import annotations

import select
from collections.abc import Iterable
from typing import Any

# Linux reports the end of a connection apart from the bytes received before it.
_ENDED = getattr(select, "POLLRDHUP", 0) or getattr(select, "POLLIN", 0)
_ANY = getattr(select, "POLLIN", 0)


def has_ended(sock: Any, events: int = _ENDED) -> bool:
    """Returns whether the server has closed the connection of a socket; never waits."""
    try:
        if hasattr(select, "poll"):
            looked = select.poll()
            looked.register(sock, events)
            return bool(looked.poll(0))
        return bool(select.select([sock], [], [], 0)[0])
    except (OSError, ValueError):
        return True


def over_h2(pools: Iterable[Any]) -> list[Any]:
    """Returns the pools of httpcore that may have connections over HTTP/2."""
    return [pool for pool in pools if pool is not None and getattr(pool, "_http2", False)]


def ended_h2(pools: Iterable[Any]) -> list[Any]:
    """Takes out idle connections over HTTP/2 that the server has closed. The caller closes them."""
    taken: list[Any] = []
    for pool in pools:
        for connection in list(getattr(pool, "_connections", ())):
            inner = getattr(connection, "_connection", None)
            if not type(inner).__name__.endswith("HTTP2Connection") or not connection.is_idle():
                continue
            stream = getattr(inner, "_network_stream", None)
            sock = None if stream is None else stream.get_extra_info("socket")
            if sock is not None and has_ended(sock):
                with pool._optional_thread_lock:
                    if connection in pool._connections:
                        pool._connections.remove(connection)
                        taken.append(connection)
    return taken


def close_ended(request: Any) -> None:
    """Closes those idle connections of aiohttp that the server has closed and the request would take."""
    connector = request.session.connector
    conns = getattr(connector, "_conns", None)
    if not conns:
        return
    for protocol, _ in conns.get(request.connection_key, ()):
        transport = protocol.transport
        if transport is not None:
            sock = transport.get_extra_info("socket")
            if sock is None or not has_ended(sock, _ANY):
                return
            # aiohttp skips a closed one.
            protocol.close()
