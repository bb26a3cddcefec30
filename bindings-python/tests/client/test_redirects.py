"""Answers after a redirect that httpx2 followed: they are for another request, perhaps of another server."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

import unruffled

from ..servers.wire import BUSY, OK, Wire, close, reply

POLICY: dict[str, Any] = {"retry": {"base": "5ms"}}


def to(url: str, status: int = 302) -> bytes:
    return reply(status, b"", Location=url)


def threads(policy: dict[str, Any], calls: list[tuple[str, str]], **options: Any) -> list[Any]:
    with unruffled.Client(policy, trust_env=False, follow_redirects=True, **options) as client:
        return [ended(lambda call=call: client.request(*call)) for call in calls]  # type: ignore[misc]


def ended(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except unruffled.CallError as error:
        return error


def tasks(policy: dict[str, Any], calls: list[tuple[str, str]], **options: Any) -> list[Any]:
    async def main() -> list[Any]:
        results: list[Any] = []
        async with unruffled.AsyncClient(policy, trust_env=False, follow_redirects=True, **options) as client:
            for method, path in calls:
                try:
                    results.append(await client.request(method, path))
                except unruffled.CallError as error:
                    results.append(error)
        return results

    return asyncio.run(main())


@pytest.fixture(params=[threads, tasks])
def play(request: pytest.FixtureRequest) -> Any:
    return request.param


def test_a_write_whose_redirect_is_answered_429_is_sent_once(play: Any) -> None:
    with Wire([to("/b", 303), reply(429, Retry_After="1")]) as wire:
        (error,) = play({"baseUrl": wire.base, **POLICY}, [("POST", "/a")])
        assert isinstance(error, unruffled.StatusError)
        assert (error.status, error.outcome, error.attempts) == (429, "unknown", 1)
        assert [seen.line.rpartition(" ")[0] for seen in wire.seen] == ["POST /a", "GET /b"]


def test_a_read_whose_redirect_is_answered_503_is_sent_again(play: Any) -> None:
    with Wire([to("/b"), BUSY, to("/b"), OK]) as wire:
        (response,) = play({"baseUrl": wire.base, **POLICY}, [("GET", "/a")])
        assert response.status_code == 200
        assert [seen.path for seen in wire.seen] == ["/a", "/b", "/a", "/b"]


def test_another_origins_failures_do_not_open_the_breaker_of_the_first(play: Any) -> None:
    with Wire(then=BUSY) as other, Wire(paths={"/away": to(f"{other.base}/x")}) as wire:
        policy = {"baseUrl": wire.base, "retry": {"base": "1ms", "attempts": 2}, "breaker": {"wait": 0}}
        results = play(policy, [("GET", "/away")] * 40)
        assert {result.reason for result in results} == {"retries-exhausted"}
        assert len(other.seen) == 80, "the first origin's breaker let all of them through"


def test_a_401_of_another_origin_is_delivered(play: Any) -> None:
    asked = []

    def credentials() -> unruffled.Token:
        asked.append(1)
        return unruffled.Token("t")

    with Wire(then=reply(401)) as other, Wire(then=to(f"{other.base}/x")) as wire:
        (error,) = play({"baseUrl": wire.base, **POLICY}, [("GET", "/a")], credentials=credentials)
        assert (error.status, len(asked), len(other.seen)) == (401, 1, 1)
        assert "authorization" not in other.seen[0].headers


def test_a_write_whose_redirect_leads_nowhere_is_sent_once(play: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    for away in (f"http://127.0.0.1:{port}/b", "http://name.invalid/b"):
        with Wire(then=to(away, 303)) as wire:
            (error,) = play({"baseUrl": wire.base, **POLICY}, [("POST", "/a")])
            assert error.outcome == "unknown"
            assert len(wire.seen) == 1, "its first request was answered"


@pytest.mark.parametrize(("path", "status"), [("/b", 303), ("/a", 303), ("/a", 307), ("/a", 308)])
def test_a_write_is_sent_once_when_its_server_leaves_behind_the_redirect(play: Any, path: str, status: int) -> None:
    def leaves(connection: socket.socket) -> None:
        wire.leave()
        connection.sendall(to(path, status))

    with Wire(then=leaves) as wire:
        (error,) = play({"baseUrl": wire.base, **POLICY}, [("POST", "/a")])
        assert (error.outcome, error.attempts) == ("unknown", 1)
        assert len(wire.seen) == 1, "its first request was answered"


def test_a_read_whose_redirect_is_lost_is_sent_again(play: Any) -> None:
    with Wire([to("/b"), close, to("/b"), OK]) as wire:
        (response,) = play({"baseUrl": wire.base, **POLICY}, [("GET", "/a")])
        assert response.status_code == 200
        assert len(wire.seen) == 4


def test_a_second_leg_of_an_authentication_is_no_redirect(play: Any) -> None:
    challenge = reply(401, WWW_Authenticate='Digest realm="r", nonce="n", qop="auth", algorithm=MD5')
    with Wire([challenge, BUSY, OK]) as wire:
        (response,) = play(
            {"baseUrl": wire.base, **POLICY}, [("GET", "/a")], auth=httpx2.DigestAuth("user", "password")
        )
        assert response.status_code == 200
        assert response.extensions["unruffled"].report()["attempts"] == 2


def test_a_401_within_the_origin_refreshes_the_credential(play: Any) -> None:
    tokens = iter([unruffled.Token("first"), unruffled.Token("second")])
    with Wire([to("/b"), reply(401), to("/b"), OK]) as wire:
        (response,) = play({"baseUrl": wire.base, **POLICY}, [("GET", "/a")], credentials=lambda: next(tokens))
        assert response.status_code == 200
        assert [seen.headers["authorization"] for seen in wire.seen][-1] == "Bearer second"
