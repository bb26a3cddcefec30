"""anthropic: `http_client=unruffled.httpx2.client(policy)`, `max_retries=0`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import anthropic

from .client import AsyncClient, Family, Kind, Setup, SyncClient, sound

ASKED: Any = {"model": "m", "max_tokens": 8, "messages": [{"role": "user", "content": "hello"}]}


def status_of(error: BaseException) -> int | None:
    return error.status_code if isinstance(error, anthropic.APIStatusError) else None


def family_of(error: BaseException) -> Family:
    # A stream that breaks is not wrapped: the transport's own exception comes out.
    import httpx2

    if isinstance(error, (anthropic.APITimeoutError, httpx2.TimeoutException)):
        return "timeout"
    return "connection" if isinstance(error, (anthropic.APIConnectionError, httpx2.TransportError)) else "other"


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
            self.anthropic = anthropic.Anthropic(**options_of(setup))
        else:
            import unruffled

            http = unruffled.httpx2.client(setup.policy)
            self.anthropic = anthropic.Anthropic(**options_of(setup), http_client=http, max_retries=0)

    def read(self) -> int:
        return sound(200, self.anthropic.models.retrieve("r1").id == "r1")

    def write(self, op: str) -> int:
        return sound(200, self.anthropic.messages.create(**ASKED, metadata={"user_id": op}).id == "r1")

    def stream(self) -> Iterator[int]:
        with self.anthropic.messages.create(**ASKED, stream=True) as events:
            yield 200
            for event in events:
                yield len(event.model_dump_json())

    def renew(self, token: str) -> None:
        self.anthropic.api_key = token

    def close(self) -> None:
        self.anthropic.close()


class Async(AsyncClient):
    status_of = staticmethod(status_of)
    family_of = staticmethod(family_of)

    def __init__(self, setup: Setup) -> None:
        if setup.policy is None:
            self.anthropic = anthropic.AsyncAnthropic(**options_of(setup))
        else:
            import unruffled

            http = unruffled.httpx2.async_client(setup.policy)
            self.anthropic = anthropic.AsyncAnthropic(**options_of(setup), http_client=http, max_retries=0)

    async def read(self) -> int:
        return sound(200, (await self.anthropic.models.retrieve("r1")).id == "r1")

    async def write(self, op: str) -> int:
        return sound(200, (await self.anthropic.messages.create(**ASKED, metadata={"user_id": op})).id == "r1")

    async def stream(self) -> AsyncIterator[int]:
        async with await self.anthropic.messages.create(**ASKED, stream=True) as events:
            yield 200
            async for event in events:
                yield len(event.model_dump_json())

    def renew(self, token: str) -> None:
        self.anthropic.api_key = token

    async def close(self) -> None:
        await self.anthropic.close()


CLIENTS = [
    Kind("anthropic", "unruffled.httpx2.client", "anthropic", Sync),
    Kind("anthropic-async", "unruffled.httpx2.async_client", "anthropic", Async),
]
