"""aiohttp: a `ClientSession` with `unruffled.aiohttp.middleware(policy)`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp

from .client import AsyncClient, Family, Kind, Setup, sound


def family_of(error: BaseException) -> Family:
    if isinstance(error, asyncio.TimeoutError):
        return "timeout"
    return "connection" if isinstance(error, aiohttp.ClientConnectionError) else "other"


def session_of(setup: Setup) -> aiohttp.ClientSession:
    """A session; in mode unruffled with our middleware."""
    options: dict[str, Any] = {}
    if setup.timeout is not None:
        options["timeout"] = aiohttp.ClientTimeout(setup.timeout)
    if setup.policy is not None:
        import unruffled.aiohttp

        options["middlewares"] = [unruffled.aiohttp.middleware(setup.policy)]
    return aiohttp.ClientSession(**options)


class Session(AsyncClient):
    family_of = staticmethod(family_of)

    def __init__(self, setup: Setup) -> None:
        self.base = setup.base
        self.session = session_of(setup)
        self.renew(setup.token)

    async def read(self) -> int:
        async with self.session.get(f"{self.base}/thing", headers=self.headers) as response:
            return await self._status(response)

    async def write(self, op: str) -> int:
        async with self.session.post(f"{self.base}/thing", json={"op": op}, headers=self.headers) as response:
            return await self._status(response)

    async def stream(self) -> AsyncIterator[int]:
        async with self.session.get(f"{self.base}/events", headers=self.headers) as response:
            yield response.status
            async for piece in response.content.iter_any():
                yield len(piece)

    async def _status(self, response: aiohttp.ClientResponse) -> int:
        return sound(response.status, response.status < 400 and (await response.json())["id"] == "r1")

    def renew(self, token: str) -> None:
        self.headers = {"Authorization": f"Bearer {token}"}

    async def close(self) -> None:
        await self.session.close()


CLIENTS = [Kind("aiohttp", "unruffled.aiohttp.middleware", "aiohttp", Session)]
