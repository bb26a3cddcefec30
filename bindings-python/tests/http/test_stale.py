"""A pooled connection that the server has closed is found before a request is written to it."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from typing import Any

import aiohttp
import httpx
import httpx2
import pytest

import unruffled
import unruffled.aiohttp

from ..play.sessions import requests_session
from ..play.sides import Side
from ..servers.h2_wire import H2Wire, Stream, answer
from ..servers.wire import OK, Wire

#: Takes the server's URL, and what it does after each answer; returns the statuses.
Player = Callable[[str, "Leaving"], list[int]]
#: A POST without a key is never sent twice, so that each attempt counts.
POLICY: dict[str, Any] = {"retry": {"base": "5ms"}}
POSTS = 4
#: Seconds after which a server or a client that waits for the other fails the test.
LONG = 20


class Leaving:
    """A server that does something to a connection once its answer is with the caller, and says when it is done."""

    def __init__(self, act: Callable[[socket.socket], None]) -> None:
        self._act = act
        self._asked = threading.Semaphore(0)
        self._done = threading.Semaphore(0)

    def __call__(self, connection: socket.socket) -> None:
        assert self._asked.acquire(timeout=LONG)
        self._act(connection)
        self._done.release()

    def over(self) -> None:
        """Says that the answer has arrived; returns when the server has done it."""
        self._asked.release()
        assert self._done.acquire(timeout=LONG), "the server has nothing more to do"


def end(connection: socket.socket) -> None:
    connection.shutdown(socket.SHUT_WR)


def posts(leaving: Leaving, post: Callable[[], Any]) -> list[int]:
    found = []
    for _ in range(POSTS):
        found.append(post().status_code)
        leaving.over()
    return found


async def posts_async(leaving: Leaving, post: Callable[[], Any]) -> list[int]:
    found = []
    for _ in range(POSTS):
        found.append(await post())
        # The loop is busy with something else, and hears nothing of its connections.
        leaving.over()
    return found


def verbs(url: str, leaving: Leaving) -> list[int]:
    with unruffled.Client({**POLICY, "baseUrl": url}, trust_env=False) as client:
        return posts(leaving, lambda: client.post("/a", json={}))


def theirs(module: Any) -> Player:
    def play(url: str, leaving: Leaving) -> list[int]:
        with Side(module).client(POLICY) as client:
            return posts(leaving, lambda: client.post(url, json={}))

    return play


def by_requests(url: str, leaving: Leaving) -> list[int]:
    with requests_session(POLICY) as session:
        return posts(leaving, lambda: session.post(url, json={}))


def tasks(url: str, leaving: Leaving) -> list[int]:
    async def main() -> list[int]:
        async with unruffled.AsyncClient({**POLICY, "baseUrl": url}, trust_env=False) as client:

            async def post() -> int:
                return (await client.post("/a", json={})).status_code

            return await posts_async(leaving, post)

    return asyncio.run(main())


def by_aiohttp(url: str, leaving: Leaving) -> list[int]:
    async def main() -> list[int]:
        async with aiohttp.ClientSession(middlewares=[unruffled.aiohttp.middleware(POLICY)]) as session:

            async def post() -> int:
                async with session.post(url, json={}) as response:
                    await response.read()
                    return response.status

            return await posts_async(leaving, post)

    return asyncio.run(main())


PLAYERS: dict[str, Player] = {
    "sync": verbs,
    "async": tasks,
    "httpx2": theirs(httpx2),
    "httpx": theirs(httpx),
    "requests": by_requests,
    "aiohttp": by_aiohttp,
}


@pytest.mark.parametrize("player", list(PLAYERS))
def test_no_post_is_lost_and_none_is_sent_twice(player: str) -> None:
    leaving = Leaving(end)

    def leaves(connection: socket.socket) -> None:
        connection.sendall(OK)
        leaving(connection)

    with Wire(then=leaves) as wire:
        assert PLAYERS[player](wire.base, leaving) == [200] * POSTS
        assert len(wire.seen) == wire.accepted == POSTS


OPTIONS: dict[str, Any] = {"http1": False, "http2": True, "trust_env": False}


def h2_wire(leaving: Leaving) -> H2Wire:
    """A server that answers, and then does what `leaving` does."""

    def act(stream: Stream) -> None:
        answer(stream)
        stream.after = leaving

    return H2Wire(act)


def test_none_is_lost_over_http2() -> None:
    leaving = Leaving(end)
    with h2_wire(leaving) as wire:
        with unruffled.Client({**POLICY, "baseUrl": wire.base}, **OPTIONS) as client:
            assert posts(leaving, lambda: client.post("/a", json={})) == [200] * POSTS
        assert len(wire.seen) == wire.accepted == POSTS


def test_none_is_lost_over_http2_in_tasks() -> None:
    leaving = Leaving(end)

    async def main(url: str) -> list[int]:
        async with unruffled.AsyncClient({**POLICY, "baseUrl": url}, **OPTIONS) as client:

            async def post() -> int:
                return (await client.post("/a", json={})).status_code

            return await posts_async(leaving, post)

    with h2_wire(leaving) as wire:
        assert asyncio.run(main(wire.base)) == [200] * POSTS
        assert len(wire.seen) == wire.accepted == POSTS


def test_none_is_lost_over_http2_under_a_client_of_theirs(side: Side) -> None:
    leaving = Leaving(end)
    with h2_wire(leaving) as wire:
        with side.client(POLICY, **OPTIONS) as client:
            assert posts(leaving, lambda: client.post(wire.base, json={})) == [200] * POSTS
        assert len(wire.seen) == wire.accepted == POSTS


def test_a_connection_over_http2_with_something_to_read_is_used_again() -> None:
    # A ping: RFC 9113, section 6.7.
    leaving = Leaving(lambda connection: connection.sendall(b"\0\0\x08\x06\0\0\0\0\0" + b"unruffle"))
    with h2_wire(leaving) as wire, unruffled.Client({**POLICY, "baseUrl": wire.base}, **OPTIONS) as client:
        assert posts(leaving, lambda: client.post("/a", json={})) == [200] * POSTS
        assert wire.accepted == 1
