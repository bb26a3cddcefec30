"""Bodies with a Content-Encoding: one that ends within it fails its attempt, an invalid one of an error does not."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import Callable
from typing import Any

import aiohttp
import brotli  # type: ignore[import-untyped]
import httpx
import httpx2
import pytest
import requests
import zstandard

import unruffled
import unruffled.aiohttp

from ..play.sessions import requests_session
from ..play.sides import QUICK, Side
from ..servers.wire import Wire, reply

BODY = bytes(range(256)) * 40
PACKED: dict[str, bytes] = {
    "gzip": gzip.compress(BODY),
    "deflate": zlib.compress(BODY),
    "br": brotli.compress(BODY),
    "zstd": zstandard.compress(BODY),
}
CODINGS = pytest.mark.parametrize("coding", list(PACKED))


def declared(coding: str, status: int = 200, half: bool = True) -> bytes:
    """Makes an answer with a declared length whose coded body ends in its middle."""
    packed = PACKED[coding]
    return reply(status, packed[: len(packed) // 2] if half else packed, Content_Encoding=coding)


def chunked(coding: str) -> bytes:
    """Makes the same answer in chunks that end correctly."""
    packed = PACKED[coding]
    half = packed[: len(packed) // 2]
    head = f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Encoding: {coding}\r\n\r\n".encode()
    return head + f"{len(half):x}\r\n".encode() + half + b"\r\n0\r\n\r\n"


Get = Callable[[str, dict[str, Any]], tuple[int, bytes]]


def verbs(url: str, policy: dict[str, Any]) -> tuple[int, bytes]:
    with unruffled.Client({**policy, "baseUrl": url}, trust_env=False) as client:
        response = client.get("/a", raise_=False)
        return response.status_code, response.content


def tasks(url: str, policy: dict[str, Any]) -> tuple[int, bytes]:
    async def main() -> tuple[int, bytes]:
        async with unruffled.AsyncClient({**policy, "baseUrl": url}, trust_env=False) as client:
            response = await client.get("/a", raise_=False)
            return response.status_code, response.content

    return asyncio.run(main())


def theirs(module: Any) -> Get:
    def get(url: str, policy: dict[str, Any]) -> tuple[int, bytes]:
        with Side(module).client(policy) as client:
            response = client.get(url)
            return response.status_code, response.content

    return get


def theirs_async(module: Any) -> Get:
    async def main(url: str, policy: dict[str, Any]) -> tuple[int, bytes]:
        async with Side(module).ours.async_client(policy, trust_env=False) as client:
            response = await client.get(url)
            return response.status_code, response.content

    return lambda url, policy: asyncio.run(main(url, policy))


def by_requests(stream: bool) -> Get:
    def get(url: str, policy: dict[str, Any]) -> tuple[int, bytes]:
        with requests_session(policy) as session:
            response = session.get(url, stream=stream)
            return response.status_code, response.content

    return get


def by_aiohttp(url: str, policy: dict[str, Any]) -> tuple[int, bytes]:
    async def main() -> tuple[int, bytes]:
        async with aiohttp.ClientSession(middlewares=[unruffled.aiohttp.middleware(policy)]) as session:
            response = await session.get(url)
            return response.status, await response.read()

    return asyncio.run(main())


PLAYERS: dict[str, Get] = {
    "sync": verbs,
    "async": tasks,
    "httpx2": theirs(httpx2),
    "httpx2-async": theirs_async(httpx2),
    "httpx": theirs(httpx),
    "httpx-async": theirs_async(httpx),
    "requests": by_requests(False),
    "requests-stream": by_requests(True),
    "aiohttp": by_aiohttp,
}
BROKEN = (
    unruffled.CallError,
    httpx2.DecodingError,
    httpx.DecodingError,
    requests.exceptions.ContentDecodingError,
    aiohttp.ClientPayloadError,
    # Of `deflate` aiohttp looks at the end itself, before there is a response.
    aiohttp.ClientResponseError,
)


@pytest.fixture(params=list(PLAYERS))
def get(request: pytest.FixtureRequest) -> Get:
    """Returns each of the ways to read."""
    return PLAYERS[request.param]


@CODINGS
def test_a_whole_body_is_read(get: Get, coding: str) -> None:
    with Wire(then=declared(coding, half=False)) as wire:
        assert get(wire.base, QUICK) == (200, BODY)
        assert len(wire.seen) == 1


@CODINGS
def test_half_of_one_is_read_again(get: Get, coding: str) -> None:
    with Wire([declared(coding), declared(coding, half=False)]) as wire:
        assert get(wire.base, QUICK) == (200, BODY)
        assert len(wire.seen) == 2


@CODINGS
def test_half_of_one_in_whole_chunks_is_no_success(get: Get, coding: str) -> None:
    with Wire(then=chunked(coding)) as wire, pytest.raises(BROKEN):
        get(wire.base, {"retry": {"attempts": 1}})


@CODINGS
def test_a_stream_of_half_of_one_raises_at_its_end(coding: str) -> None:
    with Wire(then=chunked(coding)) as wire, unruffled.Client(wire.base, trust_env=False) as client:
        with client.stream("GET", "/a") as response, pytest.raises(httpx2.DecodingError):
            response.read()
        assert len(wire.seen) == 1


@CODINGS
@pytest.mark.parametrize("status", [404, 503])
def test_a_status_is_known_though_its_body_is_none(get: Get, coding: str, status: int) -> None:
    with Wire(then=reply(status, b"\xff plain \x00 text", Content_Encoding=coding)) as wire:
        assert get(wire.base, {"retry": {"base": "5ms", "attempts": 2}}) == (status, b"")
        assert len(wire.seen) == (1 if status == 404 else 2)


@CODINGS
def test_a_status_that_is_raised_is_known_though_its_body_is_none(coding: str) -> None:
    answer = reply(404, b"\xff plain \x00 text", Content_Encoding=coding)
    with Wire(then=answer) as wire, unruffled.Client(wire.base, trust_env=False) as client:
        with pytest.raises(unruffled.StatusError) as raised:
            client.get("/a")
        assert (raised.value.status, raised.value.response.content) == (404, b"")

    async def main(wire: Wire) -> None:
        ours = unruffled.aiohttp.middleware({})
        async with aiohttp.ClientSession(middlewares=[ours], raise_for_status=True) as session:
            with pytest.raises(aiohttp.ClientResponseError) as refused:
                await session.get(wire.base)
            assert refused.value.status == 404

    with Wire(then=answer) as wire:
        asyncio.run(main(wire))


def test_an_empty_body_with_a_coding_is_whole(get: Get) -> None:
    with Wire(then=reply(200, b"", Content_Encoding="gzip")) as wire:
        assert get(wire.base, QUICK) == (200, b"")
        assert len(wire.seen) == 1


@pytest.mark.parametrize("status", [404, 503])
def test_an_error_whose_body_breaks_off_is_a_call_error_with_its_account(status: int) -> None:
    answer = reply(status, b"a longer body")

    def cut_short(connection: Any) -> None:
        connection.sendall(answer[:-3])

    policy = {"retry": {"base": "5ms", "attempts": 2}}
    with Wire(then=cut_short) as wire, unruffled.Client({**policy, "baseUrl": wire.base}, trust_env=False) as client:
        with pytest.raises(unruffled.CallError) as raised:
            client.get("/a", raise_=False)
        assert (raised.value.status, raised.value.reason) == (status, "network")
        assert raised.value.attempts == len(wire.seen) == (1 if status == 404 else 2)
        assert isinstance(raised.value.__cause__, httpx2.RemoteProtocolError)
