"""The transports under httpx2 and httpx preserve the results, exceptions, bodies and connections of both."""

from __future__ import annotations

import io
import math
import pickle
import signal
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import httpx2
import pytest
from opentelemetry.instrumentation.httpx import HTTPX2ClientInstrumentor, HTTPXClientInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import unruffled
from unruffled._driver.nested import NESTED
from unruffled._http.variant import HttpxVariant

from ..play.sides import QUICK, TWICE, Side
from ..servers.wire import BUSY, OK, Wire, close, dribble, reply, reset, server_side, silence

KEYED: dict[str, Any] = {**QUICK, "idempotency": {"header": "Idempotency-Key"}}


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, str]:
    return server_side(tmp_path_factory.mktemp("tls"))


def test_a_response_is_as_the_client_makes_it(side: Side) -> None:
    with Wire([BUSY, BUSY]) as wire, side.client() as http:
        request = http.build_request("GET", f"{wire.base}/a?b=c", headers={"X-Own": "1"})
        response = http.send(request)
        assert response.json() == {"well": True}
        assert len(wire.seen) == 3
        assert response.request is request
        assert response.url == f"{wire.base}/a?b=c"
        assert response.history == []
        assert response.http_version == "HTTP/1.1"
        assert response.elapsed.total_seconds() > 0.01
        assert "503" in side.ours.explain(response)
        assert pickle.loads(pickle.dumps(response)).json() == {"well": True}


def test_it_sends_what_a_plain_client_sends(side: Side) -> None:
    with Wire() as wire, side.theirs.Client(trust_env=False) as plain, side.client() as http:
        for one in (plain, http):
            one.post(f"{wire.base}/a?b=c", json={"d": 1}, auth=("g", "h"))
        first, second = wire.seen
        assert (first.line, first.headers, first.body) == (second.line, second.headers, second.body)


def test_the_requests_extensions_are_left_as_they_were(side: Side) -> None:
    told: list[str] = []
    limits = {"connect": 1.0, "read": 2.0, "write": 3.0, "pool": 4.0}
    policy = {**QUICK, "timeouts": {"attempt": "20s", "connect": "10s"}}
    with Wire([BUSY]) as wire, side.client(policy) as http:
        request = http.build_request("GET", wire.base, extensions={"trace": lambda name, info: told.append(name)})
        request.extensions["timeout"] = dict(limits)
        http.send(request)
        assert request.extensions["timeout"] == limits
        assert told.count("http11.send_request_headers.started") == 2


def test_a_key_is_the_only_header_added_and_the_same_on_all_attempts_of_a_hop(side: Side) -> None:
    moved = reply(307, Location="/b")
    with Wire([BUSY, moved, BUSY]) as wire, side.client(KEYED, follow_redirects=True) as http:
        assert http.post(f"{wire.base}/a", json={"b": 1}).status_code == 200
        keys = [seen.headers["idempotency-key"] for seen in wire.seen]
        assert [seen.line.split()[1] for seen in wire.seen] == ["/a", "/a", "/b", "/b"]
        assert keys[0] == keys[1] != keys[2] == keys[3]
        assert {seen.body for seen in wire.seen} == {b'{"b":1}'}


def test_a_key_of_the_callers_own_is_kept(side: Side) -> None:
    with Wire([BUSY]) as wire, side.client(KEYED) as http:
        http.post(f"{wire.base}/a", json={}, headers={"idempotency-key": "mine"})
        assert [seen.headers["idempotency-key"] for seen in wire.seen] == ["mine", "mine"]


def test_authentication_runs_above_and_its_second_leg_is_a_call_of_its_own(side: Side) -> None:
    challenge = reply(401, WWW_Authenticate='Digest realm="a", nonce="b", qop="auth"')
    with Wire([challenge, BUSY]) as wire, side.client() as http:
        assert http.get(wire.base, auth=side.theirs.DigestAuth("c", "d")).status_code == 200
        assert ["authorization" in seen.headers for seen in wire.seen] == [False, True, True]


# Bodies of requests.


def test_a_file_is_sent_again_from_where_it_stood(side: Side) -> None:
    file = io.BytesIO(b"headbody")
    file.seek(4)
    with Wire([BUSY]) as wire, side.client() as http:
        http.put(wire.base, content=file, headers={"Content-Length": "4"})
        assert [seen.body for seen in wire.seen] == [b"body", b"body"]


def test_a_form_with_a_file_is_sent_again(side: Side) -> None:
    with Wire([BUSY]) as wire, side.client() as http:
        http.put(wire.base, data={"a": "b"}, files={"f": io.BytesIO(b"body")})
        first, second = wire.seen
        assert first.body == second.body
        assert b"body" in first.body


def test_a_list_of_pieces_is_sent_again(side: Side) -> None:
    with Wire([BUSY]) as wire, side.client() as http:
        http.put(wire.base, content=[b"a", b"b"])
        assert [seen.body for seen in wire.seen] == [b"ab", b"ab"]


def pieces() -> Iterator[bytes]:
    yield b"a"


class Pipe(io.BytesIO):
    def seekable(self) -> bool:
        return False


@pytest.mark.parametrize("body", [pieces, lambda: Pipe(b"a")], ids=["generator", "pipe"])
def test_a_body_that_comes_once_is_sent_once(side: Side, body: Callable[[], Any]) -> None:
    with Wire([BUSY]) as wire, side.client() as http:
        assert http.put(wire.base, content=body()).status_code == 503
        assert [seen.body for seen in wire.seen] == [b"a"]


def test_a_form_with_a_pipe_is_sent_once(side: Side) -> None:
    with Wire([BUSY]) as wire, side.client() as http:
        assert http.put(wire.base, files={"f": Pipe(b"a")}).status_code == 503
        assert len(wire.seen) == 1


def test_a_stream_of_nothing_is_no_body(side: Side) -> None:
    class Nothing(httpx2.SyncByteStream, httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            return pieces()

    with Wire([BUSY]) as wire, side.client() as http:
        request = side.theirs.Request("GET", wire.base, headers={"Host": "a"}, stream=Nothing())
        assert http.send(request).status_code == 200
        assert len(wire.seen) == 2


def test_what_the_family_has_no_public_name_for_is_there(side: Side) -> None:
    family = HttpxVariant(side.theirs)
    assert family.multipart != ()
    assert family.iterated != ()


# Exceptions.


@pytest.mark.parametrize(
    ("answer", "kind", "limit"),
    [(reset, "ReadError", "30s"), (close, "RemoteProtocolError", "30s"), (silence, "ReadTimeout", "200ms")],
)
def test_the_last_error_is_the_clients_own(side: Side, answer: Any, kind: str, limit: str) -> None:
    with Wire(then=answer) as wire, side.client({**TWICE, "timeouts": {"attempt": limit}}) as http:
        with pytest.raises(getattr(side.theirs, kind)) as raised:
            http.get(f"{wire.base}/a")
        assert len(wire.seen) == 2
        assert raised.value.request.url == f"{wire.base}/a"
        assert "attempt" in unruffled.explain(raised.value)
        again = pickle.loads(pickle.dumps(raised.value))
        assert (type(again), str(again)) == (type(raised.value), str(raised.value))


def test_an_sdks_exception_around_ours_is_explained(side: Side) -> None:
    with Wire(then=reset) as wire, side.client(TWICE) as http:
        with pytest.raises(side.theirs.TransportError) as raised:
            http.get(wire.base)
        above = RuntimeError("Connection error.")
        above.__cause__ = raised.value
        assert unruffled.explain(above) == unruffled.explain(raised.value)


def test_a_refused_connection_was_never_sent(side: Side) -> None:
    with Wire() as wire:
        base = wire.base
    with side.client() as http:
        with pytest.raises(side.theirs.ConnectError) as raised:
            http.post(base, json={})
        assert "unsent" in unruffled.explain(raised.value)
        assert "4 attempts" in unruffled.explain(raised.value)


def test_a_lost_write_is_not_sent_again(side: Side) -> None:
    with Wire([reset]) as wire, side.client() as http:
        with pytest.raises(side.theirs.TransportError):
            http.post(wire.base, json={})
        assert len(wire.seen) == 1


@pytest.mark.parametrize(("kind", "reason"), [("PoolTimeout", "deadline"), ("ConnectError", "closed")])
def test_what_was_never_sent_has_the_reason_as_its_cause(side: Side, kind: str, reason: str) -> None:
    with Wire() as wire, side.client() as http:
        if reason == "closed":
            http._dropin.engine.close()
        # The outer call has less time left than the 50 ms that an attempt needs.
        mark = NESTED.set(time.monotonic() + 0.02 if reason == "deadline" else None)
        with pytest.raises(getattr(side.theirs, kind)) as raised:
            http.get(f"{wire.base}/a?token=secret")
        NESTED.reset(mark)
        cause = raised.value.__cause__
        assert isinstance(cause, unruffled.CallError)
        assert (cause.reason, cause.outcome) == (reason, "not-sent")
        assert isinstance(raised.value, side.theirs.TimeoutException) == (reason == "deadline")
        assert "secret" not in str(raised.value)
        assert type(pickle.loads(pickle.dumps(raised.value))).__name__ == kind


def test_the_callers_own_mistake_is_raised_at_once(side: Side) -> None:
    with side.client() as http:
        with pytest.raises(side.theirs.UnsupportedProtocol):
            http.get("ftp://orders.example/a")
        assert http.snapshot()["live"] == 0


def test_an_interrupt_ends_a_wait_at_once_and_leaves_nothing(side: Side) -> None:
    main = threading.main_thread().ident
    assert main is not None
    with Wire(then=reply(503, Retry_After="30")) as wire, side.client({}) as http:
        threading.Timer(0.2, signal.pthread_kill, (main, signal.SIGINT)).start()
        began = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            http.get(wire.base)
        assert time.monotonic() - began < 10
        now = http.snapshot()
        assert (now["live"], now["inFlight"], now["waiting"], len(wire.seen)) == (0, 0, 0, 1)


# Outer clients and neighbours.


def test_a_stacked_call_is_tried_once_and_told(side: Side) -> None:
    with Wire([BUSY]) as wire, side.client() as http:
        told: list[Any] = []
        end = http.on(told.append, ["stacked"])
        assert http.get(wire.base, headers={"x-stainless-retry-count": "1"}).status_code == 503
        assert (len(wire.seen), len(told)) == (1, 1)
        end()
        assert http.get(wire.base, headers={"x-stainless-retry-count": "0"}).status_code == 200


def test_beneath_another_unruffled_each_of_its_attempts_is_one() -> None:
    with Wire(then=BUSY) as wire:
        beneath = unruffled.httpx2.Transport({"retry": {"attempts": 4, "base": "5ms"}})
        policy = {**TWICE, "baseUrl": wire.base}
        with (
            unruffled.Client(policy, transport=beneath, trust_env=False) as client,
            pytest.raises(unruffled.StatusError),
        ):
            client.get("/a")
        assert len(wire.seen) == 2


def test_of_two_of_ours_the_outer_one_retries(side: Side) -> None:
    with Wire(then=BUSY) as wire:
        inner = side.ours.Transport(QUICK)
        with side.client(TWICE, transport=inner) as http:
            assert http.get(wire.base).status_code == 503
        assert len(wire.seen) == 2
        assert NESTED.get() is None


def test_beneath_a_limit_above_the_wait_is_no_longer_than_that(side: Side) -> None:
    with Wire(then=reply(503, Retry_After="30")) as wire, side.client() as http:
        mark = NESTED.set(math.inf)
        assert http.get(wire.base).status_code == 503
        NESTED.reset(mark)
        assert len(wire.seen) == 1


def test_breakers_are_kept_by_origin(side: Side) -> None:
    with Wire(then=BUSY) as bad, Wire() as good, side.client(TWICE) as http:
        http.get(bad.base)
        http.get(good.base)
        origins = {upstream["origin"] for upstream in http.snapshot()["upstreams"]}
        assert {bad.base, good.base} <= origins


def test_a_misdirected_request_goes_out_on_a_new_connection(side: Side) -> None:
    with Wire([OK, reply(421)]) as wire, side.client() as http:
        http.get(wire.base)
        assert http.get(wire.base).status_code == 200
        assert [seen.connection for seen in wire.seen] == [1, 1, 2]


def test_a_hundred_threads_share_what_there_is(side: Side) -> None:
    with Wire([BUSY, *[OK] * 9] * 10) as wire, side.client(timeout=30) as http:
        with ThreadPoolExecutor(100) as pool:
            codes = list(pool.map(lambda _: http.get(wire.base).status_code, range(100)))
        assert codes == [200] * 100
        assert len(wire.seen) == 110
        assert http.snapshot()["inFlight"] == 0


# Options of the client around it.


def test_a_proxy_is_kept_and_its_connections_are_limited(side: Side) -> None:
    policy = {**QUICK, "timeouts": {"attempt": "1s"}}
    with Wire([dribble(OK)]) as proxy, side.client(policy, proxy=proxy.base) as http:
        assert http.get("http://orders.example/a").status_code == 200
        assert [seen.line for seen in proxy.seen] == ["GET http://orders.example/a HTTP/1.1"] * 2


def test_the_environments_proxies_are_kept(side: Side, monkeypatch: pytest.MonkeyPatch) -> None:
    with Wire([BUSY]) as proxy, Wire([BUSY]) as wire:
        monkeypatch.setenv("HTTP_PROXY", proxy.base)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        with side.client(trust_env=True) as http:
            assert http.get("http://orders.example/a").status_code == 200
            assert http.get(wire.base).status_code == 200
        assert (len(proxy.seen), len(wire.seen)) == (2, 2)


def test_mounts_and_a_transport_of_the_callers_own_are_kept(side: Side) -> None:
    def answer(request: Any) -> Any:
        asked.append(request.url.host)
        return side.theirs.Response(503 if len(asked) % 2 else 200)

    asked: list[str] = []
    mock = side.theirs.MockTransport(answer)
    with side.client(mounts={"http://a.example": mock, "all://b.example": None}, transport=mock) as http:
        for host in ("a.example", "b.example"):
            assert http.get(f"http://{host}/").status_code == 200
    assert asked == ["a.example"] * 2 + ["b.example"] * 2


def test_tls_limits_and_versions_are_kept(side: Side, tls: tuple[ssl.SSLContext, str]) -> None:
    context, authority = tls
    verify = ssl.create_default_context(cafile=authority)
    policy = {**QUICK, "timeouts": {"attempt": "1s"}}
    with Wire([BUSY, dribble(OK)], tls=context) as wire, side.client(policy, verify=verify) as http:
        assert http.get(wire.base).status_code == 200
        assert [seen.connection for seen in wire.seen] == [1, 1, 2]
    with side.client(http2=True, limits=side.theirs.Limits(max_connections=7)) as http:
        pool = http._transport._inner._pool
        assert (pool._http2, pool._max_connections) == (True, 7)
        assert not http._transport._host.clipped


def test_a_certificate_that_is_not_trusted_stops_what_was_never_sent(
    side: Side, tls: tuple[ssl.SSLContext, str]
) -> None:
    with Wire(tls=tls[0]) as wire, side.client(TWICE) as http:
        with pytest.raises(side.theirs.ConnectError) as raised:
            http.post(wire.base, json={})
        assert "permanent: certificate" in unruffled.explain(raised.value)
        assert wire.seen == []


# Closing.


def test_closing_the_client_ends_its_waits(side: Side) -> None:
    with Wire(then=reply(503, b"last", Retry_After="30")) as wire, ThreadPoolExecutor(1) as pool:
        http = side.client({})
        waiting = pool.submit(http.get, wire.base)
        while http.snapshot()["waiting"] + http.snapshot()["live"] == 0 or not wire.seen:
            time.sleep(0.01)
        time.sleep(0.1)
        http.close()
        assert waiting.result(5).content == b"last"
        assert wire.settled(0)


def test_a_closed_transport_can_be_used_again_and_knows_what_it_knew(side: Side) -> None:
    with Wire([BUSY]) as wire:
        transport = side.ours.Transport(QUICK)
        for _ in range(2):
            # githubkit does this for each request.
            with side.theirs.Client(transport=transport) as http:
                assert http.get(wire.base).status_code == 200
            assert wire.settled(0)
        assert transport.snapshot()["begun"] == 2


def test_a_transport_that_is_closed_during_a_call_lets_it_end(side: Side) -> None:
    with Wire([dribble(OK, 0.01)]) as wire, ThreadPoolExecutor(1) as pool:
        transport = side.ours.Transport(QUICK)
        http = side.theirs.Client(transport=transport)
        going = pool.submit(http.get, wire.base)
        while not wire.seen:
            time.sleep(0.005)
        transport.close()
        assert going.result(5).status_code == 200
        assert len(wire.seen) == 1
        assert wire.settled(0)


def test_a_forked_child_has_an_engine_and_connections_of_its_own(side: Side) -> None:
    with Wire() as wire, side.client() as http:
        http.get(wire.base)
        before, parents = http._dropin.engine, http._transport._inner._pool._connections
        told: list[Any] = []
        http.on(told.append, ["call"])
        http._dropin.forked()
        for connection in parents:
            connection.close()
        assert http._dropin.engine is not before
        assert http.get(wire.base).status_code == 200
        assert [seen.connection for seen in wire.seen] == [1, 2]
        assert len(told) == 1


# The standard instrumentations.


class Spans:
    """The spans of one library's instrumentation."""

    def __init__(self, side: Side) -> None:
        self._kept = InMemorySpanExporter()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self._kept))
        self.instrumentor: Any = {"httpx": HTTPXClientInstrumentor, "httpx2": HTTPX2ClientInstrumentor}[
            side.theirs.__name__
        ]

    def statuses(self) -> list[Any]:
        return [(span.attributes or {})["http.status_code"] for span in self._kept.get_finished_spans()]


def test_opentelemetry_sees_a_span_for_each_attempt(side: Side) -> None:
    spans = Spans(side)
    instrumentor = spans.instrumentor()
    instrumentor.instrument(tracer_provider=spans.tracers)
    try:
        with Wire([BUSY]) as wire, side.client() as http:
            assert http.get(wire.base).status_code == 200
            assert spans.statuses() == [503, 200]
            # Each attempt has its own; nothing of it stays with the caller's request.
            assert len({seen.headers["traceparent"] for seen in wire.seen}) == 2
    finally:
        instrumentor.uninstrument()


def test_opentelemetry_around_one_client_sees_the_call_as_a_whole(side: Side) -> None:
    spans = Spans(side)
    with Wire([BUSY]) as wire, side.client() as http:
        spans.instrumentor.instrument_client(http, tracer_provider=spans.tracers)
        assert http.get(wire.base).status_code == 200
        assert (spans.statuses(), len(wire.seen)) == ([200], 2)


def test_a_wrong_policy_is_named(side: Side) -> None:
    with pytest.raises(unruffled.PolicyError, match="retries"):
        side.ours.client({"retries": 3})
    with pytest.raises(ValueError, match="unknown_keys"):
        side.ours.Transport({}, unknown_keys="ignore")
    assert side.ours.Transport({"retries": 3}, unknown_keys="warn").snapshot()["begun"] == 0


def test_the_first_attempt_sends_the_callers_own_request_where_nothing_must_change(side: Side) -> None:
    sent: list[Any] = []

    class Seen(side.theirs.HTTPTransport):  # type: ignore[misc, name-defined]
        def handle_request(self, request: Any) -> Any:
            sent.append(request)
            request.headers["X-Attempt"] = str(len(sent))
            return super().handle_request(request)

    with Wire([BUSY]) as wire, side.theirs.Client(transport=side.ours.Transport(QUICK, Seen())) as client:
        response = client.get(wire.base)
        assert [request is response.request for request in sent] == [True, False]
        assert [seen.headers["x-attempt"] for seen in wire.seen] == ["1", "2"]
        assert response.request.headers["X-Attempt"] == "1"


def test_a_time_limit_or_a_key_changes_a_copy(side: Side) -> None:
    for policy in ({"timeouts": {"attempt": "5s"}}, {"idempotency": {"header": "Idempotency-Key"}}):
        with Wire() as wire, side.client(policy) as client:
            response = client.post(wire.base, json={})
            assert response.request.extensions["timeout"]["connect"] == 5
            assert "idempotency-key" not in response.request.headers
            assert len(wire.seen) == 1
