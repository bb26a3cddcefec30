"""The asynchronous transports under httpx2 and httpx, on asyncio and trio: the differences from threads."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import io
import json
import math
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from types import ModuleType
from typing import Any

import anyio
import httpx
import httpx2
import pytest

import unruffled
from unruffled._driver.nested import NESTED

from ..play import sides
from ..play.sides import EVENTS, QUICK, TWICE
from ..servers.wire import BUSY, CHUNKED, OK, Wire, close, cut, dribble, reply, reset, silence, then_silence


class Side(sides.Side):
    """One of the two libraries in one kind of loop."""

    def __init__(self, theirs: ModuleType, backend: str) -> None:
        super().__init__(theirs)
        self.backend = backend

    def client(self, policy: Any = QUICK, **options: Any) -> Any:
        return self.ours.async_client(policy, **{"trust_env": False, **options})

    def run(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        anyio.run(work, backend=self.backend)


@pytest.fixture(
    params=[(httpx2, "asyncio"), (httpx2, "trio"), (httpx, "asyncio"), (httpx, "trio")],
    ids=["httpx2-asyncio", "httpx2-trio", "httpx-asyncio", "httpx-trio"],
)
def side(request: pytest.FixtureRequest) -> Side:
    return Side(*request.param)


def test_a_response_is_as_the_client_makes_it(side: Side) -> None:
    async def work() -> None:
        with Wire([BUSY, BUSY]) as wire:
            async with side.client() as http:
                request = http.build_request("GET", f"{wire.base}/a?b=c")
                limits = request.extensions["timeout"]
                response = await http.send(request)
                assert response.json() == {"well": True}
                assert (response.request is request, request.extensions["timeout"] is limits) == (True, True)
                assert len(wire.seen) == 3
                assert "503" in unruffled.explain(response)

    side.run(work)


async def pieces() -> AsyncIterator[bytes]:
    yield b"a"


@pytest.mark.parametrize(
    ("body", "times"),
    [({"content": b"a"}, 2), ({"files": {"f": io.BytesIO(b"a")}}, 2), ({"content": pieces}, 1)],
    ids=["bytes", "form", "generator"],
)
def test_what_can_be_sent_again_is(side: Side, body: dict[str, Any], times: int) -> None:
    async def work() -> None:
        with Wire([BUSY]) as wire:
            async with side.client() as http:
                given = {name: value() if callable(value) else value for name, value in body.items()}
                response = await http.put(wire.base, **given)
                assert (response.status_code, len(wire.seen)) == (200 if times == 2 else 503, times)
                assert len({seen.body for seen in wire.seen}) == 1
                assert b"a" in wire.seen[0].body

    side.run(work)


def test_a_final_status_is_returned_with_its_whole_body(side: Side) -> None:
    body = bytes(range(256)) * 400

    async def work() -> None:
        with Wire(then=reply(503, gzip.compress(body), Content_Encoding="gzip")) as wire:
            async with side.client(TWICE) as http:
                assert (await http.get(wire.base)).content == body
                assert len(wire.seen) == 2

    side.run(work)


def test_an_answer_that_was_put_away_is_returned_after_all(side: Side) -> None:
    async def work() -> None:
        with Wire([reply(503, b"later", Retry_After="5")]) as wire:
            async with side.client() as http:
                threading.Timer(0.2, http._dropin.engine.close).start()
                response = await http.get(wire.base)
                assert (response.status_code, response.content, len(wire.seen)) == (503, b"later", 1)

    side.run(work)


# httpx leaves the generators of a body that is not read to its end to the garbage collector; trio says so.
@pytest.mark.filterwarnings("ignore:.*httpcore:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore:.*httpcore:ResourceWarning")
def test_an_error_that_is_larger_than_the_pool_does_not_keep_its_only_connection(side: Side) -> None:
    async def work() -> None:
        with Wire([reply(503, b"x" * 3_000_000)] * 2) as wire:
            async with side.client(limits=side.theirs.Limits(max_connections=1), timeout=5) as http:
                for _ in range(3):
                    assert (await http.get(wire.base)).status_code == 200
                assert len(wire.seen) == 5

    side.run(work)


def test_a_short_body_that_breaks_off_is_tried_again_and_a_long_one_is_not(side: Side) -> None:
    async def work() -> None:
        with Wire([cut(OK), OK, cut(CHUNKED)]) as wire:
            async with side.client() as http:
                assert (await http.get(wire.base)).json() == {"well": True}
                with pytest.raises(side.theirs.RemoteProtocolError):
                    await http.get(wire.base)
                assert len(wire.seen) == 3

    side.run(work)


def test_an_event_stream_is_delivered_at_its_headers_and_may_not_be_silent_for_long(side: Side) -> None:
    async def work() -> None:
        policy = {**QUICK, "timeouts": {"idle": "1200ms", "attempt": "1s"}}
        with Wire([then_silence(EVENTS)]) as wire:
            async with side.client(policy) as http, http.stream("GET", wire.base, timeout=600) as response:
                lines = aiter(response.aiter_lines())
                assert await anext(lines) == "data: 1"
                began = time.monotonic()
                with pytest.raises(side.theirs.ReadTimeout):
                    async for _ in lines:
                        pass
                assert 1.1 <= time.monotonic() - began < 10
                assert len(wire.seen) == 1

    side.run(work)


def test_a_rule_sees_into_a_body_and_leaves_it_whole(side: Side) -> None:
    body = json.dumps({"error": {"code": "insufficient_quota"}, "rest": "x" * 300_000}).encode()
    rule = {"status": 429, "json": "/error/code", "is": ["insufficient_quota"], "as": "fail"}

    async def work() -> None:
        with Wire(then=reply(429, body, Content_Type="application/json")) as wire:
            async with side.client({**QUICK, "classify": [rule]}) as http:
                response = await http.get(wire.base)
                assert (response.content, len(wire.seen)) == (body, 1)

    side.run(work)


@pytest.mark.parametrize(
    ("answer", "kind", "limit"),
    [(reset, "ReadError", "30s"), (close, "RemoteProtocolError", "30s"), (silence, "ReadTimeout", "200ms")],
)
def test_the_last_error_is_the_clients_own(side: Side, answer: Any, kind: str, limit: str) -> None:
    async def work() -> None:
        with Wire(then=answer) as wire:
            async with side.client({**TWICE, "timeouts": {"attempt": limit}}) as http:
                with pytest.raises(getattr(side.theirs, kind)) as raised:
                    await http.get(wire.base)
                assert len(wire.seen) == 2
                assert raised.value.request.url == wire.base
                assert "attempt" in unruffled.explain(raised.value)

    side.run(work)


def test_what_was_never_sent_has_the_reason_as_its_cause(side: Side) -> None:
    async def work() -> None:
        with Wire() as wire:
            async with side.client() as http:
                mark = NESTED.set(time.monotonic() + 0.02)
                with pytest.raises(side.theirs.PoolTimeout) as raised:
                    await http.get(wire.base)
                NESTED.reset(mark)
                cause = raised.value.__cause__
                assert isinstance(cause, unruffled.CallError)
                assert (cause.reason, cause.outcome, len(wire.seen)) == ("deadline", "not-sent", 0)

    side.run(work)


@pytest.mark.parametrize("where", ["headers", "body"])
def test_an_attempt_that_dribbles_ends_in_its_time(side: Side, where: str) -> None:
    head = OK.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    answer = dribble(OK) if where == "headers" else dribble(OK[len(head) :], 0.2, head)

    async def work() -> None:
        with Wire([answer]) as wire:
            async with side.client({**QUICK, "timeouts": {"attempt": "1s"}}) as http:
                began = time.monotonic()
                assert (await http.get(wire.base)).status_code == 200
                assert 1 <= time.monotonic() - began < 10
                assert len(wire.seen) == 2

    side.run(work)


def test_an_attempt_that_is_ended_in_its_time_loses_no_connection(side: Side) -> None:
    async def ended(base: str, ms: int) -> None:
        policy = {"retry": {"base": "5ms", "patience": 0}, "timeouts": {"attempt": ms}, "breaker": False}
        async with side.client(policy) as http:

            async def one() -> None:
                with contextlib.suppress(side.theirs.TransportError):
                    await http.get(base)

            async with anyio.create_task_group() as tasks:
                for _ in range(40):
                    tasks.start_soon(one)
            pool = http._transport._inner._pool
            assert [one for one in pool.connections if not one.is_idle() and not one.is_closed()] == []
            assert http.snapshot()["inFlight"] == 0

    async def work() -> None:
        with Wire(then=close) as wire:
            # So short that they end while connecting, sending or closing.
            for ms in range(10, 50, 4):
                await ended(wire.base, ms)

    side.run(work)


@pytest.mark.parametrize("where", ["wait", "headers", "body"])
def test_a_cancellation_passes_at_once_and_leaves_nothing(side: Side, where: str) -> None:
    answers: dict[str, Any] = {
        "wait": reply(503, Retry_After="30"),
        "headers": silence,
        "body": then_silence(OK[:-1]),
    }

    async def work() -> None:
        with Wire(then=answers[where]) as wire:
            async with side.client({}, timeout=None) as http:
                began = time.monotonic()
                with anyio.move_on_after(0.2) as scope:
                    await http.get(wire.base)
                assert scope.cancelled_caught
                assert time.monotonic() - began < 10
                now = http.snapshot()
                assert (now["live"], now["inFlight"], now["waiting"], len(wire.seen)) == (0, 0, 0, 1)

    side.run(work)


def test_a_hundred_tasks_share_what_there_is(side: Side) -> None:
    async def work() -> None:
        with Wire([BUSY, *[OK] * 9] * 10) as wire:
            async with side.client(timeout=30) as http:
                codes: list[int] = []

                async def one() -> None:
                    codes.append((await http.get(wire.base)).status_code)

                async with anyio.create_task_group() as tasks:
                    for _ in range(100):
                        tasks.start_soon(one)
                assert codes == [200] * 100
                assert len(wire.seen) == 110

    side.run(work)


def test_a_stacked_call_and_one_beneath_another_are_tried_once(side: Side) -> None:
    async def work() -> None:
        with Wire(then=BUSY) as wire:
            async with side.client() as http:
                await http.get(wire.base, headers={"x-stainless-retry-count": "2"})
                mark = NESTED.set(math.inf)
                await http.get(wire.base)
                NESTED.reset(mark)
                assert len(wire.seen) == 2

    side.run(work)


def test_of_two_the_outer_one_retries(side: Side) -> None:
    async def work() -> None:
        with Wire(then=BUSY) as wire:
            async with side.client(TWICE, transport=side.ours.AsyncTransport(QUICK)) as http:
                assert (await http.get(wire.base)).status_code == 503
            assert len(wire.seen) == 2

    side.run(work)


def test_beneath_an_unruffled_client_each_of_its_attempts_is_one() -> None:
    async def work() -> None:
        with Wire(then=BUSY) as wire:
            beneath = unruffled.httpx2.AsyncTransport(QUICK)
            policy = {**TWICE, "baseUrl": wire.base}
            async with unruffled.AsyncClient(policy, transport=beneath, trust_env=False) as client:
                with pytest.raises(unruffled.StatusError):
                    await client.get("/a")
            assert len(wire.seen) == 2

    anyio.run(work)


def test_a_misdirected_request_goes_out_on_a_new_connection(side: Side) -> None:
    async def work() -> None:
        with Wire([OK, reply(421)]) as wire:
            async with side.client() as http:
                await http.get(wire.base)
                assert (await http.get(wire.base)).status_code == 200
                assert [seen.connection for seen in wire.seen] == [1, 1, 2]

    side.run(work)


def test_the_environments_proxies_are_kept(side: Side, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        with Wire([BUSY]) as proxy:
            monkeypatch.setenv("ALL_PROXY", proxy.base)
            async with side.client(trust_env=True) as http:
                assert (await http.get("http://orders.example/a")).status_code == 200
            assert [seen.line for seen in proxy.seen] == ["GET http://orders.example/a HTTP/1.1"] * 2

    side.run(work)


def test_closing_the_client_ends_its_waits(side: Side) -> None:
    async def work() -> None:
        with Wire(then=reply(503, b"last", Retry_After="30")) as wire:
            http = side.client({})
            bodies: list[bytes] = []

            async def one() -> None:
                bodies.append((await http.get(wire.base)).content)

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(one)
                while not wire.seen:
                    await anyio.sleep(0.01)
                await anyio.sleep(0.1)
                await http.aclose()
            assert bodies == [b"last"]
            assert await anyio.to_thread.run_sync(wire.settled, 0)

    side.run(work)


def test_a_transport_serves_one_loop_after_another(side: Side) -> None:
    transport = side.ours.AsyncTransport(QUICK)

    async def work() -> None:
        with Wire([BUSY]) as wire:
            async with side.theirs.AsyncClient(transport=transport) as http:
                assert (await http.get(wire.base)).status_code == 200

    for _ in range(2):
        side.run(work)
    assert transport.snapshot()["begun"] == 2


def test_a_transport_that_is_closed_during_a_call_lets_it_end(side: Side) -> None:
    async def work() -> None:
        with Wire([dribble(OK, 0.01)]) as wire:
            transport = side.ours.AsyncTransport(QUICK)
            http = side.theirs.AsyncClient(transport=transport)
            codes: list[int] = []

            async def one() -> None:
                codes.append((await http.get(wire.base)).status_code)

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(one)
                while not wire.seen:
                    await anyio.sleep(0.005)
                await transport.aclose()
            assert (codes, len(wire.seen)) == ([200], 1)

    side.run(work)


def test_two_loops_at_once_share_a_breaker() -> None:
    dropin = unruffled.httpx2.AsyncTransport(QUICK)

    async def one(base: str) -> int:
        # Connections belong to their loop. The engine's state does not.
        beneath = unruffled.httpx2.AsyncTransport(dropin._dropin)
        async with httpx2.AsyncClient(transport=beneath) as http:
            return (await http.get(base)).status_code

    # One fewer than a call has attempts: the first may meet them all.
    with Wire([BUSY] * 3) as wire:
        codes: list[int] = []
        make: Callable[[], Awaitable[int]] = lambda: one(wire.base)  # noqa: E731
        threads = [threading.Thread(target=lambda: codes.append(asyncio.run(make()))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert codes == [200] * 4
        assert dropin.snapshot()["begun"] == 4
