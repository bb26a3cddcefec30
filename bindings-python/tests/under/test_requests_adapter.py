"""`unruffled.requests.Adapter` preserves requests' results, exceptions, bodies and connections."""

from __future__ import annotations

import math
import pickle
import ssl
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

import unruffled
import unruffled.requests
from unruffled._driver.nested import NESTED
from unruffled._http.urllib3 import LimitedSocket

from ..play.sessions import KEYED, QUICK, adapter_of
from ..play.sessions import requests_session as session
from ..servers.wire import BUSY, CHUNKED, OK, Wire, close, dribble, reply, reset, server_side, silence


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, str]:
    """Makes a server's TLS, and the file with the certificate to trust."""
    return server_side(tmp_path_factory.mktemp("tls"))


def test_a_response_is_as_the_session_makes_it() -> None:
    with Wire([BUSY, BUSY]) as wire, session() as http:
        response = http.get(f"{wire.base}/a?b=c", headers={"X-Own": "1"})
        assert response.json() == {"well": True}
        assert len(wire.seen) == 3
        assert response.history == []
        assert response.url == f"{wire.base}/a?b=c"
        assert response.request.headers["X-Own"] == "1"
        assert response.connection is adapter_of(http)
        assert response.elapsed.total_seconds() > 0.01
        assert "503" in unruffled.requests.explain(response)
        assert unruffled.explain(response) == unruffled.requests.explain(response)


def test_it_sends_what_a_plain_session_sends() -> None:
    with Wire() as wire, requests.Session() as plain, session() as http:
        plain.trust_env = False
        for one in (plain, http):
            one.post(f"{wire.base}/a?b=c", json={"d": 1}, cookies={"e": "f"}, auth=("g", "h"))
        first, second = wire.seen
        assert (first.line, first.headers, first.body) == (second.line, second.headers, second.body)


def test_a_key_is_the_only_header_added_and_the_same_on_all_attempts() -> None:
    with Wire([BUSY]) as wire, session(KEYED) as http:
        response = http.post(f"{wire.base}/a", json={"b": 1})
        keys = {seen.headers["idempotency-key"] for seen in wire.seen}
        assert len(wire.seen) == 2
        assert len(keys) == 1
        assert response.request.headers["Idempotency-Key"] in keys


def test_a_key_of_the_callers_own_is_kept() -> None:
    with Wire([BUSY]) as wire, session(KEYED) as http:
        http.post(f"{wire.base}/a", json={}, headers={"idempotency-key": "mine"})
        assert [seen.headers["idempotency-key"] for seen in wire.seen] == ["mine", "mine"]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [(reset, requests.ConnectionError), (close, requests.ConnectionError), (silence, requests.ReadTimeout)],
)
def test_the_last_error_is_requests_own(answer: Any, kind: type[Exception]) -> None:
    policy = {"retry": {"base": "5ms", "attempts": 2}, "timeouts": {"attempt": "500ms"}}
    with Wire(then=answer) as wire, session(policy) as http:
        with pytest.raises(kind) as raised:
            http.get(wire.base)
        assert len(wire.seen) == 2
        assert raised.value.__cause__ is None or not isinstance(raised.value.__cause__, unruffled.CallError)
        assert "2 attempts" in unruffled.explain(raised.value) or "attempt" in unruffled.explain(raised.value)
        assert isinstance(pickle.loads(pickle.dumps(raised.value)), kind)


def test_a_refused_connection_was_never_sent() -> None:
    with Wire() as wire:
        base = wire.base
    with session() as http:
        with pytest.raises(requests.ConnectionError) as raised:
            http.post(base, json={})
        assert "unsent" in unruffled.explain(raised.value)
        assert "4 attempts" in unruffled.explain(raised.value)


def test_a_lost_write_is_not_sent_again() -> None:
    with Wire([reset]) as wire, session() as http:
        with pytest.raises(requests.ConnectionError):
            http.post(wire.base, json={})
        assert len(wire.seen) == 1


@pytest.mark.parametrize(
    ("kind", "reason"), [(requests.ConnectTimeout, "deadline"), (requests.ConnectionError, "closed")]
)
def test_what_was_never_sent_has_the_reason_as_its_cause(kind: type[Exception], reason: str) -> None:
    with Wire() as wire, session() as http:
        if reason == "closed":
            adapter_of(http)._dropin.engine.close()
        # The outer call has less time left than the 50 ms that an attempt needs.
        mark = NESTED.set(time.monotonic() + 0.02 if reason == "deadline" else None)
        with pytest.raises(kind) as raised:
            http.get(f"{wire.base}/a?token=secret")
        NESTED.reset(mark)
        cause = raised.value.__cause__
        assert isinstance(cause, unruffled.CallError)
        assert (cause.reason, cause.outcome) == (reason, "not-sent")
        assert isinstance(raised.value, requests.Timeout) == (reason == "deadline")
        assert raised.value.request.url.endswith("secret")  # type: ignore[attr-defined]
        assert "secret" not in str(raised.value)
        assert isinstance(pickle.loads(pickle.dumps(raised.value)), kind)


def test_the_sessions_time_limits_hold_for_each_attempt() -> None:
    with Wire([silence, silence]) as wire, session() as http:
        began = time.monotonic()
        assert http.get(wire.base, timeout=(3, 0.5)).ok
        assert time.monotonic() - began >= 1
        assert len(wire.seen) == 3


def test_without_a_limit_of_the_policys_none_is_set() -> None:
    with Wire([dribble(OK, 0.01)]) as wire, session() as http:
        assert http.get(wire.base).ok
        assert len(wire.seen) == 1


@pytest.mark.parametrize("where", ["headers", "body"])
def test_an_attempt_that_dribbles_ends_in_its_time(where: str) -> None:
    head = OK.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    answer = dribble(OK) if where == "headers" else dribble(OK[len(head) :], 0.3, head)
    policy = {"retry": {"base": "5ms"}, "timeouts": {"attempt": "700ms"}}
    with Wire([answer]) as wire, session(policy) as http:
        began = time.monotonic()
        assert http.get(wire.base).ok
        assert 0.7 <= time.monotonic() - began < 2.5
        assert len(wire.seen) == 2


def test_a_server_that_is_mute_to_tls_ends_the_attempt_in_its_time() -> None:
    policy = {"retry": {"base": "5ms", "attempts": 2}, "timeouts": {"attempt": "200ms"}}
    with Wire(then=silence) as wire, session(policy) as http:
        with pytest.raises(requests.Timeout) as raised:
            http.post(wire.base.replace("http:", "https:"), json={})
        assert "connect-timeout" in unruffled.explain(raised.value)
        assert wire.accepted == 2


def test_a_pool_without_a_free_connection_ends_the_attempt_in_its_time() -> None:
    policy = {"retry": {"attempts": 1}, "timeouts": {"attempt": "500ms"}}
    with Wire([CHUNKED]) as wire, session(policy, pool_maxsize=1, pool_block=True) as http:
        with http.get(wire.base, stream=True), pytest.raises(requests.ConnectTimeout):
            http.get(wire.base)
        assert len(wire.seen) == 1


def test_a_stacked_call_is_tried_once_and_told() -> None:
    with Wire([BUSY]) as wire, session() as http:
        told: list[Any] = []
        adapter_of(http).on(told.append, ["stacked"])
        assert http.get(wire.base, headers={"x-stainless-retry-count": "1"}).status_code == 503
        assert (len(wire.seen), len(told)) == (1, 1)


def test_beneath_another_unruffled_a_call_is_tried_once() -> None:
    with Wire([BUSY]) as wire, session() as http:
        mark = NESTED.set(math.inf)
        try:
            assert http.get(wire.base).status_code == 503
        finally:
            NESTED.reset(mark)
        assert len(wire.seen) == 1


def test_a_misdirected_request_goes_out_on_a_new_connection() -> None:
    with Wire([OK, reply(421)]) as wire, session() as http:
        http.get(wire.base)
        assert http.get(wire.base).ok
        assert [seen.connection for seen in wire.seen] == [1, 1, 2]


def test_each_hop_is_a_call_of_its_own() -> None:
    with Wire([BUSY, reply(302, Location="/b"), BUSY]) as wire, session() as http:
        response = http.get(f"{wire.base}/a")
        assert [hop.status_code for hop in response.history] == [302]
        assert [seen.line.split()[1] for seen in wire.seen] == ["/a", "/a", "/b", "/b"]


def test_a_proxy_is_kept_and_its_connections_are_limited() -> None:
    policy = {**QUICK, "timeouts": {"attempt": "700ms"}}
    with Wire([dribble(OK)]) as proxy, session(policy) as http:
        response = http.get("http://orders.example/a", proxies={"http": proxy.base})
        assert response.ok
        assert [seen.line for seen in proxy.seen] == ["GET http://orders.example/a HTTP/1.1"] * 2


def test_a_hundred_threads_share_what_there_is() -> None:
    with Wire([BUSY, *[OK] * 9] * 10) as wire, session() as http:
        with ThreadPoolExecutor(100) as pool:
            codes = list(pool.map(lambda _: http.get(wire.base).status_code, range(100)))
        assert codes == [200] * 100
        assert len(wire.seen) == 110
        assert adapter_of(http).snapshot()["inFlight"] == 0


def test_a_session_with_it_is_copied_with_an_engine_of_its_own() -> None:
    with Wire([BUSY]) as wire, session() as http:
        again: requests.Session = pickle.loads(pickle.dumps(http))
        assert again.get(wire.base).ok
        assert len(wire.seen) == 2
        assert adapter_of(again)._dropin is not adapter_of(http)._dropin


def test_a_closed_session_can_be_used_again() -> None:
    with Wire() as wire:
        http = session()
        for _ in range(2):
            assert http.get(wire.base).ok
            http.close()
            assert wire.settled(0)


def test_a_forked_child_has_connections_of_its_own() -> None:
    with Wire() as wire, session() as http:
        adapter = adapter_of(http)
        http.get(wire.base)
        before = adapter.poolmanager
        adapter._dropin.forked()
        assert adapter.poolmanager is not before
        assert http.get(wire.base).ok
        assert [seen.connection for seen in wire.seen] == [1, 2]


def test_over_tls_it_is_the_same(tls: tuple[ssl.SSLContext, str]) -> None:
    context, authority = tls
    policy = {**QUICK, "timeouts": {"attempt": "700ms"}}
    with Wire([BUSY, dribble(OK)], tls=context) as wire, session(policy) as http:
        http.verify = authority
        assert http.get(wire.base).ok
        assert [seen.connection for seen in wire.seen] == [1, 1, 2]


def test_a_certificate_that_is_not_trusted_stops_what_was_never_sent(tls: tuple[ssl.SSLContext, str]) -> None:
    with Wire(tls=tls[0]) as wire, session({"retry": {"base": "5ms", "attempts": 2}}) as http:
        with pytest.raises(requests.exceptions.SSLError) as raised:
            http.post(wire.base, json={})
        assert "1 attempt" in unruffled.explain(raised.value)
        assert "permanent: certificate" in unruffled.explain(raised.value)
        assert wire.seen == []


def test_urllib3s_connections_are_limited() -> None:
    # Guards what `_http.urllib3` relies on.
    with Wire() as wire, session() as http:
        response = http.get(wire.base, stream=True)
        assert response.raw.version == 11
        pool = adapter_of(http).get_connection_with_tls_context(response.request, True)
        assert str(pool).startswith("HTTPConnectionPool(")
        assert pool.pool is not None
        connection = pool.pool.get()
        assert isinstance(connection.sock, LimitedSocket)
        connection.close()


def test_its_own_retries_are_the_policys() -> None:
    with pytest.raises(TypeError, match="max_retries= is not taken"):
        unruffled.requests.Adapter({}, max_retries=3)
    with pytest.raises(unruffled.PolicyError):
        unruffled.requests.Adapter({"retries": 3})
    with pytest.raises(ValueError, match="unknown_keys"):
        unruffled.requests.Adapter({}, unknown_keys="ignore")


def test_without_requests_the_error_names_what_to_install() -> None:
    code = "import sys; sys.modules['requests'] = None; import unruffled; import unruffled.requests"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "pip install requests" in ended.stderr
