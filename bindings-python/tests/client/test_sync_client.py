"""`Client` in threads, across a fork, interrupted, and with a server that sends a byte now and then."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator

import httpx2
import pytest

import unruffled
from unruffled._http import pool as _pool

BASE = "https://api.example.com/v1"


class Server:
    """A socket server with a function that writes the answers."""

    def __init__(self, answer: Callable[[socket.socket], None]) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._answer = answer
        self.base = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.accepted = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            try:
                while connection.recv(65536):
                    self._answer(connection)
            except OSError:
                return

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[socket.socket], None]], Server]]:
    servers: list[Server] = []

    def start(answer: Callable[[socket.socket], None]) -> Server:
        servers.append(Server(answer))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


Serve = Callable[[Callable[[socket.socket], None]], Server]


def whole(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")


def dribbled(head: bytes, rest: bytes) -> Callable[[socket.socket], None]:
    """Sends `head` at once and a byte of the rest every 50 ms."""

    def answer(connection: socket.socket) -> None:
        connection.sendall(head)
        for byte in rest:
            time.sleep(0.05)
            connection.sendall(bytes([byte]))

    return answer


@pytest.mark.parametrize(
    "answer",
    [
        dribbled(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", b"x" * 100),
        dribbled(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"y" * 100),
    ],
    ids=["body", "headers"],
)
def test_an_attempt_limit_holds_against_a_server_that_dribbles(
    serve: Serve, answer: Callable[[socket.socket], None]
) -> None:
    policy = {"baseUrl": serve(answer).base, "timeouts": {"attempt": "300ms"}, "retry": {"attempts": 1}}
    start = time.monotonic()
    with pytest.raises(unruffled.CallError) as caught, unruffled.Client(policy, trust_env=False) as api:
        api.get("/x")
    # Unbounded it would take 5 s.
    assert 0.29 <= time.monotonic() - start < 3
    assert (caught.value.reason, caught.value.fault) == ("timeout", "timeout")


@pytest.mark.parametrize("foreign", [False, True])
def test_the_body_of_an_error_is_bounded_too(serve: Serve, foreign: bool) -> None:
    server = serve(dribbled(b"HTTP/1.1 404 No\r\nContent-Length: 100\r\n\r\nabc", b"x" * 97))
    policy = {"baseUrl": server.base, "timeouts": {"attempt": "300ms"}}
    api = unruffled.Client(policy, trust_env=False, transport=Passing() if foreign else None)
    start = time.monotonic()
    with pytest.raises(unruffled.StatusError) as caught:
        api.get("/x")
    assert caught.value.response.text.startswith("abc")
    with pytest.raises(unruffled.CallError) as broken:
        api.get("/x", raise_=False)
    assert (broken.value.reason, broken.value.status) == ("timeout", 404)
    assert time.monotonic() - start < 4
    api.close()


def test_without_the_private_place_the_clock_is_looked_at_between_pieces(serve: Serve) -> None:
    server = serve(dribbled(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", b"x" * 100))
    policy = {"baseUrl": server.base, "timeouts": {"attempt": "300ms"}, "retry": {"attempts": 1}}
    api = unruffled.Client(policy, transport=Passing(), trust_env=False)
    live = api._state.live
    assert live is not None
    assert not live.host.clipped
    start = time.monotonic()
    with pytest.raises(unruffled.CallError) as caught:
        api.get("/x")
    assert time.monotonic() - start < 3
    assert caught.value.reason == "timeout"


class Passing(httpx2.BaseTransport):
    """A transport of another library's."""

    def __init__(self) -> None:
        self._inner = httpx2.HTTPTransport()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        return self._inner.handle_request(request)


def test_the_private_place_for_the_deadline_is_there() -> None:
    """Fails if httpx2 has moved it: the limits of synchronous attempts then hold between pieces only."""
    assert _pool.clip(_pool.pools(httpx2.Client()))
    assert _pool.clip(_pool.pools(httpx2.Client(proxy="http://127.0.0.1:1")))
    assert not _pool.clip(_pool.pools(httpx2.Client(transport=Passing())))


def test_the_private_place_for_connections_is_there(serve: Serve) -> None:
    """Fails if httpx2 has moved it: a 421 is then retried on the same connection."""
    with httpx2.Client(trust_env=False) as http:
        http.get(serve(whole).base)
        (connection,) = _pool.idle(_pool.pools(http))
        connection.close()
        assert _pool.idle(_pool.pools(http)) == []


def test_a_421_is_retried_on_a_new_connection(serve: Serve) -> None:
    connections: list[int] = []

    def answer(connection: socket.socket) -> None:
        connections.append(connection.fileno())
        if len(connections) == 1:
            connection.sendall(b"HTTP/1.1 421 Misdirected\r\nContent-Length: 0\r\n\r\n")
        else:
            whole(connection)

    server = serve(answer)
    with unruffled.Client({"baseUrl": server.base, "retry": {"base": "1ms"}}, trust_env=False) as api:
        assert api.get("/x").status_code == 200
    assert (server.accepted, len(connections)) == (2, 2)


def test_the_bodies_place_in_a_response_is_there() -> None:
    """Fails if httpx2 has renamed it."""
    response = httpx2.Response(200, stream=httpx2.ByteStream(b"abc"))
    response._content = b"ab"
    assert response.read() == response.content == b"ab"


def test_an_interrupt_ends_a_wait_at_once(serve: Serve) -> None:
    server = serve(lambda connection: connection.sendall(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"))
    policy = {"baseUrl": server.base, "retry": {"base": "20s", "cap": "30s"}}
    api = unruffled.Client(policy, trust_env=False)
    timer = threading.Timer(0.2, lambda: signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT))
    # A background job of a shell ignores interrupts by inheritance.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer.start()
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        api.get("/x")
    timer.join()
    signal.signal(signal.SIGINT, before)
    assert time.monotonic() - start < 5
    assert api.snapshot()["live"] == 0
    api.close()


def test_closing_from_another_thread_ends_a_wait(serve: Serve) -> None:
    server = serve(lambda connection: connection.sendall(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"))
    api = unruffled.Client({"baseUrl": server.base, "retry": {"base": "20s", "cap": "30s"}}, trust_env=False)
    threading.Timer(0.1, api.close).start()
    start = time.monotonic()
    with pytest.raises(unruffled.CallError) as caught:
        api.get("/x")
    assert caught.value.reason == "closed"
    assert time.monotonic() - start < 5


def test_eight_threads_on_one_client() -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, content=request.url.path.encode())

    api = unruffled.Client(BASE, transport=httpx2.MockTransport(answer))
    wrong: list[str] = []

    def work(thread: int) -> None:
        for turn in range(200):
            got = api.get("/{thread}/{turn}", path={"thread": thread, "turn": turn}).text
            if got != f"/v1/{thread}/{turn}":
                wrong.append(got)

    threads = [threading.Thread(target=work, args=(thread,)) for thread in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert api.snapshot()["attempts"] == 1600


def test_threads_share_one_refresh_and_one_line() -> None:
    asked: list[int] = []

    def ask() -> unruffled.Token:
        asked.append(1)
        time.sleep(0.05)
        return unruffled.Token("t", time.time() + 3600)

    def answer(request: httpx2.Request) -> httpx2.Response:
        time.sleep(0.005)
        return httpx2.Response(200, content=b"{}")

    policy = {"baseUrl": BASE, "concurrency": 2}
    api = unruffled.Client(policy, transport=httpx2.MockTransport(answer), credentials=ask)
    statuses: list[int] = []
    threads = [threading.Thread(target=lambda: statuses.append(api.get("/x").status_code)) for _ in range(8)]
    start = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (statuses, asked) == ([200] * 8, [1])
    assert time.monotonic() - start < 10


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform does not fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_forked_child_has_an_engine_and_connections_of_its_own(serve: Serve) -> None:
    connections: set[int] = set()

    def answer(connection: socket.socket) -> None:
        connections.add(id(connection))
        whole(connection)

    # The same for a transport that the caller made.
    api = unruffled.Client(serve(answer).base, transport=httpx2.HTTPTransport())
    assert api.get("/x").status_code == 200
    parents = api._state.live
    assert parents is not None
    assert len(connections) == 1
    # The worst moment: other threads hold the client's locks, and one is inside the core.
    busy = threading.Event()
    stop = threading.Event()

    def hold() -> None:
        with api._state._lock, parents.engine.waiting._lock, parents.engine._notifying:
            busy.set()
            stop.wait(10)

    def churn() -> None:
        while not stop.is_set():
            parents.engine.snapshot()

    threads = [threading.Thread(target=hold), *(threading.Thread(target=churn) for _ in range(2))]
    for thread in threads:
        thread.start()
    busy.wait()
    child = os.fork()
    if child == 0:
        # By os._exit, since pytest must not go on twice.
        try:
            signal.alarm(10)
            good = api.get("/x").status_code == 200
            live = api._state.live
            good = good and live is not None and live.engine is not parents.engine and api.snapshot()["begun"] == 1
        except BaseException as error:
            sys.stderr.write(f"child: {error!r}\n")
            good = False
        os._exit(0 if good else 1)
    _, status = os.waitpid(child, 0)
    stop.set()
    for thread in threads:
        thread.join()
    assert os.waitstatus_to_exitcode(status) == 0
    assert api.get("/x").status_code == 200
    assert len(connections) == 2
    assert api.snapshot()["begun"] == 2
    api.close()
