"""`unruffled.aiohttp.middleware` keeps aiohttp's contract: results, exceptions, bodies, connections, cancellation."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import pickle
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

import unruffled
import unruffled.aiohttp
from unruffled._stacked import NESTED

from .wire import BUSY, CHUNKED, OK, Wire, close, cut, dribble, reply, reset, server_side, silence, then_silence

QUICK: dict[str, Any] = {"retry": {"base": "5ms"}}
TWICE: dict[str, Any] = {"retry": {"base": "5ms", "attempts": 2}}
KEYED: dict[str, Any] = {**QUICK, "idempotency": {"header": "Idempotency-Key"}}


def session(policy: Any = QUICK, **options: Any) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(middlewares=[unruffled.aiohttp.middleware(policy)], **options)


def play(work: Coroutine[Any, Any, None]) -> None:
    """Runs a test's coroutine and lets connections close."""

    async def whole() -> None:
        await work
        await asyncio.sleep(0)

    asyncio.run(whole())


def test_a_response_is_as_the_session_makes_it() -> None:
    async def work() -> None:
        async with session() as http, http.get(f"{wire.base}/a?b=c", headers={"X-Own": "1"}) as response:
            assert await response.json() == {"well": True}
            assert response.history == ()
            assert str(response.url) == f"{wire.base}/a?b=c"
            assert response.request_info.headers["X-Own"] == "1"
            assert "503" in unruffled.aiohttp.explain(response)
            assert unruffled.explain(response) == unruffled.aiohttp.explain(response)

    with Wire([BUSY, BUSY]) as wire:
        play(work())
        assert len(wire.seen) == 3


def test_it_sends_what_a_plain_session_sends() -> None:
    async def work() -> None:
        async with aiohttp.ClientSession() as plain, session() as http:
            for one in (plain, http):
                async with one.post(f"{wire.base}/a?b=c", json={"d": 1}, cookies={"e": "f"}):
                    pass

    with Wire() as wire:
        play(work())
        first, second = wire.seen
        assert (first.line, first.headers, first.body) == (second.line, second.headers, second.body)


def test_a_key_is_the_only_header_added_and_the_same_on_all_attempts() -> None:
    async def work() -> None:
        async with session(KEYED) as http:
            await http.post(wire.base, json={"b": 1})
            await http.post(wire.base, json={"b": 1}, headers={"idempotency-key": "mine"})

    with Wire([BUSY, OK, BUSY]) as wire:
        play(work())
        keys = [seen.headers["idempotency-key"] for seen in wire.seen]
        assert keys[0] == keys[1]
        assert keys[2:] == ["mine", "mine"]


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
            asyncio.get_running_loop().call_later(0.2, mw.close)
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
            assert await asyncio.wait_for(_text(http, wire.base), 5) == '{"well":true}'
            assert wire.settled(1)

    huge = reply(503, b"x" * 3_000_000)
    with Wire([huge, huge]) as wire:
        play(work())
        assert len(wire.seen) == 3


async def _text(http: aiohttp.ClientSession, url: str) -> str:
    async with http.get(url) as response:
        return await response.text()


def test_a_short_error_keeps_its_connection() -> None:
    async def work() -> None:
        async with session() as http:
            await _text(http, wire.base)

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
            assert await asyncio.wait_for(_text(http, wire.base), 5) == '{"well":true}'

    with Wire([cut(OK)]) as wire:
        play(work())
        assert len(wire.seen) == 2


def test_a_policy_may_let_more_of_a_body_in_than_aiohttp_would() -> None:
    async def work() -> None:
        async with session({**QUICK, "bufferUpTo": 2_000_000}) as http:
            assert len(await asyncio.wait_for(_text(http, wire.base), 5)) == 1_500_000

    with Wire([cut(reply(200, b"x" * 1_500_000)), reply(200, b"x" * 1_500_000)]) as wire:
        play(work())
        assert len(wire.seen) == 2


def test_an_attempt_that_gets_no_connection_in_its_time_was_never_sent() -> None:
    policy = {**TWICE, "timeouts": {"attempt": "100ms"}}

    async def work() -> None:
        async with session(policy, connector=aiohttp.TCPConnector(limit=1)) as http, http.get(wire.base):
            with pytest.raises(aiohttp.ServerTimeoutError) as raised:
                await http.post(wire.base)
            assert "2 attempts" in unruffled.explain(raised.value)
            assert "connect-timeout" in unruffled.explain(raised.value)

    with Wire([then_silence(CHUNKED[:100])]) as wire:
        play(work())
        assert len(wire.seen) == 1


def test_a_long_body_is_delivered_at_its_headers_and_not_tried_again() -> None:
    async def work() -> None:
        async with session() as http:
            with pytest.raises(aiohttp.ClientPayloadError):
                await _text(http, wire.base)
            assert len(await _text(http, wire.base)) == 400_000

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


def test_a_websocket_may_be_silent_and_its_handshake_is_tried_again() -> None:
    refusals = [503]

    async def talk(request: web.Request) -> web.StreamResponse:
        if refusals:
            return web.Response(status=refusals.pop())
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            await socket.send_str(message.data)
        return socket

    async def work() -> None:
        app = web.Application()
        app.router.add_get("/", talk)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        policy = {**QUICK, "timeouts": {"idle": "100ms"}}
        async with session(policy) as http, http.ws_connect(f"http://127.0.0.1:{runner.addresses[0][1]}") as socket:
            await asyncio.sleep(0.3)
            await socket.send_str("still there")
            assert await socket.receive_str() == "still there"
        await runner.cleanup()

    play(work())
    assert refusals == []


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (reset, aiohttp.ClientOSError),
        (close, aiohttp.ServerDisconnectedError),
        (silence, aiohttp.ServerTimeoutError),
        (reply(200)[:5] + b"?", aiohttp.ClientResponseError),
    ],
)
def test_the_last_error_is_aiohttps_own_and_aiohttp_sends_nothing_again(answer: Any, kind: type[Exception]) -> None:
    async def work() -> None:
        async with session({**TWICE, "timeouts": {"attempt": "200ms"}}) as http:
            for _ in range(2):
                with pytest.raises(kind) as raised:
                    await http.get(wire.base)
                assert "2 attempts" in unruffled.explain(raised.value)
            assert isinstance(raised.value, asyncio.TimeoutError) == (answer is silence)
            with pytest.raises(aiohttp.ClientError):
                await http.post(wire.base)

    with Wire(then=answer) as wire:
        play(work())
        assert len(wire.seen) == 5


def test_a_middleware_above_may_try_again() -> None:
    async def above(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        try:
            return await handler(request)
        except aiohttp.ServerDisconnectedError:
            return await handler(request)

    async def work() -> None:
        async with aiohttp.ClientSession(middlewares=[above, unruffled.aiohttp.middleware({**KEYED, **TWICE})]) as http:
            # aiohttp itself sends no POST again.
            assert (await http.post(wire.base)).ok

    with Wire([close] * 2) as wire:
        play(work())
        assert len(wire.seen) == 3


def test_a_stale_connection_is_an_attempt() -> None:
    async def work() -> None:
        async with session() as http:
            await _text(http, wire.base)
            async with http.get(wire.base) as response:
                assert "lost" in unruffled.explain(response)

    with Wire([OK, close]) as wire:
        play(work())
        assert len(wire.seen) == 3


def test_a_refused_connection_was_never_sent() -> None:
    async def work() -> None:
        async with session() as http:
            with pytest.raises(aiohttp.ClientConnectorError) as raised:
                await http.post(base, json={})
            assert "unsent" in unruffled.explain(raised.value)
            assert "4 attempts" in unruffled.explain(raised.value)

    with Wire() as wire:
        base = wire.base
    play(work())


def test_over_tls_it_is_the_same(tmp_path: Path) -> None:
    async def work() -> None:
        async with session(TWICE) as http:
            with pytest.raises(aiohttp.ClientConnectorCertificateError) as raised:
                await http.post(wire.base, json={})
            assert "unsent" in unruffled.explain(raised.value)
            assert (await http.get(wire.base, ssl=ssl.create_default_context(cafile=authority))).ok

    context, authority = server_side(tmp_path)
    with Wire([BUSY], tls=context) as wire:
        play(work())
        assert len(wire.seen) == 2


@pytest.mark.parametrize("reason", ["deadline", "closed"])
def test_what_was_never_sent_has_the_reason_as_its_cause(reason: str) -> None:
    kind = aiohttp.ServerTimeoutError if reason == "deadline" else aiohttp.ClientConnectionError

    async def work() -> None:
        mw = unruffled.aiohttp.middleware(QUICK)
        if reason == "closed":
            mw.close()
        async with aiohttp.ClientSession(middlewares=[mw]) as http:
            # Less than the 50 ms that an attempt needs are left of the call above.
            NESTED.set(time.monotonic() + 0.02 if reason == "deadline" else None)
            with pytest.raises(kind) as raised:
                await http.get(f"{wire.base}/a?token=secret")
        cause = raised.value.__cause__
        assert isinstance(cause, unruffled.CallError)
        assert (cause.reason, cause.outcome) == (reason, "not-sent")
        assert "secret" not in str(raised.value)
        assert isinstance(raised.value, asyncio.TimeoutError) == (reason == "deadline")
        assert isinstance(pickle.loads(pickle.dumps(raised.value)), kind)

    with Wire() as wire:
        play(work())
        assert wire.seen == []


def test_the_sessions_time_limits_hold_for_each_attempt() -> None:
    async def work() -> None:
        began = time.monotonic()
        async with session(timeout=aiohttp.ClientTimeout(sock_read=0.1)) as http:
            assert (await http.get(wire.base)).ok
        assert time.monotonic() - began >= 0.2

    with Wire([silence, silence]) as wire:
        play(work())
        assert len(wire.seen) == 3


@pytest.mark.parametrize("where", ["attempt", "wait"])
def test_the_sessions_total_spans_attempts_and_waits(where: str) -> None:
    async def work() -> None:
        async with session(timeout=aiohttp.ClientTimeout(total=0.3)) as http:
            began = time.monotonic()
            with pytest.raises(asyncio.TimeoutError) as raised:
                await http.get(wire.base)
            assert 0.25 <= time.monotonic() - began < 2
            assert type(raised.value) is TimeoutError

    with Wire(then=silence if where == "attempt" else reply(503, Retry_After="9")) as wire:
        play(work())
        assert len(wire.seen) == 1


@pytest.mark.parametrize("where", ["headers", "body"])
def test_an_attempt_that_dribbles_ends_in_its_time(where: str) -> None:
    async def work() -> None:
        began = time.monotonic()
        async with session({**QUICK, "timeouts": {"attempt": "300ms"}}) as http:
            assert await _text(http, wire.base) == '{"well":true}'
        assert 0.3 <= time.monotonic() - began < 0.8

    head = OK.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"

    with Wire([dribble(OK) if where == "headers" else dribble(OK[len(head) :], 0.1, head)]) as wire:
        play(work())
        assert len(wire.seen) == 2


@pytest.mark.parametrize("where", ["attempt", "wait"])
def test_a_cancellation_passes_at_once_and_nothing_is_sent_after_it(where: str) -> None:
    async def work() -> None:
        mw = unruffled.aiohttp.middleware(QUICK)
        async with aiohttp.ClientSession(middlewares=[mw], connector=aiohttp.TCPConnector(limit=1)) as http:
            task = asyncio.ensure_future(http.get(wire.base))
            await asyncio.sleep(0.1)
            task.cancel("mine")
            began = time.monotonic()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert time.monotonic() - began < 1
            assert mw.snapshot()["inFlight"] == 0
            assert (await http.get(wire.base)).ok

    with Wire([silence if where == "attempt" else reply(503, Retry_After="9")]) as wire:
        play(work())
        assert len(wire.seen) == 2


def test_a_stacked_call_is_tried_once_and_told() -> None:
    told: list[Any] = []

    async def work() -> None:
        mw = unruffled.aiohttp.middleware(QUICK)
        mw.on(told.append, ["stacked"])
        async with aiohttp.ClientSession(middlewares=[mw]) as http:
            assert (await http.get(wire.base, headers={"x-retry-count": "1"})).status == 503

    with Wire([BUSY]) as wire:
        play(work())
        assert (len(wire.seen), len(told)) == (1, 1)


def test_of_two_the_outer_one_retries() -> None:
    async def work() -> None:
        both = [unruffled.aiohttp.middleware(QUICK), unruffled.aiohttp.middleware(QUICK)]
        async with aiohttp.ClientSession(middlewares=both) as http:
            assert (await http.get(wire.base)).status == 503

    with Wire(then=BUSY) as wire:
        play(work())
        assert len(wire.seen) == 4


def test_each_hop_is_a_call_of_its_own() -> None:
    async def work() -> None:
        async with session() as http, http.get(f"{wire.base}/a") as response:
            assert [hop.status for hop in response.history] == [302]

    with Wire([BUSY, reply(302, Location="/b"), BUSY]) as wire:
        play(work())
        assert [seen.line.split()[1] for seen in wire.seen] == ["/a", "/a", "/b", "/b"]


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


def test_a_hundred_tasks_share_what_there_is() -> None:
    async def work() -> None:
        mw = unruffled.aiohttp.middleware(QUICK)
        async with aiohttp.ClientSession(middlewares=[mw]) as http:
            texts = await asyncio.gather(*(_text(http, wire.base) for _ in range(100)))
            assert texts == ['{"well":true}'] * 100
            assert mw.snapshot()["inFlight"] == 0

    with Wire([BUSY, *[OK] * 9] * 10) as wire:
        play(work())
        assert len(wire.seen) == 110


def test_one_middleware_serves_any_loop() -> None:
    mw = unruffled.aiohttp.middleware(QUICK)

    async def work() -> None:
        async with aiohttp.ClientSession(middlewares=[mw]) as http:
            assert await _text(http, wire.base) == '{"well":true}'

    with Wire([BUSY, OK, BUSY]) as wire:
        play(work())
        play(work())
        assert len(wire.seen) == 4


def test_without_aiohttp_the_error_names_what_to_install() -> None:
    code = "import sys; sys.modules['aiohttp'] = None; import unruffled; import unruffled.aiohttp"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "pip install aiohttp" in ended.stderr
