"""The clients that are compared: bare ones, and layers around them. All retry 4 times on the same errors.

A layer has a bare client of its own; its cost is the difference from that. Rows of this package have all rules on:
breaker, budget, a bucket, gauge lookup, time limits, ids.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import aiohttp
import aiohttp_retry
import backoff
import httpx
import httpx2
import httpx_retries
import pybreaker
import pyrate_limiter
import requests
import requests.adapters
import stamina
import tenacity
import urllib3

import unruffled
from bench._loopback import HEAD

POLICY = {
    "headers": {"X-Team": "a"},
    "version": {"header": "X-Api-Version", "pin": "2026-03-01"},
    "limits": [{"name": "core", "rate": 1_000_000_000, "per": "1s", "headers": "x-ratelimit"}],
}
#: The policy's headers for the other clients. All send the same headers, except for the request id.
HEADERS = {"X-Team": "a", "X-Api-Version": "2026-03-01"}
ATTEMPTS = 4
_RETRIED = (429, 500, 502, 503, 504)
_BODY2 = httpx2.ByteStream(b"{}")
_BODY = httpx.ByteStream(b"{}")


@dataclass
class Contestant:
    """A client, and the bare one that its cost is compared with; None = it is bare itself."""

    row: str
    get: Callable[[], Any]
    over: str | None = None


class Stub2(httpx2.BaseTransport, httpx2.AsyncBaseTransport):
    """A transport that answers at once."""

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Returns the answer."""
        return httpx2.Response(200, headers=HEAD, stream=_BODY2)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Returns the answer."""
        return httpx2.Response(200, headers=HEAD, stream=_BODY2)


class Stub(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """A transport that answers at once."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Returns the answer."""
        return httpx.Response(200, headers=HEAD, stream=_BODY)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Returns the answer."""
        return httpx.Response(200, headers=HEAD, stream=_BODY)


def named(row: str, *packages: str) -> str:
    """Returns names with versions: `tenacity 9.2.1 + pybreaker 1.4.1`."""
    return row or " + ".join(f"{package} {importlib.metadata.version(package)}" for package in packages)


BARE2 = f"bare {named('', 'httpx2')}"
BARE = f"bare {named('', 'httpx')}"
REQUESTS = f"bare {named('', 'requests')}"
AIOHTTP = f"bare {named('', 'aiohttp')}"
CONTROL = "control"
OURS = named("", "unruffled")


def _checked(response: httpx2.Response) -> httpx2.Response:
    """Raises for a status that a retry library retries."""
    if response.status_code in _RETRIED:
        response.raise_for_status()
    return response


def _tenacity() -> Any:
    return tenacity.retry(
        stop=tenacity.stop_after_attempt(ATTEMPTS),
        wait=tenacity.wait_random_exponential(0.2, 30),
        retry=tenacity.retry_if_exception_type(httpx2.HTTPError),
    )


def _stamina() -> Any:
    return stamina.retry(on=httpx2.HTTPError, attempts=ATTEMPTS)


def _backoff() -> Any:
    return backoff.on_exception(backoff.expo, httpx2.HTTPError, max_tries=ATTEMPTS)


def _limiter() -> pyrate_limiter.Limiter:
    return pyrate_limiter.Limiter(pyrate_limiter.Rate(1_000_000_000, pyrate_limiter.Duration.SECOND))


def sync_httpx2(base: str, stub: bool) -> list[Contestant]:
    """Makes httpx2 and all layers around it."""
    url = f"{base}/orders"

    def client() -> httpx2.Client:
        return httpx2.Client(transport=Stub2() if stub else None, trust_env=False, headers=HEADERS)

    def plain(http: httpx2.Client) -> Callable[[], httpx2.Response]:
        return lambda: _checked(http.get(url))

    limiter, breaker = _limiter(), pybreaker.CircuitBreaker(fail_max=20, reset_timeout=5)
    inner = plain(client())

    def limited() -> httpx2.Response:
        limiter.try_acquire("api")
        return inner()

    bare, control = client(), client()
    policy, inner2 = {**POLICY, "baseUrl": base}, Stub2() if stub else None
    ours = unruffled.Client(policy, transport=inner2, trust_env=False)
    under = unruffled.httpx2.client(policy, transport=inner2, trust_env=False, headers=HEADERS)
    return [
        Contestant(BARE2, lambda: bare.get(url)),
        Contestant(CONTROL, lambda: control.get(url), BARE2),
        Contestant(OURS, lambda: ours.get("/orders"), BARE2),
        Contestant(f"{OURS}, under httpx2", lambda: under.get(url), BARE2),
        Contestant(named("", "tenacity"), _tenacity()(plain(client())), BARE2),
        Contestant(named("", "stamina"), _stamina()(plain(client())), BARE2),
        Contestant(named("", "backoff"), _backoff()(plain(client())), BARE2),
        Contestant(
            named("", "tenacity", "pybreaker", "pyrate-limiter"), _tenacity()(lambda: breaker.call(limited)), BARE2
        ),
    ]


def sync_httpx(base: str, stub: bool) -> list[Contestant]:
    """Makes httpx, httpx-retries and the drop-in."""
    url = f"{base}/orders"
    bare = httpx.Client(transport=Stub() if stub else None, trust_env=False)
    inner = Stub() if stub else httpx.HTTPTransport(trust_env=False)
    retry = httpx_retries.Retry(total=ATTEMPTS - 1, backoff_factor=0.2)
    layer = httpx.Client(transport=httpx_retries.RetryTransport(inner, retry), trust_env=False)
    policy = {**POLICY, "baseUrl": base}
    under = unruffled.httpx.client(policy, transport=Stub() if stub else None, trust_env=False)
    return [
        Contestant(BARE, lambda: bare.get(url)),
        Contestant(f"{OURS}, under httpx", lambda: under.get(url), BARE),
        Contestant(named("", "httpx-retries"), lambda: layer.get(url), BARE),
    ]


def sync_requests(base: str) -> list[Contestant]:
    """Makes requests, urllib3's Retry and the drop-in; for loopback only."""
    url = f"{base}/orders"
    bare, layer, under = requests.Session(), requests.Session(), requests.Session()
    bare.trust_env = layer.trust_env = under.trust_env = False
    retry = urllib3.Retry(total=ATTEMPTS - 1, status_forcelist=_RETRIED, backoff_factor=0.2)
    layer.mount("http://", requests.adapters.HTTPAdapter(max_retries=retry))
    under.mount("http://", unruffled.requests.Adapter({**POLICY, "baseUrl": base}))
    return [
        Contestant(REQUESTS, lambda: bare.get(url)),
        Contestant(f"{OURS}, under requests", lambda: under.get(url), REQUESTS),
        Contestant(f"urllib3 {importlib.metadata.version('urllib3')} Retry", lambda: layer.get(url), REQUESTS),
    ]


AsyncGet = Callable[[], Awaitable[Any]]


def async_httpx2(base: str, stub: bool) -> list[Contestant]:
    """Makes httpx2 and all layers around it, for asyncio."""
    url = f"{base}/orders"

    def client() -> httpx2.AsyncClient:
        return httpx2.AsyncClient(transport=Stub2() if stub else None, trust_env=False, headers=HEADERS)

    def plain(http: httpx2.AsyncClient) -> AsyncGet:
        async def get() -> httpx2.Response:
            return _checked(await http.get(url))

        return get

    limiter, breaker = _limiter(), pybreaker.CircuitBreaker(fail_max=20, reset_timeout=5)
    inner = plain(client())

    async def composed() -> httpx2.Response:
        with breaker.calling():
            await limiter.try_acquire_async("api")
            return await inner()  # type: ignore[no-any-return]

    bare, control = client(), client()
    policy, inner2 = {**POLICY, "baseUrl": base}, Stub2() if stub else None
    ours = unruffled.AsyncClient(policy, transport=inner2, trust_env=False)
    under = unruffled.httpx2.async_client(policy, transport=inner2, trust_env=False, headers=HEADERS)
    return [
        Contestant(BARE2, lambda: bare.get(url)),
        Contestant(CONTROL, lambda: control.get(url), BARE2),
        Contestant(OURS, lambda: ours.get("/orders"), BARE2),
        Contestant(f"{OURS}, under httpx2", lambda: under.get(url), BARE2),
        Contestant(named("", "tenacity"), _tenacity()(plain(client())), BARE2),
        Contestant(named("", "stamina"), _stamina()(plain(client())), BARE2),
        Contestant(named("", "backoff"), _backoff()(plain(client())), BARE2),
        Contestant(named("", "tenacity", "pybreaker", "pyrate-limiter"), _tenacity()(composed), BARE2),
    ]


def async_httpx(base: str, stub: bool) -> list[Contestant]:
    """Makes httpx, httpx-retries and the drop-in, for asyncio."""
    url = f"{base}/orders"
    bare = httpx.AsyncClient(transport=Stub() if stub else None, trust_env=False)
    inner = Stub() if stub else httpx.AsyncHTTPTransport(trust_env=False)
    retry = httpx_retries.Retry(total=ATTEMPTS - 1, backoff_factor=0.2)
    layer = httpx.AsyncClient(transport=httpx_retries.RetryTransport(inner, retry), trust_env=False)
    policy = {**POLICY, "baseUrl": base}
    under = unruffled.httpx.async_client(policy, transport=Stub() if stub else None, trust_env=False)
    return [
        Contestant(BARE, lambda: bare.get(url)),
        Contestant(f"{OURS}, under httpx", lambda: under.get(url), BARE),
        Contestant(named("", "httpx-retries"), lambda: layer.get(url), BARE),
    ]


async def async_aiohttp(base: str, stack: AsyncExitStack) -> list[Contestant]:
    """Makes aiohttp, aiohttp-retry and the drop-in; for loopback only. The sessions end with the stack."""
    url = f"{base}/orders"
    bare = await stack.enter_async_context(aiohttp.ClientSession())
    layer = aiohttp_retry.RetryClient(
        await stack.enter_async_context(aiohttp.ClientSession()),
        retry_options=aiohttp_retry.ExponentialRetry(ATTEMPTS, statuses=set(_RETRIED)),
    )

    def read(session: Any) -> AsyncGet:
        async def get() -> bytes:
            async with session.get(url) as response:
                return await response.read()  # type: ignore[no-any-return]

        return get

    middleware = unruffled.aiohttp.middleware({**POLICY, "baseUrl": base})
    under = await stack.enter_async_context(aiohttp.ClientSession(middlewares=[middleware]))
    return [
        Contestant(AIOHTTP, read(bare)),
        Contestant(f"{OURS}, under aiohttp", read(under), AIOHTTP),
        Contestant(named("", "aiohttp-retry"), read(layer), AIOHTTP),
    ]
