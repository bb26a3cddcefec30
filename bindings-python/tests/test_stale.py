"""A pooled connection that the server has closed meanwhile: it is found before a request is written to it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable
from typing import Any

import aiohttp
import httpx
import httpx2
import pytest

import unruffled
import unruffled.aiohttp

from .h2_wire import H2Wire, Stream, answer
from .sessions import requests_session
from .sides import Side
from .wire import OK, Wire

#: Each attempt counts: a POST without a key is never sent twice.
POLICY: dict[str, Any] = {"retry": {"base": "5ms"}}
IDLE = 0.04
POSTS = 4


def leaves(connection: socket.socket) -> None:
    """Answers, and closes the connection a little later."""
    connection.sendall(OK)
    time.sleep(IDLE)


def verbs(url: str) -> list[int]:
    with unruffled.Client({**POLICY, "baseUrl": url}, trust_env=False) as client:
        return [_after(lambda: client.post("/a", json={}).status_code) for _ in range(POSTS)]


def theirs(module: Any) -> Callable[[str], list[int]]:
    def play(url: str) -> list[int]:
        with Side(module).client(POLICY) as client:
            return [_after(lambda: client.post(url, json={}).status_code) for _ in range(POSTS)]

    return play


def by_requests(url: str) -> list[int]:
    with requests_session(POLICY) as session:
        return [_after(lambda: session.post(url, json={}).status_code) for _ in range(POSTS)]


def _after(post: Callable[[], int]) -> int:
    status = post()
    time.sleep(IDLE * 2)
    return status


async def _posts(post: Callable[[], Any]) -> list[int]:
    found = []
    for _ in range(POSTS):
        found.append(await post())
        # The loop is busy with something else, and hears nothing of its connections.
        time.sleep(IDLE * 2)
    return found


def tasks(url: str) -> list[int]:
    async def main() -> list[int]:
        async with unruffled.AsyncClient({**POLICY, "baseUrl": url}, trust_env=False) as client:

            async def post() -> int:
                return (await client.post("/a", json={})).status_code

            return await _posts(post)

    return asyncio.run(main())


def by_aiohttp(url: str) -> list[int]:
    async def main() -> list[int]:
        async with aiohttp.ClientSession(middlewares=[unruffled.aiohttp.middleware(POLICY)]) as session:

            async def post() -> int:
                async with session.post(url, json={}) as response:
                    await response.read()
                    return response.status

            return await _posts(post)

    return asyncio.run(main())


PLAYERS: dict[str, Callable[[str], list[int]]] = {
    "sync": verbs,
    "async": tasks,
    "httpx2": theirs(httpx2),
    "httpx": theirs(httpx),
    "requests": by_requests,
    "aiohttp": by_aiohttp,
}


@pytest.mark.parametrize("player", list(PLAYERS))
def test_no_post_is_lost_and_none_is_sent_twice(player: str) -> None:
    with Wire(then=leaves) as wire:
        assert PLAYERS[player](wire.base) == [200] * POSTS
        assert len(wire.seen) == POSTS


def closes_later(stream: Stream) -> None:
    answer(stream)
    stream.idle = IDLE


OPTIONS: dict[str, Any] = {"http1": False, "http2": True, "trust_env": False}


def test_none_is_lost_over_http2() -> None:
    with H2Wire(closes_later) as wire:
        with unruffled.Client({**POLICY, "baseUrl": wire.base}, **OPTIONS) as client:
            assert [_after(lambda: client.post("/a", json={}).status_code) for _ in range(POSTS)] == [200] * POSTS
        assert len(wire.seen) == POSTS


def test_none_is_lost_over_http2_in_tasks() -> None:
    async def main(url: str) -> list[int]:
        async with unruffled.AsyncClient({**POLICY, "baseUrl": url}, **OPTIONS) as client:

            async def post() -> int:
                return (await client.post("/a", json={})).status_code

            return await _posts(post)

    with H2Wire(closes_later) as wire:
        assert asyncio.run(main(wire.base)) == [200] * POSTS
        assert len(wire.seen) == POSTS


def test_none_is_lost_over_http2_under_a_client_of_theirs(side: Side) -> None:
    with H2Wire(closes_later) as wire:
        with side.client(POLICY, **OPTIONS) as client:
            found = [_after(lambda: client.post(wire.base, json={}).status_code) for _ in range(POSTS)]
        assert found == [200] * POSTS
        assert len(wire.seen) == POSTS


def test_a_quiet_connection_over_http2_is_used_again() -> None:
    with H2Wire() as wire, unruffled.Client({**POLICY, "baseUrl": wire.base}, **OPTIONS) as client:
        for _ in range(3):
            client.post("/a", json={})
            with contextlib.suppress(OSError):
                time.sleep(0.01)
        assert wire.accepted == 1
