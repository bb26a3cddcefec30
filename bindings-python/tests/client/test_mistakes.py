"""Typical mistakes, and the texts of their errors."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

import unruffled
from unruffled._client import aliases as _aliases
from unruffled._client.call import Options

from ..play.sides import Side
from ..servers.faults import ROOT
from ..servers.wire import BUSY, OK, Wire, reply, silence

TABLE = json.loads((ROOT / "tests/aliases.json").read_text())
CALL: dict[str, str] = {**TABLE["options"], **TABLE["python"]}


def test_the_aliases_are_those_of_the_table() -> None:
    assert _aliases.CALL == CALL
    assert TABLE["pythonClient"] == _aliases.CLIENT
    assert not CALL.keys() & Options.__annotations__.keys()


@pytest.mark.parametrize("name", list(CALL))
def test_an_option_of_another_library_is_refused_by_name(name: str) -> None:
    with Wire() as wire, unruffled.Client(wire.base) as client:
        with pytest.raises(unruffled.UsageError, match=f"{name}: unknown option; did you mean ") as raised:
            client.post("/x", **{name: {}})
        assert f"did you mean {CALL[name]}?" in str(raised.value)
        assert wire.seen == []


@pytest.mark.parametrize("name", list(TABLE["pythonClient"]))
@pytest.mark.parametrize("kind", [unruffled.Client, unruffled.AsyncClient])
def test_an_option_of_another_client_is_refused_by_name(kind: Any, name: str) -> None:
    with pytest.raises(TypeError, match=name):
        kind("https://api.example.com", **{name: 3})


def test_a_mistyped_option_is_told_the_nearest() -> None:
    with unruffled.Client("https://api.example.com") as client:
        with pytest.raises(unruffled.UsageError, match=r"quary: unknown option; did you mean query\?"):
            client.get("/x", quary={})  # type: ignore[call-arg]
        with pytest.raises(unruffled.UsageError, match="zzz: unknown option; the options are content, deadline"):
            client.get("/x", zzz=1)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"credentails: unknown option; did you mean credentials\?"):
        unruffled.Client("https://api.example.com", credentails=str)


def test_credentials_that_are_no_function_are_refused_at_once() -> None:
    with pytest.raises(TypeError, match="credentials is a function"):
        unruffled.Client("https://api.example.com", credentials="token")
    with unruffled.Client("https://api.example.com") as client, pytest.raises(TypeError, match="is a function"):
        client.as_("token")

    async def later() -> str:
        return "token"

    with pytest.raises(TypeError, match="use AsyncClient"):
        unruffled.Client("https://api.example.com", credentials=later)


def test_a_call_after_close_says_that_the_client_is_closed() -> None:
    client = unruffled.Client("https://api.example.com")
    client.close()
    with pytest.raises(unruffled.CallError, match="The client is closed; open a new one") as raised:
        client.get("/x")
    assert (raised.value.reason, raised.value.outcome) == ("closed", "not-sent")


WRONG: list[tuple[Any, str]] = [
    ({"X-A": 7}, "the value of X-A is a text, not int"),
    ({"X-A": None}, "the value of X-A is a text, not NoneType"),
    ({7: "a"}, "a name is a text, not int"),
    ({"X A": "secret"}, "'X A' is no name of a header"),
    ({"X-Ä": "secret"}, "is no name of a header"),
    ({"": "secret"}, "'' is no name of a header"),
    ({"X-A": "sec\r\nret"}, "the value of X-A has a line break"),
    ({"X-A": "secret "}, "the value of X-A has a line break, or a space at its end"),
    ([("X-A",)], "a mapping of names to texts"),
    (7, "a mapping of names to texts"),
]


@pytest.mark.parametrize(("headers", "text"), WRONG)
def test_a_bad_header_is_named_and_its_value_is_not_shown(headers: Any, text: str) -> None:
    with Wire() as wire, unruffled.Client(wire.base) as client:
        with pytest.raises(unruffled.UsageError) as raised:
            client.get("/x", headers=headers)
        assert text in str(raised.value)
        assert "secret" not in str(raised.value)
        assert wire.seen == []


@pytest.mark.parametrize("key", ["käse", "a\nb", 7])
def test_a_bad_key_is_a_usage_error(key: Any) -> None:
    with (
        unruffled.Client("https://api.example.com") as client,
        pytest.raises(unruffled.UsageError, match="idempotency_key"),
    ):
        client.post("/x", idempotency_key=key)


# The text must be true.


def test_a_secret_in_a_path_stands_in_no_text(side: Side) -> None:
    with side.client({"timeouts": {"attempt": "1s"}}) as client:
        client._dropin.engine.close()
        with pytest.raises(side.theirs.TransportError) as raised:
            client.get("http://127.0.0.1:9/bot123:SECRET/send")
        assert "SECRET" not in str(raised.value)
        assert "GET http://127.0.0.1:9:" in str(raised.value)
        assert "SECRET" not in str(raised.value.__cause__)


def test_a_routes_pattern_stands_in_texts(side: Side) -> None:
    policy = {"baseUrl": "http://127.0.0.1:9", "routes": {"GET /bot/{token}/send": {"retry": {"attempts": 1}}}}
    with side.client(policy) as client:
        client._dropin.engine.close()
        with pytest.raises(side.theirs.TransportError, match=r"GET /bot/\{token\}/send"):
            client.get("http://127.0.0.1:9/bot/123:SECRET/send")


def test_a_record_that_was_dropped_is_called_dropped() -> None:
    with Wire([BUSY]) as wire, unruffled.Client({"baseUrl": wire.base, "retry": {"base": "1ms"}}) as client:
        response = client.get("/a")
        # The core retains the last records only, and forgets a record that was taken.
        client._live().engine.report(response.extensions["unruffled"]._number)
        assert "dropped" in unruffled.explain(response)
        assert "1 attempt" not in unruffled.explain(response)


def test_a_late_token_does_not_take_the_place_of_a_newer_one() -> None:
    tokens = iter([unruffled.Token("first"), unruffled.Token("second"), unruffled.Token("third")])
    with (
        Wire([OK, reply(401), OK]) as wire,
        unruffled.Client(wire.base, credentials=lambda: next(tokens), trust_env=False) as client,
    ):
        client.get("/a")
        client.get("/a")
        engine, credential = client._live().engine, client._credential
        assert credential is not None
        assert credential.retained == b"second"
        # The first generation's token is reported once more, late.
        engine.token(1, 60_000, lambda: credential.retain(b"first", 60_000))
        assert credential.retained == b"second"
        client.get("/a")
        assert [seen.headers["authorization"] for seen in wire.seen][-1] == "Bearer second"


@pytest.mark.parametrize("kept", [False, True])
def test_an_ask_that_never_ends_takes_its_attempts_time(kept: bool) -> None:
    asked = 0

    async def ask() -> Any:
        nonlocal asked
        asked += 1
        if asked == 1:
            return unruffled.Token("t") if kept else "t"
        return await asyncio.sleep(3600)

    async def main(wire: Wire) -> unruffled.CallError:
        policy: Any = {"baseUrl": wire.base, "timeouts": {"attempt": "200ms"}, "retry": {"base": "5ms"}}
        async with unruffled.AsyncClient(policy, credentials=ask, trust_env=False) as client:
            await client.get("/a")
            with pytest.raises(unruffled.CallError) as raised:
                await asyncio.wait_for(client.post("/a"), 20)
            return raised.value

    with Wire([OK, reply(401)] if kept else [OK]) as wire:
        error = asyncio.run(main(wire))
    assert error.reason == "auth"
    assert error.outcome == ("rejected" if kept else "not-sent")
    assert isinstance(error.__cause__, TimeoutError)


def test_an_ask_for_one_attempt_ends_with_the_calls_deadline() -> None:
    asked = 0

    async def ask() -> Any:
        nonlocal asked
        asked += 1
        return "t" if asked == 1 else await asyncio.sleep(3600)

    async def main(wire: Wire) -> unruffled.CallError:
        policy: Any = {"baseUrl": wire.base, "timeouts": {"attempt": "1m", "total": "5m"}}
        async with unruffled.AsyncClient(policy, credentials=ask, trust_env=False) as client:
            await client.get("/a")
            with pytest.raises(unruffled.CallError) as raised:
                await asyncio.wait_for(client.post("/a", deadline=0.3), 20)
            return raised.value

    with Wire() as wire:
        error = asyncio.run(main(wire))
        assert (error.outcome, len(wire.seen)) == ("not-sent", 1)


def test_an_ask_for_all_is_not_bound_by_the_deadline_of_the_call_that_asks() -> None:
    async def main(wire: Wire) -> tuple[unruffled.CallError, int]:
        ended = asyncio.Event()

        async def ask() -> Any:
            await ended.wait()
            return unruffled.Token("t")

        async with unruffled.AsyncClient({"baseUrl": wire.base}, credentials=ask, trust_env=False) as client:
            short = asyncio.create_task(client.get("/a", deadline=0.2))
            await asyncio.sleep(0)
            long = asyncio.create_task(client.get("/a"))
            with pytest.raises(unruffled.CallError) as raised:
                await short
            ended.set()
            return raised.value, (await long).status_code

    with Wire() as wire:
        error, status = asyncio.run(main(wire))
        assert (error.reason, error.outcome, status) == ("deadline", "not-sent", 200)
        assert len(wire.seen) == 1


@pytest.mark.parametrize("kept", [False, True])
def test_an_ask_that_calls_a_silent_server_ends_with_its_attempts_time(kept: bool) -> None:
    asked = 0

    with Wire([OK, reply(401)] if kept else [OK]) as wire, Wire(then=silence) as issuer:
        tokens = unruffled.Client({"baseUrl": issuer.base, "timeouts": {"attempt": "1m"}}, trust_env=False)

        def ask() -> Any:
            nonlocal asked
            asked += 1
            if asked > 1:
                tokens.get("/token")
            return unruffled.Token("t") if kept else "t"

        policy: Any = {"baseUrl": wire.base, "timeouts": {"attempt": "200ms"}, "retry": {"base": "5ms", "attempts": 1}}
        began = time.monotonic()
        with unruffled.Client(policy, credentials=ask, trust_env=False) as client, tokens:
            client.get("/a")
            with pytest.raises(unruffled.CallError) as raised:
                client.post("/a")
        assert time.monotonic() - began < 20
        assert raised.value.reason == "auth"


@pytest.mark.parametrize("ask", [1, 2])
def test_credentials_that_raise_are_auth_and_not_sent(ask: int) -> None:
    asked = 0

    def credentials() -> str:
        nonlocal asked
        asked += 1
        if asked == ask:
            raise httpx2.ReadError("their own call broke")
        return "t"

    with Wire() as wire, unruffled.Client(wire.base, credentials=credentials, trust_env=False) as client:
        for _ in range(ask - 1):
            client.post("/a")
        with pytest.raises(unruffled.CallError, match="no credential could be had") as raised:
            client.post("/a")
        assert (raised.value.reason, raised.value.outcome) == ("auth", "not-sent")
        assert isinstance(raised.value.__cause__, httpx2.ReadError)
        assert len(wire.seen) == ask - 1


def test_a_refused_answer_whose_body_stalls_is_left_after_a_second() -> None:
    head = b"HTTP/1.1 503 Busy\r\nRetry-After: 3\r\nContent-Length: 10\r\n\r\nhalf"
    left: list[float] = []

    def stalls(connection: Any) -> None:
        began = time.monotonic()
        connection.sendall(head)
        connection.recv(1)
        left.append(time.monotonic() - began)

    with Wire([stalls]) as wire, unruffled.Client(wire.base, trust_env=False) as client:
        assert client.get("/a").status_code == 200
        assert len(wire.seen) == 2
    assert left[0] < 2.5


def test_no_event_is_left_between_the_last_look_and_the_release() -> None:
    told: list[str] = []

    with Wire() as wire, unruffled.Client(wire.base, trust_env=False) as client:
        client.get("/a")
        engine = client._live().engine

        class Turn:
            """The lock of who tells: as it is let go for the first time, another call ends, and has waited in vain."""

            def __init__(self) -> None:
                self.own = threading.get_ident()
                self.first = True

            def acquire(self, timeout: float) -> bool:
                return threading.get_ident() == self.own

            def release(self) -> None:
                if self.first:
                    self.first = False
                    other = threading.Thread(target=client.get, args=("/b",))
                    other.start()
                    other.join()

        engine._order = Turn()  # type: ignore[assignment]
        client.on(lambda event: told.append(event["kind"]), ["call"])
        client.get("/a")
        assert told == ["call", "call"]


def test_events_under_threads_come_in_order() -> None:
    seen: list[int] = []
    with Wire() as wire, unruffled.Client(wire.base, trust_env=False) as client:

        def listener(event: dict[str, Any]) -> None:
            seen.append(event["at"])

        client.on(listener, ["call"])
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: client.get("/a"), range(200)))
    assert len(seen) == 200
    assert seen == sorted(seen)


def test_a_listener_that_makes_a_call_hears_of_it_later() -> None:
    seen: list[str] = []
    with Wire() as wire, unruffled.Client(wire.base, trust_env=False) as client:

        def listener(event: dict[str, Any]) -> None:
            if len(seen) < 2:
                seen.append("begun")
                client.get("/b")
            seen.append("over")

        client.on(listener, ["call"])
        client.get("/a")
    assert seen == ["begun", "over", "over"]
    assert len(wire.seen) == 2
