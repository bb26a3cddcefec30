"""httpx: `Client` and `AsyncClient`, with `unruffled.httpx.client(policy)` in their place."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx

from .client import AsyncClient, Family, Kind, Setup, SyncClient, sound


def status_of(error: BaseException) -> int | None:
    return error.response.status_code if isinstance(error, httpx.HTTPStatusError) else None


def family_of(error: BaseException) -> Family:
    if isinstance(error, httpx.TimeoutException):
        return "timeout"
    return "connection" if isinstance(error, httpx.TransportError) else "other"


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


def status(response: httpx.Response) -> int:
    """Returns the status of an answer that was read whole."""
    return sound(response.status_code, response.status_code < 400 and response.json().get("id") == "r1")


class Sync(SyncClient):
    status_of = staticmethod(status_of)
    family_of = staticmethod(family_of)

    def __init__(self, setup: Setup) -> None:
        if setup.policy is None:
            self.http = httpx.Client(**options_of(setup))
        else:
            import unruffled.httpx  # type: ignore[import-not-found,unused-ignore]

            self.http = unruffled.httpx.client(setup.policy, **options_of(setup))

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
            self.http = httpx.AsyncClient(**options_of(setup))
        else:
            import unruffled.httpx  # type: ignore[import-not-found,unused-ignore]

            self.http = unruffled.httpx.async_client(setup.policy, **options_of(setup))

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
    Kind("httpx", "unruffled.httpx.client", "httpx", Sync),
    Kind("httpx-async", "unruffled.httpx.async_client", "httpx", Async),
]
