"""Under a client of httpx2, such as those inside openai, anthropic and mcp:

    openai.OpenAI(http_client=unruffled.httpx2.client("openai.policy.json"), max_retries=0)

`client` and `async_client` take the arguments of `httpx2.Client` and `AsyncClient` and keep what they set: proxies (the
environment's too), TLS, limits, mounts. For a library that takes a transport there are `Transport` and
`AsyncTransport`. An answer is returned whatever its status, and exceptions are httpx2's own.
"""

from __future__ import annotations

from typing import Any

import httpx2

from ._driver.open import Policy, UnknownKeys
from ._driver.record import explain
from ._http.variant import HTTPX2
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


class Transport(clients.SyncTransport, httpx2.BaseTransport):
    """A transport that retries, waits and gives up as its policy says: `httpx2.Client(transport=Transport(policy))`."""

    _variant = HTTPX2


class AsyncTransport(clients.AsyncTransport, httpx2.AsyncBaseTransport):
    """A transport for asyncio and trio; see `Transport`. Its connections stay in the loop that made them."""

    _variant = HTTPX2


class ResilientClient(clients.SyncResilient, httpx2.Client):
    """An `httpx2.Client` that follows a policy. Closing it also ends every wait."""

    _around = Transport


class ResilientAsyncClient(clients.AsyncResilient, httpx2.AsyncClient):
    """An `httpx2.AsyncClient` that follows a policy. Closing it also ends every wait."""

    _around = AsyncTransport


def client(policy: Policy, *, unknown_keys: UnknownKeys = "error", **options: Any) -> ResilientClient:
    """Makes an `httpx2.Client` that follows a policy. `options` are those of the class: `proxy`, `verify`, `limits`, …

    `base_url`, headers and timeouts stay the client's. The policy's `baseUrl` names the API of its routes and limits.
    Raises `PolicyError` naming every wrong place.
    """
    return ResilientClient(policy, unknown_keys=unknown_keys, **options)


def async_client(policy: Policy, *, unknown_keys: UnknownKeys = "error", **options: Any) -> ResilientAsyncClient:
    """Makes an `httpx2.AsyncClient` that follows a policy; see `client`."""
    return ResilientAsyncClient(policy, unknown_keys=unknown_keys, **options)
