"""Under a client of httpx, such as those inside githubkit and supabase:

    supabase.create_client(url, key, SyncClientOptions(httpx_client=unruffled.httpx.client("db.policy.json")))

The same as `unruffled.httpx2` for httpx, whose classes do not mix with those of httpx2. Needs the package httpx.
"""

from __future__ import annotations

from typing import Any

try:
    import httpcore
    import httpx
except ImportError as error:
    raise ImportError("unruffled.httpx needs httpx: pip install httpx") from error

from ._driver.open import Policy, UnknownKeys
from ._driver.pauses import Limit
from ._driver.record import explain
from ._driver.running import running_loop
from ._http.pool import know
from ._http.variant import HttpxVariant
from ._under import clients

__all__ = [
    "AsyncTransport",
    "ResilientAsyncClient",
    "ResilientClient",
    "Transport",
    "async_client",
    "client",
    "explain",
]


def _limit(at: float) -> Limit:
    # httpcore protects its critical sections by scopes of anyio's. A cancellation by asyncio itself ignores these and
    # loses a connection; a limit of anyio's does not. httpx depends on anyio.
    import anyio

    from ._driver.event_loops import ScopeLimit, soon_of

    return ScopeLimit(at, anyio.CancelScope(), anyio.current_time, soon_of(running_loop()))


_HTTPX = HttpxVariant(httpx, _limit)
know(httpcore, httpx.HTTPTransport, httpx.AsyncHTTPTransport)


class Transport(clients.SyncTransport, httpx.BaseTransport):
    """A transport that retries, waits and gives up as its policy says: `httpx.Client(transport=Transport(policy))`."""

    _variant = _HTTPX


class AsyncTransport(clients.AsyncTransport, httpx.AsyncBaseTransport):
    """A transport for asyncio and trio; see `Transport`. Its connections stay in the loop that made them."""

    _variant = _HTTPX


class ResilientClient(clients.SyncResilient, httpx.Client):
    """An `httpx.Client` that follows a policy. Closing it also ends every wait."""

    _around = Transport


class ResilientAsyncClient(clients.AsyncResilient, httpx.AsyncClient):
    """An `httpx.AsyncClient` that follows a policy. Closing it also ends every wait."""

    _around = AsyncTransport


def client(policy: Policy, *, unknown_keys: UnknownKeys = "error", **options: Any) -> ResilientClient:
    """Makes an `httpx.Client` that follows a policy; see `unruffled.httpx2.client`."""
    return ResilientClient(policy, unknown_keys=unknown_keys, **options)


def async_client(policy: Policy, *, unknown_keys: UnknownKeys = "error", **options: Any) -> ResilientAsyncClient:
    """Makes an `httpx.AsyncClient` that follows a policy; see `unruffled.httpx2.client`."""
    return ResilientAsyncClient(policy, unknown_keys=unknown_keys, **options)
