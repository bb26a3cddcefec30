"""HTTP/2: a request that was provably not processed is sent again, and no exception of h2 comes out."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import h2.errors
import hpack
import httpcore
import httpx2
import pytest

import unruffled

from ..play.sides import Side
from ..servers.h2_wire import H2Wire, Stream, answer

# Threads that meet in a connection break it for each other, in h2 itself: each of them may need many attempts.
POLICY: dict[str, Any] = {"retry": {"base": "5ms", "attempts": 10, "budget": {"capacity": 100}}}
OPTIONS: dict[str, Any] = {"http1": False, "http2": True, "trust_env": False}


def policy(wire: H2Wire) -> dict[str, Any]:
    return {**POLICY, "baseUrl": wire.base}


def refuse_first(stream: Stream) -> None:
    """Answers with RST_STREAM and REFUSED_STREAM: not processed (RFC 9113, section 8.7)."""
    if stream.nth == 0:
        stream.h2.reset_stream(stream.number, h2.errors.ErrorCodes.REFUSED_STREAM)
    else:
        answer(stream)


def break_first(stream: Stream) -> None:
    if stream.nth == 0:
        stream.h2.reset_stream(stream.number, h2.errors.ErrorCodes.INTERNAL_ERROR)
    else:
        answer(stream)


def disown_first(stream: Stream) -> None:
    """Answers with a GOAWAY that says that the stream was not processed."""
    if stream.nth == 0:
        stream.h2.close_connection(last_stream_id=0)
    else:
        answer(stream)


def test_gets_around_a_goaway_all_succeed() -> None:
    with H2Wire(leaves_after=4) as wire, unruffled.Client(policy(wire), **OPTIONS) as client:
        with ThreadPoolExecutor(12) as pool:
            answers = list(pool.map(lambda _: client.get("/a").status_code, range(12)))
        assert answers == [200] * 12


@pytest.fixture
def hurried() -> Iterator[None]:
    """Switches threads so often that they meet between any two steps of a shared connection."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("hurried")
def test_gets_of_threads_that_meet_in_a_connection_around_a_goaway_all_succeed(side: Side) -> None:
    # h2 refuses what the second thread does to it, with a protocol error that httpcore calls local.
    for _ in range(8):
        with H2Wire(leaves_after=4) as wire, unruffled.Client(policy(wire), **OPTIONS) as client:
            with ThreadPoolExecutor(12) as pool:
                answers = list(pool.map(lambda _: client.get("/a").status_code, range(12)))
            assert answers == [200] * 12
        with H2Wire(leaves_after=4) as wire, side.client(policy(wire), **OPTIONS) as client:
            with ThreadPoolExecutor(12) as pool:
                answers = list(pool.map(lambda _: client.get(f"{wire.base}/a").status_code, range(12)))
            assert answers == [200] * 12


def test_gets_of_tasks_around_a_goaway_all_succeed() -> None:
    async def main(wire: H2Wire) -> list[int]:
        async with unruffled.AsyncClient(policy(wire), **OPTIONS) as client:
            found = await asyncio.gather(*(client.get("/a") for _ in range(12)))
            return [response.status_code for response in found]

    with H2Wire(leaves_after=4) as wire:
        assert asyncio.run(main(wire)) == [200] * 12


def test_requests_that_wait_for_a_stream_when_a_goaway_comes_all_succeed(side: Side) -> None:
    # httpcore raises a protocol error for each of them, though none was written. They are GETs: threads that meet in a
    # connection may break it for the server, too, and then nothing proves that a POST did no work. Tasks never do.
    with H2Wire(hasty=True) as wire, unruffled.Client(policy(wire), **OPTIONS) as client:
        with ThreadPoolExecutor(12) as pool:
            answers = list(pool.map(lambda _: client.get("/a").status_code, range(12)))
        assert answers == [200] * 12
    with H2Wire(hasty=True) as wire, side.client(policy(wire), **OPTIONS) as client:
        with ThreadPoolExecutor(12) as pool:
            answers = list(pool.map(lambda _: client.get(wire.base).status_code, range(12)))
        assert answers == [200] * 12


def test_tasks_that_wait_for_a_stream_when_a_goaway_comes_all_succeed() -> None:
    async def main(wire: H2Wire) -> list[int]:
        async with unruffled.AsyncClient(policy(wire), **OPTIONS) as client:
            found = await asyncio.gather(*(client.post("/a", json={}) for _ in range(12)))
            return [response.status_code for response in found]

    with H2Wire(hasty=True) as wire:
        assert asyncio.run(main(wire)) == [200] * 12
        assert len(wire.seen) == 12


def test_gets_of_a_drop_in_around_a_goaway_all_succeed(side: Side) -> None:
    with H2Wire(leaves_after=4) as wire, side.client(policy(wire), **OPTIONS) as client:
        with ThreadPoolExecutor(12) as pool:
            answers = list(pool.map(lambda _: client.get(f"{wire.base}/a").status_code, range(12)))
        assert answers == [200] * 12


@pytest.mark.parametrize("act", [refuse_first, disown_first])
def test_a_stream_that_was_not_processed_is_proven_unsent(act: Any) -> None:
    with H2Wire(act) as wire, unruffled.Client(policy(wire), **OPTIONS) as client:
        response = client.post("/a", json={})
        assert response.status_code == 200
        assert [stream.method for stream in wire.seen] == ["POST", "POST"]
        assert "unsent" in unruffled.explain(response)


@pytest.mark.parametrize("act", [refuse_first, disown_first])
def test_it_is_proven_unsent_under_a_client_of_theirs(act: Any, side: Side) -> None:
    with H2Wire(act) as wire, side.client(policy(wire), **OPTIONS) as client:
        assert client.post(f"{wire.base}/a", json={}).status_code == 200
        assert len(wire.seen) == 2


def test_a_stream_that_broke_may_have_been_processed() -> None:
    with H2Wire(break_first) as wire, unruffled.Client(policy(wire), **OPTIONS) as client:
        with pytest.raises(unruffled.CallError) as raised:
            client.post("/a", json={})
        assert (raised.value.reason, raised.value.outcome, raised.value.fault) == ("not-replayable", "unknown", "lost")
        assert isinstance(raised.value.__cause__, httpx2.RemoteProtocolError)
        assert len(wire.seen) == 1


@pytest.mark.parametrize("kind", ["own", "under"])
def test_headers_that_threads_broke_before_h2_had_them_are_proven_unsent(
    kind: str, side: Side, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Threads that meet in the table of headers make Python raise this. No two meetings are alike, so it is put there.
    encode, raised = hpack.Encoder.encode, [RuntimeError("deque mutated during iteration")]

    def broken(self: hpack.Encoder, headers: Any, huffman: bool = True) -> bytes:
        if raised and any(value == b"POST" for _, value in headers):
            raise raised.pop()
        return encode(self, headers, huffman)

    monkeypatch.setattr(hpack.Encoder, "encode", broken)
    with H2Wire() as wire:
        made = unruffled.Client(policy(wire), **OPTIONS) if kind == "own" else side.client(policy(wire), **OPTIONS)
        with made as client:
            assert client.post(f"{wire.base}/a", json={}).status_code == 200
        assert len(wire.seen) == 1
        assert not raised


def test_a_stream_that_httpcore_closes_twice_breaks_the_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    # Of httpx alone. Two threads that took one stream close it both; no two meetings are alike, so it is put there.
    closed = httpcore._sync.http2.HTTP2Connection._response_closed
    raised: list[int] = []

    def twice(self: Any, stream_id: int) -> None:
        closed(self, stream_id=stream_id)
        if not raised:
            raised.append(stream_id)
            closed(self, stream_id=stream_id)

    monkeypatch.setattr(httpcore._sync.http2.HTTP2Connection, "_response_closed", twice)
    with H2Wire() as wire, unruffled.httpx.client(policy(wire), **OPTIONS) as client:
        assert client.get(f"{wire.base}/a").status_code == 200
        assert len(wire.seen) == 2


def test_headers_that_no_stream_takes_are_the_callers_own_error() -> None:
    with H2Wire() as wire, unruffled.Client(policy(wire), **OPTIONS) as client:
        client.get("/a")
        with pytest.raises(httpx2.LocalProtocolError):
            client.get("/a", headers={"TE": "gzip"})
        assert len(wire.seen) == 1
