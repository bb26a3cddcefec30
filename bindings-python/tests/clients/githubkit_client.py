"""githubkit: `transport=unruffled.httpx.Transport(policy)`, or `async_transport=`; no `auto_retry`, no `http_cache`."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Generator, Iterator
from typing import Any

import httpx
from githubkit import GitHub
from githubkit.auth import BaseAuthStrategy
from githubkit.exception import RateLimitExceeded, RequestError, RequestFailed, RequestTimeout

from .client import AsyncClient, Family, Kind, Setup, SyncClient, sound

# It logs what it also raises.
logging.getLogger("githubkit").setLevel(logging.CRITICAL)


def status_of(error: BaseException) -> int | None:
    return error.response.status_code if isinstance(error, (RequestFailed, RateLimitExceeded)) else None


def family_of(error: BaseException) -> Family:
    # While a stream is read nothing is wrapped.
    if isinstance(error, (RequestTimeout, httpx.TimeoutException)):
        return "timeout"
    if isinstance(error, RequestError):
        error = error.exc
    return "connection" if isinstance(error, httpx.TransportError) else "other"


class Signature(httpx.Auth):
    """Renews the token when it is refused: httpx makes a second leg of it, above the transport."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = f"Bearer {self._tokens[0]}"
        response = yield request
        if response.status_code == 401 and len(self._tokens) > 1:
            request.headers["Authorization"] = f"Bearer {self._tokens[1]}"
            yield request


class Strategy(BaseAuthStrategy):
    def __init__(self, tokens: list[str]) -> None:
        self._flow = Signature(tokens)

    def get_auth_flow(self, github: Any) -> httpx.Auth:
        return self._flow


def github_of(setup: Setup, **options: Any) -> GitHub[Strategy]:
    """A client of either kind."""
    tokens = setup.tokens or [setup.token]
    # Its cache makes a one-shot stream of every body, and belongs to the first event loop that used it.
    options |= {"base_url": setup.base, "timeout": setup.timeout, "trust_env": False, "http_cache": False}
    return GitHub(Strategy(tokens), **options)


class Sync(SyncClient):
    renews = True
    status_of = staticmethod(status_of)
    family_of = staticmethod(family_of)

    def __init__(self, setup: Setup) -> None:
        if setup.policy is None:
            self.github = github_of(setup)
        else:
            import unruffled

            self.github = github_of(setup, transport=unruffled.httpx.Transport(setup.policy), auto_retry=False)

    def read(self) -> int:
        answer = self.github.request("GET", "/thing")
        return sound(answer.status_code, answer.json()["id"] == "r1")

    def write(self, op: str) -> int:
        answer = self.github.request("POST", "/thing", json={"op": op})
        return sound(answer.status_code, answer.json()["id"] == "r1")

    def stream(self) -> Iterator[int]:
        with self.github:
            answer = self.github.request("GET", "/events", stream=True).raw_response
            yield answer.status_code
            yield from map(len, answer.iter_bytes())


class Async(AsyncClient):
    renews = True
    status_of = staticmethod(status_of)
    family_of = staticmethod(family_of)

    def __init__(self, setup: Setup) -> None:
        if setup.policy is None:
            self.github = github_of(setup)
        else:
            import unruffled

            inner = unruffled.httpx.AsyncTransport(setup.policy)
            self.github = github_of(setup, async_transport=inner, auto_retry=False)

    async def read(self) -> int:
        answer = await self.github.arequest("GET", "/thing")
        return sound(answer.status_code, answer.json()["id"] == "r1")

    async def write(self, op: str) -> int:
        answer = await self.github.arequest("POST", "/thing", json={"op": op})
        return sound(answer.status_code, answer.json()["id"] == "r1")

    async def stream(self) -> AsyncIterator[int]:
        async with self.github:
            answer = (await self.github.arequest("GET", "/events", stream=True)).raw_response
            yield answer.status_code
            async for piece in answer.aiter_bytes():
                yield len(piece)


CLIENTS = [
    Kind("githubkit", "unruffled.httpx.Transport", "githubkit", Sync),
    Kind("githubkit-async", "unruffled.httpx.AsyncTransport", "githubkit", Async),
]
