"""Bodies of requests and of answers under `unruffled.aiohttp`."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

import unruffled
import unruffled.aiohttp

from ..play.sessions import KEYED, QUICK, TWICE, play, text_of
from ..play.sessions import aiohttp_session as session
from ..servers.wire import BUSY, CHUNKED, OK, Wire, cut, reply, reset, then_silence


def test_a_final_status_is_returned_with_its_body_and_raised_by_the_session_alone() -> None:
    async def work() -> None:
        async with session(TWICE) as http:
            async with http.get(wire.base) as response:
                assert (response.status, await response.text()) == (503, "busy")
                assert "attempts" in unruffled.explain(response)
            with pytest.raises(aiohttp.ClientResponseError, match="503"):
                await http.get(wire.base, raise_for_status=True)

    with Wire(then=BUSY) as wire:
        play(work())
        assert len(wire.seen) == 4


@pytest.mark.parametrize("way", ["read", "content"])
def test_an_answer_that_was_put_away_is_returned_whole_after_all(way: str) -> None:
    async def work() -> None:
        mw = unruffled.aiohttp.middleware(QUICK)
        async with aiohttp.ClientSession(middlewares=[mw]) as http:
            asyncio.get_running_loop().call_later(0.6, mw.close)
            async with http.get(wire.base) as response:
                assert response.status == 503
                if way == "read":
                    assert await response.read() == await response.read() == b"later"
                else:
                    assert b"".join([piece async for piece in response.content.iter_chunked(2)]) == b"later"
                assert "closed" in unruffled.explain(response)

    with Wire([reply(503, gzip.compress(b"later"), Retry_After="5", Content_Encoding="gzip")]) as wire:
        play(work())
        assert len(wire.seen) == 1


@pytest.mark.parametrize("kind", ["bytes", "text", "form", "json", "file", "multipart"])
def test_a_body_that_can_be_is_sent_again_byte_for_byte(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789" * 100_000)

    async def work() -> None:
        with path.open("rb") as file:
            file.seek(5)
            form = aiohttp.FormData({"a": "b"})
            form.add_field("c", file)
            bodies = {"bytes": b"x" * 99, "text": "text", "form": {"a": "b"}, "file": file, "multipart": form}
            given: dict[str, Any] = {"json": {"a": 1}} if kind == "json" else {"data": bodies[kind]}
            async with session(KEYED) as http:
                assert (await http.post(wire.base, **given)).ok

    with Wire([BUSY, reset]) as wire:
        play(work())
        assert len(wire.seen) == 3
        assert len(wire.seen[0].body) >= 3
        assert {seen.body for seen in wire.seen} == {wire.seen[0].body}


def test_a_generator_is_sent_once() -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"a"
        yield b"b"

    async def work() -> None:
        async with session() as http:
            assert (await http.put(wire.base, data=body())).status == 503
            form = aiohttp.MultipartWriter()
            form.append(body())
            assert (await http.put(wire.base, data=form)).status == 503

    with Wire([BUSY, BUSY]) as wire:
        play(work())
        assert [b"a" in seen.body for seen in wire.seen] == [True, True]


def test_a_file_that_cannot_be_rewound_is_sent_once() -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    async def work() -> None:
        async with session() as http:
            assert (await http.put(wire.base, data=Pipe(b"abc"))).status == 503

    with Wire([BUSY]) as wire:
        play(work())
        assert [seen.body for seen in wire.seen] == [b"abc"]


def test_an_answer_before_the_body_has_gone_out_does_not_spoil_the_next_attempt() -> None:
    body = bytes(range(256)) * 40_000

    def early(connection: Any) -> None:
        connection.sendall(BUSY)

    async def work() -> None:
        async with session() as http:
            assert (await http.put(wire.base, data=io.BytesIO(body))).ok

    with Wire(unread=1, answers=[early]) as wire:
        play(work())
        assert wire.seen[1].body == body


def test_an_error_that_is_larger_than_the_pool_does_not_keep_its_only_connection() -> None:
    async def work() -> None:
        async with session(connector=aiohttp.TCPConnector(limit=1)) as http:
            assert await asyncio.wait_for(text_of(http, wire.base), 5) == '{"well":true}'
            assert wire.settled(1)

    huge = reply(503, b"x" * 3_000_000)
    with Wire([huge, huge]) as wire:
        play(work())
        assert len(wire.seen) == 3


def test_a_short_error_keeps_its_connection() -> None:
    async def work() -> None:
        async with session() as http:
            await text_of(http, wire.base)

    with Wire([BUSY, BUSY]) as wire:
        play(work())
        assert [seen.connection for seen in wire.seen] == [1, 1, 1]


@pytest.mark.parametrize("way", ["read", "content"])
@pytest.mark.parametrize("encoded", [False, True])
def test_a_short_body_that_breaks_off_is_tried_again(way: str, encoded: bool) -> None:
    whole = b"a body" * 30_000
    body = gzip.compress(whole) if encoded else whole
    answer = reply(200, body, **({"Content_Encoding": "gzip"} if encoded else {}))

    async def work() -> None:
        async with session() as http, http.get(wire.base) as response:
            if way == "read":
                assert await response.read() == await response.read() == whole
            else:
                assert b"".join([piece async for piece in response.content.iter_any()]) == whole

    with Wire([cut(answer), answer]) as wire:
        play(work())
        assert len(wire.seen) == 2


def test_a_body_that_broke_off_before_we_looked_is_tried_again() -> None:
    async def slow(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        response = await handler(request)
        await asyncio.sleep(0.1)
        return response

    async def work() -> None:
        async with aiohttp.ClientSession(middlewares=[unruffled.aiohttp.middleware(QUICK), slow]) as http:
            assert await asyncio.wait_for(text_of(http, wire.base), 5) == '{"well":true}'

    with Wire([cut(OK)]) as wire:
        play(work())
        assert len(wire.seen) == 2


def test_a_policy_may_let_more_of_a_body_in_than_aiohttp_would() -> None:
    async def work() -> None:
        async with session({**QUICK, "bufferUpTo": 2_000_000}) as http:
            assert len(await asyncio.wait_for(text_of(http, wire.base), 5)) == 1_500_000

    with Wire([cut(reply(200, b"x" * 1_500_000)), reply(200, b"x" * 1_500_000)]) as wire:
        play(work())
        assert len(wire.seen) == 2


def test_a_long_body_is_delivered_at_its_headers_and_not_tried_again() -> None:
    async def work() -> None:
        async with session() as http:
            with pytest.raises(aiohttp.ClientPayloadError):
                await text_of(http, wire.base)
            assert len(await text_of(http, wire.base)) == 400_000

    with Wire([cut(reply(200, b"x" * 300_000)), CHUNKED]) as wire:
        play(work())
        assert len(wire.seen) == 2


def test_an_event_stream_is_delivered_at_its_headers_and_may_not_be_silent_for_long() -> None:
    async def work() -> None:
        async with session({**QUICK, "timeouts": {"idle": "200ms"}}) as http, http.get(wire.base) as response:
            assert await response.content.readline() == b"data: 1\n"
            with pytest.raises(aiohttp.SocketTimeoutError):
                await response.content.read()

    head = reply(200, b"data: 1\n\n" * 2, Content_Type="text/event-stream")[:-9]
    with Wire([then_silence(head)]) as wire:
        play(work())
        assert len(wire.seen) == 1


@pytest.mark.parametrize("size", [10, 20_000])
def test_a_rule_sees_into_a_body_and_leaves_it_whole(size: int) -> None:
    body = json.dumps({"error": {"code": "insufficient_quota"}, "rest": "x" * size}).encode()
    rule = {"status": 429, "json": "/error/code", "is": ["insufficient_quota"], "as": "fail"}

    async def work() -> None:
        async with session({**QUICK, "classify": [rule]}) as http, http.get(wire.base) as response:
            assert (response.status, await response.read()) == (429, body)

    for answer in (reply(429, body), reply(429, gzip.compress(body), Content_Encoding="gzip")):
        with Wire(then=answer) as wire:
            play(work())
            assert len(wire.seen) == 1


def test_where_aiohttp_does_not_let_a_body_in_whole_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        async with session() as http, http.get(wire.base) as response:
            assert await response.json() == {"well": True}

    monkeypatch.setattr(unruffled.aiohttp, "_LETS_IN", False)
    with Wire([cut(OK), OK]) as wire:
        play(work())
        assert len(wire.seen) == 2
