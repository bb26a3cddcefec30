"""openai: `http_client=unruffled.httpx2.client(policy)`, `max_retries=0`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import openai

from .client import AsyncClient, Family, Kind, Setup, SyncClient, sound

ASKED: Any = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}


def status_of(error: BaseException) -> int | None:
    return error.status_code if isinstance(error, openai.APIStatusError) else None


def family_of(error: BaseException) -> Family:
    # A stream that breaks is not wrapped: the transport's own exception comes out.
    import httpx2

    if isinstance(error, (openai.APITimeoutError, httpx2.TimeoutException)):
        return "timeout"
    return "connection" if isinstance(error, (openai.APIConnectionError, httpx2.TransportError)) else "other"


def options_of(setup: Setup) -> dict[str, Any]:
    """Returns the options of both clients."""
    options: dict[str, Any] = {"base_url": setup.base, "api_key": setup.token}
    if setup.timeout is not None:
        options["timeout"] = setup.timeout
    return options


class Sync(SyncClient):
    status_of = staticmethod(status_of)
    family_of = staticmethod(family_of)

    def __init__(self, setup: Setup) -> None:
        if setup.policy is None:
            self.openai = openai.OpenAI(**options_of(setup))
        else:
            import unruffled

            http = unruffled.httpx2.client(setup.policy)
            self.openai = openai.OpenAI(**options_of(setup), http_client=http, max_retries=0)

    def read(self) -> int:
        return sound(200, self.openai.models.retrieve("r1").id == "r1")

    def write(self, op: str) -> int:
        return sound(200, self.openai.chat.completions.create(**ASKED, user=op).id == "r1")

    def stream(self) -> Iterator[int]:
        with self.openai.chat.completions.create(**ASKED, stream=True) as chunks:
            yield 200
            for chunk in chunks:
                yield len(chunk.model_dump_json())

    def renew(self, token: str) -> None:
        self.openai.api_key = token

    def close(self) -> None:
        self.openai.close()


class Async(AsyncClient):
    status_of = staticmethod(status_of)
    family_of = staticmethod(family_of)

    def __init__(self, setup: Setup) -> None:
        if setup.policy is None:
            self.openai = openai.AsyncOpenAI(**options_of(setup))
        else:
            import unruffled

            http = unruffled.httpx2.async_client(setup.policy)
            self.openai = openai.AsyncOpenAI(**options_of(setup), http_client=http, max_retries=0)

    async def read(self) -> int:
        return sound(200, (await self.openai.models.retrieve("r1")).id == "r1")

    async def write(self, op: str) -> int:
        return sound(200, (await self.openai.chat.completions.create(**ASKED, user=op)).id == "r1")

    async def stream(self) -> AsyncIterator[int]:
        async with await self.openai.chat.completions.create(**ASKED, stream=True) as chunks:
            yield 200
            async for chunk in chunks:
                yield len(chunk.model_dump_json())

    def renew(self, token: str) -> None:
        self.openai.api_key = token

    async def close(self) -> None:
        await self.openai.close()


CLIENTS = [
    Kind("openai", "unruffled.httpx2.client", "openai", Sync),
    Kind("openai-async", "unruffled.httpx2.async_client", "openai", Async),
]
