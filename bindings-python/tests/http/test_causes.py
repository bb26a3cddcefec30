"""Causes, provoked over real sockets in every way to send: certificates, no TLS, no HTTP, names, closed ports."""

from __future__ import annotations

import contextlib
import errno
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

import unruffled
from unruffled._core import codes, step_word
from unruffled._http.causes import cause_of, with_cause
from unruffled._http.faults import fault_of

from ..play.ways import WAYS, Way, based
from ..servers.wire import OK, Wire, close, reply, reset, server_side

QUICK: dict[str, Any] = {"retry": {"base": "1ms", "attempts": 2}, "timeouts": {"attempt": "3s"}}


@pytest.fixture(params=list(WAYS))
def way(request: pytest.FixtureRequest) -> Way:
    return WAYS[request.param]


@contextlib.contextmanager
def speaking(answer: bytes, linger: bool = True) -> Iterator[int]:
    """Yields the port of a server that sends something before it has received anything."""

    def speak() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection:
                    connection.sendall(answer)
                    if linger:
                        connection.recv(1000)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=speak, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("kind", ["nobody trusts it", "expired", "of another host"])
def test_a_certificate_that_is_not_accepted_is_permanent(way: Way, kind: str, tmp_path: Path) -> None:
    context, authority = server_side(
        tmp_path, "localhost" if kind != "of another host" else "elsewhere.example", 1 if kind == "expired" else -1
    )
    with Wire(tls=context) as wire:
        told = way(wire.base, QUICK, None if kind == "nobody trusts it" else authority)
        assert "permanent: certificate" in told
        assert "1 attempt" in told
        assert wire.seen == []


def test_a_certificate_that_is_trusted_is_accepted(way: Way, tmp_path: Path) -> None:
    context, authority = server_side(tmp_path)
    with Wire(tls=context) as wire:
        assert way(wire.base, QUICK, authority) == ""
        assert len(wire.seen) == 1


def test_http_in_the_place_of_tls_is_permanent(way: Way) -> None:
    with speaking(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        told = way(f"https://127.0.0.1:{port}", QUICK)
    assert "permanent: no-tls" in told
    assert "1 attempt" in told


def test_a_handshake_that_is_closed_is_unsent(way: Way) -> None:
    with speaking(b"", linger=False) as port:
        told = way(f"https://127.0.0.1:{port}", QUICK)
    assert " unsent" in told
    assert "2 attempts" in told


def test_an_answer_that_is_no_http_is_sent_for_again(way: Way) -> None:
    with Wire(then=b"\x00\x01 no answer\r\n\r\n") as wire:
        told = way(wire.base, QUICK)
        assert "lost: protocol" in told
        assert len(wire.seen) == 2


def test_framing_that_contradicts_itself_is_permanent(way: Way) -> None:
    with Wire(then=b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabcde") as wire:
        told = way(wire.base, QUICK)
        assert "permanent: protocol" in told
        assert "1 attempt" in told
        assert len(wire.seen) == 1


def test_an_answer_too_long_for_the_client_is_sent_for_again(way: Way) -> None:
    long = reply(200, X_Long="x" * (1 << 20))
    with Wire([long, long], then=OK) as wire:
        told = way(wire.base, QUICK)
        assert "permanent" not in told
        assert len(wire.seen) == 2


@pytest.mark.parametrize("answer", [reset, close])
def test_a_connection_that_the_server_ends_is_said_so(way: Way, answer: Any) -> None:
    with Wire(then=answer) as wire:
        told = way(wire.base, QUICK)
        assert "lost: reset" in told
        assert len(wire.seen) == 2


def test_nobody_at_the_port_is_said_so(way: Way) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    for host in ("127.0.0.1", "localhost"):
        told = way(f"http://{host}:{port}", QUICK)
        assert "unsent: connection-refused" in told
        assert "2 attempts" in told


def test_a_name_that_does_not_exist_is_final_at_the_first_call(way: Way) -> None:
    told = way("http://name.invalid", QUICK)
    assert "unsent: no-such-name" in told
    assert "1 attempt" in told


def test_a_name_service_that_does_not_answer_does_not_say_that_there_is_no_such_name() -> None:
    error = httpx2.ConnectError("later")
    error.__cause__ = socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
    assert with_cause(fault_of(error, False), error) == codes.UNSENT


@pytest.mark.parametrize("number", [errno.EHOSTUNREACH, errno.ENETUNREACH])
def test_no_way_to_the_host_is_said_so(number: int) -> None:
    # No network here refuses a way for certain: the platform's own exception is made by hand.
    error = httpx2.ConnectError("no way")
    error.__cause__ = OSError(number, "no way")
    assert with_cause(fault_of(error, False), error) == codes.UNSENT | codes.CAUSE_UNREACHABLE * step_word.CAUSE


def test_addresses_that_fail_differently_say_no_cause() -> None:
    error = httpx2.ConnectError("all failed")
    refused, away = ConnectionRefusedError(errno.ECONNREFUSED, "a"), OSError(errno.ENETUNREACH, "b")
    error.__cause__ = ExceptionGroup("all", [refused, away])
    assert cause_of(error) == 0
    error.__cause__ = ExceptionGroup("all", [refused, refused])
    assert cause_of(error) == codes.CAUSE_CONNECTION_REFUSED


def test_what_the_caller_handles_meanwhile_is_no_cause() -> None:
    with Wire(then=close) as wire, unruffled.Client(based(QUICK, wire.base), trust_env=False) as client:
        for own in (ssl.SSLCertVerificationError("own"), OSError(errno.EMFILE, "own")):
            try:
                raise own
            except OSError:
                with pytest.raises(unruffled.CallError) as raised:
                    client.get("/a")
            assert "lost: reset" in raised.value.explain()
        assert len(wire.seen) == 4


def test_forty_certificates_that_nobody_trusts_open_no_breaker(tmp_path: Path) -> None:
    context, _ = server_side(tmp_path)
    with (
        Wire(tls=context) as wire,
        unruffled.Client({"baseUrl": wire.base}, trust_env=False) as client,
    ):
        for _ in range(40):
            with pytest.raises(unruffled.CallError) as raised:
                client.get("/a")
            assert (raised.value.reason, raised.value.outcome) == ("network", "not-sent")
