"""`unruffled.aiohttp.middleware` preserves aiohttp's results, exceptions, bodies, connections and cancellation."""

from __future__ import annotations

import asyncio
import pickle
import ssl
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

import unruffled
import unruffled.aiohttp
from unruffled._driver.nested import NESTED

from ..play.sessions import KEYED, QUICK, TWICE, play, text_of
from ..play.sessions import aiohttp_session as session
from ..servers.wire import BUSY, CHUNKED, OK, Wire, close, dribble, reply, reset, server_side, silence, then_silence


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


def test_an_attempt_that_gets_no_connection_in_its_time_was_never_sent() -> None:
    policy = {**TWICE, "timeouts": {"attempt": "500ms"}}

    async def work() -> None:
        async with session(policy, connector=aiohttp.TCPConnector(limit=1)) as http, http.get(wire.base):
            with pytest.raises(aiohttp.ServerTimeoutError) as raised:
                await http.post(wire.base)
            assert "2 attempts" in unruffled.explain(raised.value)
            assert "connect-timeout" in unruffled.explain(raised.value)

    with Wire([then_silence(CHUNKED[:100])]) as wire:
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
        async with session({**TWICE, "timeouts": {"attempt": "500ms"}}) as http:
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
            await text_of(http, wire.base)
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
            assert "permanent: certificate" in unruffled.explain(raised.value)
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
            # The outer call has less time left than the 50 ms that an attempt needs.
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
        async with session(timeout=aiohttp.ClientTimeout(sock_read=0.5)) as http:
            assert (await http.get(wire.base)).ok
        assert time.monotonic() - began >= 1

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
        async with session({**QUICK, "timeouts": {"attempt": "700ms"}}) as http:
            assert await text_of(http, wire.base) == '{"well":true}'
        assert 0.7 <= time.monotonic() - began < 2.5

    head = OK.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"

    with Wire([dribble(OK) if where == "headers" else dribble(OK[len(head) :], 0.3, head)]) as wire:
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


@pytest.mark.parametrize("where", ["attempt", "wait"])
def test_closing_the_session_ends_its_calls_with_an_error_of_aiohttps(where: str) -> None:
    async def work() -> None:
        mw = unruffled.aiohttp.middleware({"retry": {"base": "200ms"}})
        http = aiohttp.ClientSession(middlewares=[mw])
        task = asyncio.ensure_future(http.get(wire.base))
        while not wire.seen:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        await http.close()
        with pytest.raises(aiohttp.ClientConnectionError):
            await task
        assert mw.snapshot()["attempts"] == (1 if where == "attempt" else 2)
        assert (mw.snapshot()["inFlight"], mw.snapshot()["live"]) == (0, 0)

    with Wire(then=silence if where == "attempt" else reply(503, Retry_After="1")) as wire:
        play(work())
        assert len(wire.seen) == 1


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


def test_a_hundred_tasks_share_what_there_is() -> None:
    async def work() -> None:
        mw = unruffled.aiohttp.middleware(QUICK)
        async with aiohttp.ClientSession(middlewares=[mw]) as http:
            texts = await asyncio.gather(*(text_of(http, wire.base) for _ in range(100)))
            assert texts == ['{"well":true}'] * 100
            assert mw.snapshot()["inFlight"] == 0

    with Wire([BUSY, *[OK] * 9] * 10) as wire:
        play(work())
        assert len(wire.seen) == 110


def test_one_middleware_serves_any_loop() -> None:
    mw = unruffled.aiohttp.middleware(QUICK)

    async def work() -> None:
        async with aiohttp.ClientSession(middlewares=[mw]) as http:
            assert await text_of(http, wire.base) == '{"well":true}'

    with Wire([BUSY, OK, BUSY]) as wire:
        play(work())
        play(work())
        assert len(wire.seen) == 4


def test_without_aiohttp_the_error_names_what_to_install() -> None:
    code = "import sys; sys.modules['aiohttp'] = None; import unruffled; import unruffled.aiohttp"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "pip install aiohttp" in ended.stderr
