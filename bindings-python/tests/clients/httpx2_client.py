"""httpx2: `Client` and `AsyncClient`, with `unruffled.httpx2.client(policy)` in their place."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx2

from .client import AsyncClient, Family, Kind, Setup, SyncClient, sound


def status_of(error: BaseException) -> int | None:
    return error.response.status_code if isinstance(error, httpx2.HTTPStatusError) else None


def family_of(error: BaseException) -> Family:
    if isinstance(error, httpx2.TimeoutException):
        return "timeout"
    return "connection" if isinstance(error, httpx2.TransportError) else "other"


def options_of(setup: Setup) -> dict[str, Any]:
    """Returns the options of both clients."""
    options: dict[str, Any] = {
        "base_url": setup.base,
        "headers": {"Authorization": f"Bearer {setup.token}"},
        "trust_env": False,
    }
    if setup.timeout is not None:
        options["timeout"] = setup.timeout
    return options


def status(response: httpx2.Response) -> int:
    """Returns the status of an answer that was read whole."""
    return sound(response.status_code, response.status_code < 400 and response.json().get("id") == "r1")


class Sync(SyncClient):
    status_of = staticmethod(status_of)
    family_of = staticmethod(family_of)

    def __init__(self, setup: Setup) -> None:
        if setup.policy is None:
            self.http = httpx2.Client(**options_of(setup))
        else:
            import unruffled.httpx2

            self.http = unruffled.httpx2.client(setup.policy, **options_of(setup))

    def read(self) -> int:
        return status(self.http.get("/thing"))

    def write(self, op: str) -> int:
        return status(self.http.post("/thing", json={"op": op}))

    def stream(self) -> Iterator[int]:
        with self.http.stream("GET", "/events") as response:
            yield response.status_code
            yield from map(len, response.iter_bytes())

    def renew(self, token: str) -> None:
        self.http.headers["Authorization"] = f"Bearer {token}"

    def close(self) -> None:
        self.http.close()


class Async(AsyncClient):
    status_of = staticmethod(status_of)
    family_of = staticmethod(family_of)

    def __init__(self, setup: Setup) -> None:
        if setup.policy is None:
            self.http = httpx2.AsyncClient(**options_of(setup))
        else:
            import unruffled.httpx2

            self.http = unruffled.httpx2.async_client(setup.policy, **options_of(setup))

    async def read(self) -> int:
        return status(await self.http.get("/thing"))

    async def write(self, op: str) -> int:
        return status(await self.http.post("/thing", json={"op": op}))

    async def stream(self) -> AsyncIterator[int]:
        async with self.http.stream("GET", "/events") as response:
            yield response.status_code
            async for piece in response.aiter_bytes():
                yield len(piece)

    def renew(self, token: str) -> None:
        self.http.headers["Authorization"] = f"Bearer {token}"

    async def close(self) -> None:
        await self.http.aclose()


CLIENTS = [
    Kind("httpx2", "unruffled.httpx2.client", "httpx2", Sync),
    Kind("httpx2-async", "unruffled.httpx2.async_client", "httpx2", Async),
]
