"""Bodies of requests and of answers under `unruffled.requests`."""

from __future__ import annotations

import gzip
import io
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from urllib3 import Timeout

import unruffled
import unruffled.requests
from unruffled._http.urllib3 import connects_within

from ..play.sessions import KEYED, QUICK, adapter_of
from ..play.sessions import requests_session as session
from ..servers.wire import BUSY, CHUNKED, OK, Wire, cut, reply, reset, then_silence


def test_a_final_status_is_returned_with_its_body() -> None:
    with Wire(then=BUSY) as wire, session({"retry": {"base": "5ms", "attempts": 2}}) as http:
        response = http.get(wire.base)
        assert (response.status_code, response.content, len(wire.seen)) == (503, b"busy", 2)
        with pytest.raises(requests.HTTPError, match="503"):
            response.raise_for_status()
        assert "attempts" in unruffled.explain(response)


def test_a_prepared_request_stays_as_it_was() -> None:
    with Wire() as wire, session(KEYED) as http:
        prepared = http.prepare_request(requests.Request("POST", wire.base, json={}))
        for _ in range(2):
            http.send(prepared)
        assert "Idempotency-Key" not in prepared.headers
        assert wire.seen[0].headers["idempotency-key"] != wire.seen[1].headers["idempotency-key"]


def test_of_a_long_answer_that_was_put_away_the_beginning_is_returned() -> None:
    with Wire([reply(503, b"x" * 100_000, Retry_After="5")]) as wire, session() as http:
        threading.Timer(0.6, adapter_of(http)._dropin.engine.close).start()
        assert http.get(wire.base).content == b"x" * 65_536


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_that_was_put_away_is_returned_whole_after_all(stream: bool) -> None:
    busy = reply(503, gzip.compress(b"later"), Retry_After="5", Content_Encoding="gzip", Set_Cookie="a=b")
    with Wire([busy]) as wire, session() as http:
        threading.Timer(0.6, adapter_of(http)._dropin.engine.close).start()
        response = http.get(wire.base, stream=stream)
        assert (response.status_code, len(wire.seen)) == (503, 1)
        assert b"".join(response.iter_content(2)) == b"later"
        assert http.cookies["a"] == "b"
        assert "closed" in unruffled.explain(response)


def test_a_file_is_sent_again_from_where_it_stood() -> None:
    with Wire([BUSY, reset]) as wire, session() as http:
        file = io.BytesIO(b"0123456789")
        file.seek(5)
        assert http.put(wire.base, data=file).ok
        assert [seen.body for seen in wire.seen] == [b"56789"] * 3


def test_a_form_with_a_file_is_sent_again() -> None:
    with Wire([BUSY]) as wire, session(KEYED) as http:
        assert http.post(wire.base, data={"a": "b"}, files={"c": io.BytesIO(b"file")}).ok
        assert wire.seen[0].body == wire.seen[1].body
        assert b"file" in wire.seen[0].body


def test_a_generator_is_sent_once() -> None:
    def body() -> Iterator[bytes]:
        yield b"a"
        yield b"b"

    with Wire([BUSY]) as wire, session() as http:
        assert http.put(wire.base, data=body()).status_code == 503
        assert [seen.body for seen in wire.seen] == [b"ab"]


def test_a_pipe_is_sent_once() -> None:
    class Pipe(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            return 0

        def tell(self) -> int:
            raise OSError

    with Wire([BUSY]) as wire, session() as http:
        assert http.put(wire.base, data=Pipe()).status_code == 503
        assert len(wire.seen) == 1


def test_an_error_that_is_larger_than_the_pool_does_not_keep_its_only_connection() -> None:
    huge = reply(503, b"x" * 3_000_000)
    with Wire([huge, huge]) as wire, session(pool_maxsize=1, pool_block=True) as http:
        assert http.get(wire.base).ok
        assert len(wire.seen) == 3
        assert wire.settled(1)


def test_a_short_error_keeps_its_connection() -> None:
    with Wire([BUSY, BUSY]) as wire, session() as http:
        assert http.get(wire.base).ok
        assert [seen.connection for seen in wire.seen] == [1, 1, 1]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("encoded", [False, True])
def test_a_short_body_that_breaks_off_is_tried_again(stream: bool, encoded: bool) -> None:
    body = gzip.compress(b"a body") if encoded else b"a body"
    answer = reply(200, body, **({"Content_Encoding": "gzip"} if encoded else {}))
    with Wire([cut(answer), answer]) as wire, session() as http:
        response = http.get(wire.base, stream=stream)
        assert len(wire.seen) == 2
        assert b"".join(response.iter_content(2)) == b"a body"


def test_a_body_that_cannot_be_decoded_leaves_its_connection() -> None:
    wrong = reply(200, b"no gzip" * 30_000, Content_Encoding="gzip")
    with Wire([wrong]) as wire, session(pool_maxsize=1, pool_block=True) as http:
        assert http.get(wire.base).ok
        assert len(wire.seen) == 2


@pytest.mark.parametrize("limit", ["session", "policy"])
def test_a_body_that_stalls_is_tried_again(limit: str) -> None:
    timeouts = {} if limit == "session" else {"timeouts": {"attempt": "200ms"}}
    answers = [then_silence(OK[:-3])]
    with Wire(answers, then=answers[0]) as wire, session({"retry": {"base": "5ms", "attempts": 2}, **timeouts}) as http:
        kind = requests.ConnectionError if limit == "session" else requests.ReadTimeout
        with pytest.raises(kind) as raised:
            http.get(wire.base, timeout=(3, 0.5) if limit == "session" else None)
        assert "timeout" in unruffled.explain(raised.value)
        assert len(wire.seen) == 2


def test_raw_can_be_read_of_a_stream_whose_body_was_awaited() -> None:
    with Wire([reply(200, b"a body", Set_Cookie="a=b")]) as wire, session() as http:
        response = http.get(wire.base, stream=True)
        assert response.raw.read(2) + response.raw.read() == b"a body"
        assert http.cookies["a"] == "b"
        assert wire.settled(1)


def test_a_long_body_is_delivered_at_its_headers_and_not_tried_again() -> None:
    with Wire([cut(reply(200, b"x" * 300_000)), CHUNKED]) as wire, session() as http:
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            http.get(wire.base)
        assert len(wire.seen) == 1
        assert len(http.get(wire.base).content) == 400_000


def test_an_event_stream_is_delivered_at_its_headers() -> None:
    head = reply(200, b"data: 1\n\n" * 2, Content_Type="text/event-stream")[:-9]
    with Wire([then_silence(head)]) as wire, session({**QUICK, "timeouts": {"idle": "200ms"}}) as http:
        response = http.get(wire.base, stream=True)
        lines = response.iter_lines(1)
        assert next(lines) == b"data: 1"
        with pytest.raises(requests.ConnectionError, match="Read timed out"):
            list(lines)
        assert len(wire.seen) == 1


def test_an_attempts_limit_ends_at_the_headers_of_what_is_streamed() -> None:
    def slow(connection: socket.socket) -> None:
        connection.sendall(CHUNKED[:100])
        time.sleep(1)
        connection.sendall(CHUNKED[100:])

    with Wire([slow]) as wire, session({**QUICK, "timeouts": {"attempt": "700ms"}}) as http:
        assert len(http.get(wire.base).content) == 400_000
        assert len(wire.seen) == 1


def test_a_rule_sees_into_a_body_that_is_encoded_and_leaves_it_whole() -> None:
    body = json.dumps({"error": {"code": "insufficient_quota"}, "rest": "x" * 20_000}).encode()
    rule = {"status": 429, "json": "/error/code", "is": ["insufficient_quota"], "as": "fail"}
    refused = reply(429, gzip.compress(body), Content_Encoding="gzip", Content_Type="application/json")
    with Wire(then=refused) as wire, session({**QUICK, "classify": [rule]}) as http:
        response = http.get(wire.base)
        assert (response.status_code, len(wire.seen)) == (429, 1)
        assert response.content == body


def test_closing_an_answer_that_a_rule_looked_into_closes_its_connection() -> None:
    rule = {"status": 429, "json": "/code", "is": ["a"], "as": "fail"}
    answer = then_silence(reply(429, b'{"code":"a"' + b" " * 9000)[:-1])
    with Wire([answer]) as wire, session({**QUICK, "classify": [rule]}) as http:
        response = http.get(wire.base, stream=True)
        assert response.raw.read(11) == b'{"code":"a"'
        response.close()
        assert wire.settled(0)


def test_closing_an_answer_that_a_rule_looked_into_gives_its_place_in_the_pool_back() -> None:
    rule = {"status": 429, "json": "/code", "is": ["a"], "as": "fail"}
    policy = {**QUICK, "classify": [rule], "timeouts": {"attempt": "2s"}}
    body = b'{"code":"a","rest":"' + b"x" * 3_000_000 + b'"}'
    with Wire(then=reply(429, body)) as wire, session(policy, pool_block=True, pool_maxsize=1) as http:
        for _ in range(2):
            http.get(wire.base, stream=True).close()
        assert http.get(wire.base).content == body


@pytest.mark.parametrize("stream", [True, False])
def test_a_rule_sees_into_a_success_whose_body_was_awaited(stream: bool) -> None:
    rule = {"status": 200, "json": "/ok", "is": [False], "as": "retry"}
    with Wire([reply(200, b'{"ok":false}')]) as wire, session({**QUICK, "classify": [rule]}) as http:
        assert http.get(wire.base, stream=stream).content == OK[-13:]
        assert len(wire.seen) == 2


def test_raw_is_as_it_would_be_without_a_policy() -> None:
    answer = reply(200, gzip.compress(b"a body"), Content_Encoding="gzip")
    with Wire(then=answer) as wire, requests.Session() as plain, session() as http:
        plain.trust_env = False
        one, other = ([each.get(f"{wire.base}/a", stream=True).raw for _ in range(3)] for each in (plain, http))
        assert one[0].read() == other[0].read()
        assert one[1].read1(3) + one[1].read1() == other[1].read1(3) + other[1].read1()
        assert (one[2].version, one[2].geturl()) == (other[2].version, other[2].geturl())


def test_the_smaller_limit_ends_a_stream_that_stalls() -> None:
    answer = then_silence(CHUNKED[:100])
    policy = {**QUICK, "timeouts": {"idle": "30s"}}
    with Wire([answer]) as wire, session(policy) as http, http.get(wire.base, stream=True, timeout=0.1) as response:
        begun = time.monotonic()
        with pytest.raises(requests.ConnectionError, match="Read timed out"):
            _ = response.content
        assert time.monotonic() - begun < 10


@pytest.mark.parametrize("kind", [bytearray, memoryview])
def test_any_kind_of_bytes_is_sent_again(kind: Callable[[bytes], Any]) -> None:
    with Wire([BUSY]) as wire, session() as http:
        assert http.put(wire.base, data=kind(b"a body")).status_code == 200
        assert [seen.body for seen in wire.seen] == [b"a body", b"a body"]


def test_the_policys_limit_on_connecting_holds_beside_one_of_urllib3s() -> None:
    least = connects_within(1, Timeout(connect=5, read=7, total=9))
    assert (least.connect_timeout, least.total, least._read) == (1, 9, 7)
    assert connects_within(3, Timeout(connect=2)).connect_timeout == 2
    assert connects_within(3, Timeout(read=2)).connect_timeout == 3
