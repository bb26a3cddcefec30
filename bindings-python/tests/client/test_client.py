"""Calls as a user writes them, over a transport in memory: the requests sent, the answers and failures returned."""

from __future__ import annotations

import datetime
import json
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

import unruffled

BASE = "https://api.example.com/v1"
Handler = Callable[[httpx2.Request], httpx2.Response]


class Wire:
    """A transport that records the requests and answers by a function."""

    def __init__(self, answer: Handler | None = None) -> None:
        self.requests: list[httpx2.Request] = []
        self._answer = answer or (lambda request: httpx2.Response(200, json={"ok": True}))

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        return self._answer(request)


def client(wire: Wire, policy: Any = BASE, **options: Any) -> unruffled.Client:
    return unruffled.Client(policy, transport=httpx2.MockTransport(wire), **options)


def test_a_get_with_template_and_query() -> None:
    wire = Wire()
    with client(wire) as api:
        answer = api.get("/orders/{id}", path={"id": 7}, query={"page": 2, "none": None, "tag": ["a", "b"]})
    assert answer.json() == {"ok": True}
    assert str(wire.requests[0].url) == f"{BASE}/orders/7?page=2&tag=a&tag=b"


def test_headers_that_every_request_carries() -> None:
    wire = Wire()
    api = client(wire, {"baseUrl": BASE, "headers": {"X-Team": "a"}}, correlation_id=lambda: "c-1")
    api.get("/x")
    api.get("/x")
    first, second = (request.headers for request in wire.requests)
    assert first["user-agent"] == f"unruffled/{unruffled.__version__}"
    assert first["x-correlation-id"] == "c-1"
    assert first["x-team"] == "a"
    assert first["host"] == "api.example.com"
    assert len(first["x-request-id"]) == 36
    assert first["x-request-id"] != second["x-request-id"]


def test_the_callers_headers_win_over_the_clients_and_those_over_the_policys() -> None:
    wire = Wire()
    api = client(wire, {"baseUrl": BASE, "headers": {"X-A": "policy", "X-B": "policy"}}, headers={"X-A": "client"})
    api.get("/x", headers={"x-b": "call", "User-Agent": "mine"})
    headers = wire.requests[0].headers
    assert (headers["x-a"], headers["x-b"], headers["user-agent"]) == ("client", "call", "mine")
    assert headers.get_list("x-b") == ["call"]


def test_ids_can_be_turned_off_and_a_version_pinned() -> None:
    wire = Wire()
    policy = {"baseUrl": BASE, "requestId": False, "version": {"query": "v", "pin": "3"}, "query": {"lang": "en"}}
    client(wire, policy).get("/x", query={"lang": "de"})
    assert "x-request-id" not in wire.requests[0].headers
    assert wire.requests[0].url.query == b"v=3&lang=de"


def test_bodies() -> None:
    wire = Wire()
    api = client(wire)
    api.post("/a", json={"é": None})
    api.post("/b", form={"a": "x y", "b": [1, 2], "c": None})
    api.post("/c", content="text")
    api.put("/d")
    sent = [(request.content, request.headers.get("content-type")) for request in wire.requests]
    assert sent == [
        ('{"é":null}'.encode(), "application/json"),
        (b"a=x+y&b=1&b=2", "application/x-www-form-urlencoded"),
        (b"text", None),
        (b"", None),
    ]
    assert [request.headers["content-length"] for request in wire.requests] == ["11", "13", "4", "0"]


def test_an_iterable_is_sent_once_and_never_again() -> None:
    wire = Wire(lambda request: httpx2.Response(503 if request.read() else 500))
    with pytest.raises(unruffled.StatusError) as caught:
        client(wire).put("/x", content=iter([b"a", b"b"]))
    assert caught.value.reason == "not-replayable"
    assert len(wire.requests) == 1
    assert wire.requests[0].headers["transfer-encoding"] == "chunked"


def test_json_that_nobody_can_write_is_the_callers_error() -> None:
    with pytest.raises(TypeError):
        client(Wire()).post("/x", json=object())
    with pytest.raises(unruffled.UsageError, match="exclude each other"):
        client(Wire()).post("/x", json=1, content=b"")


def test_an_empty_body_parses_to_none() -> None:
    with client(Wire(lambda request: httpx2.Response(204))) as api:
        assert api.delete("/x").json() is None


def test_a_body_that_is_no_json_raises_the_platforms_error() -> None:
    wire = Wire(lambda request: httpx2.Response(200, content=b"<html>"))
    with pytest.raises(json.JSONDecodeError):
        client(wire).get("/x").json()
    assert len(wire.requests) == 1


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("orders", {}),
        ("/orders/{id}", {}),
        ("/orders/{id}", {"path": {"id": ".."}}),
        ("/a/../b", {}),
        ("https://evil.example/v1", {}),
        ("/x", {"deadline": float("nan")}),
    ],
)
def test_a_call_that_cannot_be_built_is_misuse_and_nothing_is_sent(url: str, options: dict[str, Any]) -> None:
    wire = Wire()
    with pytest.raises(unruffled.CallError) as caught:
        client(wire).get(url, **options)
    assert (caught.value.reason, caught.value.outcome) == ("misuse", "not-sent")
    assert isinstance(caught.value, ValueError)
    assert wire.requests == []


def test_the_callers_own_idempotency_key_makes_a_post_repeatable() -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(503 if len(wire.requests) < 2 else 201)

    for options in ({"idempotency_key": "k-1"}, {"headers": {"Idempotency-Key": "k-1"}}):
        wire = Wire(answer)
        api = client(wire, {"baseUrl": BASE, "retry": {"base": "1ms"}})
        assert api.post("/x", json={}, **options).status_code == 201
        assert [request.headers.get_list("idempotency-key") for request in wire.requests] == [["k-1"], ["k-1"]]


def test_a_key_as_structured_field_is_quoted() -> None:
    wire = Wire()
    policy = {"baseUrl": BASE, "idempotency": {"header": "Idempotency-Key", "format": "sf-string"}}
    client(wire, policy).post("/x", json={})
    client(wire, policy).post("/x", json={}, idempotency_key="k")
    made, given = (request.headers["idempotency-key"] for request in wire.requests)
    assert made.startswith('"')
    assert len(made) == 38
    assert given == '"k"'


def test_texts_hide_tokens_query_values_and_bodies() -> None:
    wire = Wire(lambda request: httpx2.Response(400, content=b"body-secret"))
    api = client(wire, credentials=lambda: "token-secret")
    with pytest.raises(unruffled.StatusError) as caught:
        api.post("/x?a=query-secret", query={"b": "query-secret"}, json={"c": "body-secret"})
    error = caught.value
    assert wire.requests[0].headers["authorization"] == "Bearer token-secret"
    for text in (str(error), repr(error), error.explain(), repr(error.__dict__)):
        assert "secret" not in text
    assert error.response.text == "body-secret"


def test_a_token_with_characters_no_header_may_carry_is_not_shown() -> None:
    with pytest.raises(unruffled.CallError) as caught:
        client(Wire(), credentials=lambda: "tok\nen-secret").get("/x")
    assert caught.value.reason == "auth"
    assert "secret" not in f"{caught.value!r} {caught.value.__cause__!r}"


def test_credentials_that_raise_end_the_call_with_auth_and_their_error_as_cause() -> None:
    mine = RuntimeError("the vault is closed")

    def ask() -> str:
        raise mine

    wire = Wire()
    with pytest.raises(unruffled.CallError) as caught:
        client(wire, credentials=ask).get("/x")
    assert (caught.value.reason, caught.value.outcome, caught.value.__cause__) == ("auth", "not-sent", mine)
    assert wire.requests == []


def test_a_plain_text_is_asked_for_at_every_attempt_and_a_token_once() -> None:
    asked: list[int] = []

    def plain() -> str:
        asked.append(1)
        return f"t{len(asked)}"

    wire = Wire()
    api = client(wire, credentials=plain)
    api.get("/x")
    api.get("/x")
    assert [request.headers["authorization"] for request in wire.requests] == ["Bearer t1", "Bearer t2"]
    asked.clear()
    later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)
    api = client(wire, credentials=lambda: {"token": plain(), "expires_at": later})
    api.get("/x")
    api.get("/x")
    assert asked == [1]


def test_a_view_has_credentials_of_its_own() -> None:
    wire = Wire()
    api = client(wire, credentials=lambda: "own")
    ann = api.as_(lambda: unruffled.Token("ann"))
    bob = api.as_(lambda: unruffled.Token("bob"))
    for who in (api, ann, bob, ann, api):
        who.get("/x")
    sent = [request.headers["authorization"].removeprefix("Bearer ") for request in wire.requests]
    assert sent == ["own", "ann", "bob", "ann", "own"]
    api.get("/x", headers={"Authorization": "Basic abc"})
    assert wire.requests[-1].headers["authorization"] == "Basic abc"


def test_a_stream_is_delivered_at_its_headers() -> None:
    wire = Wire(lambda request: httpx2.Response(200, content=b"a" * 100_000))
    with client(wire) as api, api.stream("GET", "/x") as response:
        assert response.status_code == 200
        assert sum(map(len, response.iter_bytes())) == 100_000
    with pytest.raises(unruffled.StatusError), client(Wire(lambda request: httpx2.Response(404))) as api:
        api.stream("GET", "/x").__enter__()


def test_a_body_above_max_body_is_refused() -> None:
    wire = Wire(lambda request: httpx2.Response(200, content=b"a" * 2000))
    with pytest.raises(unruffled.CallError) as caught:
        client(wire, {"baseUrl": BASE, "maxBody": 1024}).get("/x")
    assert (caught.value.reason, caught.value.fault, len(wire.requests)) == ("misuse", "too-large", 1)
    assert "maxBody (1024 bytes)" in str(caught.value.__cause__)


def test_a_caller_that_retries_by_itself_gets_one_attempt() -> None:
    wire = Wire(lambda request: httpx2.Response(503))
    with pytest.raises(unruffled.StatusError) as caught:
        client(wire).get("/x", headers={"X-Stainless-Retry-Count": "1"})
    assert (caught.value.reason, len(wire.requests)) == ("status", 1)


def test_a_nested_unruffled_makes_one_attempt_within_the_outer_time() -> None:
    wire = Wire(lambda request: httpx2.Response(503))
    inner = client(wire)
    outer_wire = Wire(lambda request: inner.get("/x", raise_=False))
    with pytest.raises(unruffled.StatusError):
        client(outer_wire, {"baseUrl": BASE, "retry": {"attempts": 2, "base": "1ms"}}).get("/x")
    assert len(outer_wire.requests) == 2
    assert len(wire.requests) == 2


def test_events_are_told_to_listeners_until_they_leave() -> None:
    wire = Wire(lambda request: httpx2.Response(503 if len(wire.requests) < 2 else 200))
    api = client(wire, {"baseUrl": BASE, "retry": {"base": "1ms"}})
    told: list[unruffled.Event] = []
    leave = api.on(told.append, kinds=["attempt", "wait"])
    api.get("/x")
    assert [event["kind"] for event in told] == ["attempt", "wait", "attempt"]
    leave()
    api.get("/x")
    assert len(told) == 3
    with pytest.raises(ValueError, match="no kind of event"):
        api.on(told.append, kinds=["nonsense"])


def test_a_listener_that_raises_harms_no_call(caplog: pytest.LogCaptureFixture) -> None:
    api = client(Wire())

    def broken(event: unruffled.Event) -> None:
        raise RuntimeError("listener")

    api.on(broken)
    assert api.get("/x").status_code == 200
    assert "a listener raised" in caplog.text


def test_the_logger_follows_its_level(caplog: pytest.LogCaptureFixture) -> None:
    api = client(Wire())
    api.get("/x")
    assert not [record for record in caplog.records if record.name == "unruffled"]
    with caplog.at_level(logging.DEBUG, logger="unruffled"):
        api.get("/x")
    assert [record.message.split()[0] for record in caplog.records if record.name == "unruffled"] == ["attempt", "call"]


def test_snapshot_counts() -> None:
    api = client(Wire())
    api.get("/x")
    now = api.snapshot()
    assert (now["begun"], now["attempts"], now["inFlight"]) == (1, 1, 0)


def test_a_policy_is_a_mapping_a_file_or_a_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "orders.policy.json"
    file.write_text('{"baseUrl": {"env": "ORDERS_URL"}}', "utf-8")
    monkeypatch.setenv("ORDERS_URL", BASE)
    for policy in (file, str(file), BASE, {"baseUrl": BASE}):
        assert unruffled.Client(policy).base_url == BASE
    assert unruffled.Client(file, base_url="https://b.example/").base_url == "https://b.example"
    monkeypatch.delenv("ORDERS_URL")
    with pytest.raises(unruffled.PolicyError, match="ORDERS_URL is not set"):
        unruffled.Client(file)


@pytest.mark.parametrize(
    ("policy", "text"),
    [
        ({"retyr": {}}, 'retyr: unknown key; did you mean "retry"?'),
        ({"retry": {"attempts": float("nan")}}, 'retry.attempts: "nan" is not an integer'),
        ({"timeouts": {"total": datetime.timedelta(seconds=3)}}, "timeouts.total"),
        ("/does/not/exist.json", "cannot be read"),
    ],
)
def test_a_bad_policy_names_its_place(policy: Any, text: str) -> None:
    with pytest.raises(unruffled.PolicyError) as caught:
        unruffled.Client(policy)
    assert text in str(caught.value)
    assert caught.value.issues[0].text in str(caught.value)


def test_hostile_policies_are_policy_errors(tmp_path: Path) -> None:
    circular: dict[str, Any] = {}
    circular["retry"] = circular
    big = tmp_path / "big.json"
    big.write_text('{"note": "' + "a" * 10_000_000 + '"}')
    noise = tmp_path / "noise.json"
    noise.write_bytes(os.urandom(100) + b"\xff")
    text = tmp_path / "text.json"
    text.write_text("not json")
    for policy in (circular, big, noise, text):
        with pytest.raises(unruffled.PolicyError):
            unruffled.Client(policy)


def test_unknown_keys_can_be_let_pass_and_are_told(caplog: pytest.LogCaptureFixture) -> None:
    api = unruffled.Client({"baseUrl": BASE, "brandNew": 1}, unknown_keys="warn")
    assert api.base_url == BASE
    assert "brandNew" in caplog.text
    told: list[unruffled.Event] = []
    api.on(told.append)
    assert [event["kind"] for event in told] == ["warning"]


def test_what_the_policy_says_is_no_option() -> None:
    with pytest.raises(TypeError, match="timeouts"):
        unruffled.Client(BASE, timeout=3)
