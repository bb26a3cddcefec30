"""Every way to send a GET, by this package's clients and drop-ins, and the explanation of a failed call."""

from __future__ import annotations

import asyncio
import ssl
import types
from collections.abc import Callable
from typing import Any

import aiohttp
import httpx
import httpx2
import requests

import unruffled
import unruffled.aiohttp

from .sessions import requests_session
from .sides import Side

#: URL, policy, and the file with the certificate that is trusted; gives what `explain` says.
Way = Callable[..., str]


def trusting(authority: str | None) -> Any:
    return True if authority is None else ssl.create_default_context(cafile=authority)


def based(policy: Any, url: str) -> Any:
    return {**policy, "baseUrl": url}


def verbs(url: str, policy: Any, authority: str | None = None) -> str:
    with unruffled.Client(based(policy, url), trust_env=False, verify=trusting(authority)) as client:
        try:
            client.get("/a")
        except unruffled.CallError as error:
            return error.explain()
    return ""


def tasks(url: str, policy: Any, authority: str | None = None) -> str:
    async def main() -> str:
        own = {"trust_env": False, "verify": trusting(authority)}
        async with unruffled.AsyncClient(based(policy, url), **own) as client:
            try:
                await client.get("/a")
            except unruffled.CallError as error:
                return error.explain()
        return ""

    return asyncio.run(main())


def theirs(module: types.ModuleType) -> Way:
    def play(url: str, policy: Any, authority: str | None = None) -> str:
        with Side(module).client(policy, verify=trusting(authority)) as client:
            try:
                client.get(f"{url}/a")
            except module.HTTPError as error:
                return unruffled.explain(error)
        return ""

    return play


def theirs_async(module: types.ModuleType) -> Way:
    def play(url: str, policy: Any, authority: str | None = None) -> str:
        async def main() -> str:
            ours = getattr(unruffled, module.__name__)
            async with ours.async_client(policy, trust_env=False, verify=trusting(authority)) as client:
                try:
                    await client.get(f"{url}/a")
                except module.HTTPError as error:
                    return unruffled.explain(error)
            return ""

        return asyncio.run(main())

    return play


def by_requests(url: str, policy: Any, authority: str | None = None) -> str:
    with requests_session(policy) as session:
        try:
            session.get(f"{url}/a", verify=authority)
        except requests.RequestException as error:
            return unruffled.explain(error)
    return ""


def by_aiohttp(url: str, policy: Any, authority: str | None = None) -> str:
    async def main() -> str:
        async with aiohttp.ClientSession(middlewares=[unruffled.aiohttp.middleware(policy)]) as session:
            try:
                await session.get(f"{url}/a", ssl=trusting(authority))
            except aiohttp.ClientError as error:
                return unruffled.explain(error)
        return ""

    return asyncio.run(main())


WAYS: dict[str, Way] = {
    "sync": verbs,
    "async": tasks,
    "httpx2": theirs(httpx2),
    "httpx": theirs(httpx),
    "httpx2 async": theirs_async(httpx2),
    "httpx async": theirs_async(httpx),
    "requests": by_requests,
    "aiohttp": by_aiohttp,
}
