"""Sessions of requests and aiohttp with a policy under them, for the tests of both."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import aiohttp
import requests

import unruffled.aiohttp
import unruffled.requests

QUICK: dict[str, Any] = {"retry": {"base": "5ms"}}
TWICE: dict[str, Any] = {"retry": {"base": "5ms", "attempts": 2}}
KEYED: dict[str, Any] = {**QUICK, "idempotency": {"header": "Idempotency-Key"}}


def requests_session(policy: Any = QUICK, **options: Any) -> requests.Session:
    made = requests.Session()
    made.trust_env = False
    for scheme in ("http://", "https://"):
        made.mount(scheme, unruffled.requests.Adapter(policy, **options))
    return made


def adapter_of(http: requests.Session) -> unruffled.requests.Adapter:
    """Returns the adapter of a session's plain URLs."""
    adapter = http.get_adapter("http://a")
    assert isinstance(adapter, unruffled.requests.Adapter)
    return adapter


def aiohttp_session(policy: Any = QUICK, **options: Any) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(middlewares=[unruffled.aiohttp.middleware(policy)], **options)


async def text_of(http: aiohttp.ClientSession, url: str) -> str:
    async with http.get(url) as response:
        return await response.text()


def play(work: Coroutine[Any, Any, None]) -> None:
    """Runs a test's coroutine and lets connections close."""

    async def whole() -> None:
        await work
        await asyncio.sleep(0)

    asyncio.run(whole())
