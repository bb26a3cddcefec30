"""Answers under the transports for httpx2 and httpx: bodies, streams, time limits."""

from __future__ import annotations

import gzip
import json
import threading
import time

import pytest

import unruffled
from unruffled._http.clipped import ClippedBackend

from ..play.sides import EVENTS, QUICK, TWICE, Side
from ..servers.wire import BUSY, CHUNKED, OK, Wire, cut, dribble, reply, silence, then_silence

# Answers.


@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_a_final_status_is_returned_with_its_whole_body(side: Side, encoding: str) -> None:
    body = bytes(range(256)) * 400
    sent = gzip.compress(body) if encoding else body
    busy = reply(503, sent, **({"Content_Encoding": encoding} if encoding else {}))
    with Wire(then=busy) as wire, side.client(TWICE) as http:
        assert http.get(wire.base).content == body
        with http.stream("GET", wire.base) as response:
            assert (response.is_stream_consumed, response.status_code) == (False, 503)
            assert b"".join(response.iter_bytes()) == body
        with pytest.raises(side.theirs.HTTPStatusError):
            response.raise_for_status()
        assert len(wire.seen) == 4
        assert "attempts" in unruffled.explain(response)


def test_an_answer_that_was_put_away_is_returned_after_all(side: Side) -> None:
    busy = reply(503, gzip.compress(b"later"), Retry_After="5", Content_Encoding="gzip", Set_Cookie="a=b")
    with Wire([busy]) as wire, side.client() as http:
        threading.Timer(0.2, http._dropin.engine.close).start()
        response = http.get(wire.base)
        assert (response.status_code, response.content, http.cookies["a"]) == (503, b"later", "b")
        assert len(wire.seen) == 1


def test_an_error_that_is_larger_than_the_pool_does_not_keep_its_only_connection(side: Side) -> None:
    large = reply(503, b"x" * 3_000_000)
    limits = side.theirs.Limits(max_connections=1)
    with Wire([large, large]) as wire, side.client(limits=limits, timeout=5) as http:
        for _ in range(3):
            assert http.get(wire.base).status_code == 200
        assert len(wire.seen) == 5


def test_a_short_error_keeps_its_connection(side: Side) -> None:
    with Wire([BUSY]) as wire, side.client() as http:
        http.get(wire.base)
        assert [seen.connection for seen in wire.seen] == [1, 1]


def test_a_stalled_error_holds_nothing_up_for_longer_than_its_wait(side: Side) -> None:
    stalls = then_silence(b"HTTP/1.1 503 Busy\r\nContent-Length: 9\r\n\r\nb")
    with Wire([stalls, then_silence(b"HTTP/1.1 421 No\r\nContent-Length: 9\r\n\r\nb")]) as wire, side.client() as http:
        began = time.monotonic()
        assert http.get(wire.base).status_code == 200
        assert time.monotonic() - began < 10
        assert len(wire.seen) == 3


def test_a_short_body_that_breaks_off_is_tried_again(side: Side) -> None:
    with Wire([cut(OK)]) as wire, side.client() as http, http.stream("GET", wire.base) as response:
        assert b"".join(response.iter_bytes()) == b'{"well":true}'
        assert len(wire.seen) == 2


def test_a_long_body_is_delivered_at_its_headers_and_not_tried_again(side: Side) -> None:
    with Wire([CHUNKED, cut(CHUNKED)]) as wire, side.client() as http:
        assert len(http.get(wire.base).content) == 400_000
        with pytest.raises(side.theirs.RemoteProtocolError):
            http.get(wire.base)
        assert len(wire.seen) == 2


def test_an_event_stream_is_delivered_at_its_headers_and_may_not_be_silent_for_long(side: Side) -> None:
    policy = {**QUICK, "timeouts": {"idle": "1200ms", "attempt": "1s"}}
    with (
        Wire([then_silence(EVENTS)]) as wire,
        side.client(policy) as http,
        http.stream("GET", wire.base, timeout=600) as response,
    ):
        lines = response.iter_lines()
        assert next(lines) == "data: 1"
        began = time.monotonic()
        with pytest.raises(side.theirs.ReadTimeout):
            list(lines)
        assert 1.1 <= time.monotonic() - began < 10
        assert len(wire.seen) == 1


def test_a_stream_outlives_the_attempts_time_and_the_calls(side: Side) -> None:
    head, _, data = EVENTS.partition(b"data")
    slow = dribble(b"data" + data + b"data: 2\n\n", 0.1, head)
    policy = {**QUICK, "timeouts": {"attempt": "1s", "total": "1200ms", "idle": "10s"}}
    with Wire([slow]) as wire, side.client(policy) as http, http.stream("GET", wire.base) as response:
        began = time.monotonic()
        assert b"".join(response.iter_bytes()) == b"data: 1\n\ndata: 2\n\n"
        assert time.monotonic() - began > 1.3
        assert len(wire.seen) == 1


def test_without_a_limit_of_the_policys_a_stream_keeps_the_clients(side: Side) -> None:
    policy = {**QUICK, "timeouts": {"attempt": "1s"}}
    with (
        Wire([then_silence(EVENTS)]) as wire,
        side.client(policy) as http,
        http.stream("GET", wire.base, timeout=1.2) as response,
    ):
        began = time.monotonic()
        with pytest.raises(side.theirs.ReadTimeout):
            list(response.iter_lines())
        assert 1.1 <= time.monotonic() - began < 10
        assert len(wire.seen) == 1


@pytest.mark.parametrize("size", [20, 300_000])
def test_a_rule_sees_into_a_body_that_is_encoded_and_leaves_it_whole(side: Side, size: int) -> None:
    body = json.dumps({"error": {"code": "insufficient_quota"}, "rest": "x" * size}).encode()
    rule = {"status": 429, "json": "/error/code", "is": ["insufficient_quota"], "as": "fail"}
    refused = reply(429, gzip.compress(body, 0), Content_Encoding="gzip", Content_Type="application/json")
    with Wire(then=refused) as wire, side.client({**QUICK, "classify": [rule]}) as http:
        response = http.get(wire.base)
        assert (response.status_code, len(wire.seen)) == (429, 1)
        assert response.content == body


def test_a_body_that_breaks_off_while_a_rule_looks_into_it_still_breaks_for_its_reader(side: Side) -> None:
    rule = {"status": 400, "json": "/code", "is": ["busy"], "as": "retry"}
    torn = cut(reply(400, b'{"code":1}'))
    with Wire(then=torn) as wire, side.client({**QUICK, "classify": [rule]}) as http:
        with pytest.raises(side.theirs.RemoteProtocolError):
            http.get(wire.base)
        assert len(wire.seen) == 1


# Time limits.


def test_the_clients_time_limits_hold_for_each_attempt(side: Side) -> None:
    with Wire([silence, silence]) as wire, side.client(timeout=0.1) as http:
        began = time.monotonic()
        assert http.get(wire.base).status_code == 200
        assert 0.2 <= time.monotonic() - began < 10
        assert len(wire.seen) == 3


# Without the deadline in the connection the bytes of a head are not bounded.
@pytest.mark.parametrize(("where", "clipped"), [("headers", True), ("body", True), ("body", False)])
def test_an_attempt_that_dribbles_ends_in_its_time(side: Side, where: str, clipped: bool) -> None:
    head = OK.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    answer = dribble(OK) if where == "headers" else dribble(OK[len(head) :], 0.2, head)
    with Wire([answer]) as wire, side.client({**QUICK, "timeouts": {"attempt": "1s"}}) as http:
        http._transport._host.clipped = clipped
        if not clipped:
            pool = http._transport._inner._pool
            pool._network_backend = pool._network_backend._backend
        began = time.monotonic()
        assert http.get(wire.base).status_code == 200
        assert 1 <= time.monotonic() - began < 10
        assert len(wire.seen) == 2


def test_a_pool_without_a_free_connection_ends_the_attempt_in_its_time(side: Side) -> None:
    limits = side.theirs.Limits(max_connections=1)
    policy = {"retry": {"attempts": 1}, "timeouts": {"attempt": "200ms"}}
    with Wire([CHUNKED]) as wire, side.client(policy, limits=limits, timeout=None) as http:
        with http.stream("GET", wire.base), pytest.raises(side.theirs.PoolTimeout):
            http.get(wire.base)
        assert len(wire.seen) == 1


def test_connections_have_the_clock_in_them(side: Side) -> None:
    # Guards what `_http.pool` relies on.
    with side.client(proxy="http://127.0.0.1:1") as http:
        transports = [http._transport, *http._mounts.values()]
        assert len(transports) == 2
        for transport in transports:
            assert transport._host.clipped
            assert isinstance(transport._inner._pool._network_backend, ClippedBackend)
