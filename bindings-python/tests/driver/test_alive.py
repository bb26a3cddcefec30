"""An upload of unknown size may last while its pieces come. Nothing hangs if a test has stopped the time."""

from __future__ import annotations

import asyncio
import json
import math
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from types import SimpleNamespace
from typing import Any

import aiohttp
import httpx
import httpx2
import pytest
import requests
import trio

import unruffled
import unruffled.aiohttp
from unruffled._client import call as _call
from unruffled._driver import call as _job
from unruffled._driver import event_loops as _loops
from unruffled._driver.engine import Engine
from unruffled._under import drop_in as _dropin

from ..play.sessions import requests_session
from ..play.sides import Side
from ..servers.wire import OK, Wire, silence

POLICY: dict[str, Any] = {"retry": {"attempts": 1}, "timeouts": {"attempt": "300ms", "idle": "250ms"}}
PIECES = 6
EVERY = 0.1
FAILURES = (unruffled.CallError, httpx2.TimeoutException, httpx.TimeoutException, requests.Timeout, TimeoutError)
#: Takes URL, policy and number of pieces; returns the status.
Play = Callable[..., int]


def pieces(count: int = PIECES) -> Iterator[bytes]:
    for _ in range(count):
        time.sleep(EVERY)
        yield b"piece"


async def pieces_async(count: int = PIECES) -> AsyncIterator[bytes]:
    for _ in range(count):
        await asyncio.sleep(EVERY)
        yield b"piece"


def verbs(url: str, policy: Any = POLICY, count: int = PIECES) -> int:
    with unruffled.Client({**policy, "baseUrl": url}, trust_env=False) as client:
        return client.put("/a", content=pieces(count)).status_code


def tasks(url: str, policy: Any = POLICY, count: int = PIECES) -> int:
    async def main() -> int:
        async with unruffled.AsyncClient({**policy, "baseUrl": url}, trust_env=False) as client:
            return (await client.put("/a", content=pieces_async(count))).status_code

    return asyncio.run(main())


def theirs(module: Any) -> Play:
    def play(url: str, policy: Any = POLICY, count: int = PIECES) -> int:
        with Side(module).client(policy, timeout=None) as client:
            return int(client.put(url, content=pieces(count)).status_code)

    return play


def theirs_async(module: Any) -> Play:
    async def main(url: str, policy: Any, count: int) -> int:
        async with Side(module).ours.async_client(policy, trust_env=False, timeout=None) as client:
            return int((await client.put(url, content=pieces_async(count))).status_code)

    return lambda url, policy=POLICY, count=PIECES: asyncio.run(main(url, policy, count))


def by_requests(url: str, policy: Any = POLICY, count: int = PIECES) -> int:
    with requests_session(policy) as session:
        return session.put(url, data=pieces(count)).status_code


def by_aiohttp(url: str, policy: Any = POLICY, count: int = PIECES) -> int:
    async def main() -> int:
        async with aiohttp.ClientSession(middlewares=[unruffled.aiohttp.middleware(policy)]) as session:
            return (await session.put(url, data=pieces_async(count))).status

    return asyncio.run(main())


PLAYERS: dict[str, Play] = {
    "sync": verbs,
    "async": tasks,
    "httpx2": theirs(httpx2),
    "httpx2-async": theirs_async(httpx2),
    "httpx": theirs(httpx),
    "httpx-async": theirs_async(httpx),
    "requests": by_requests,
    "aiohttp": by_aiohttp,
}


@pytest.fixture(params=list(PLAYERS))
def play(request: pytest.FixtureRequest) -> Play:
    """Returns each of the ways to send."""
    return PLAYERS[request.param]


def test_an_upload_whose_pieces_come_is_not_cut(play: Play) -> None:
    with Wire() as wire:
        assert play(wire.base) == 200
        assert wire.seen[0].body == b"piece" * PIECES


def test_after_its_last_piece_a_silent_server_is_a_timeout(play: Play) -> None:
    with Wire(then=silence) as wire, pytest.raises(FAILURES):
        play(wire.base)
    assert len(wire.seen) == 1


@pytest.mark.parametrize("kind", [_call.Route, _dropin.Route])
@pytest.mark.parametrize(("idle", "attempt", "alive"), [(10, 30, 30), (30, 10, 30)])
def test_the_answer_has_an_attempts_time_from_the_last_piece(
    kind: Any, idle: int, attempt: int, alive: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(_job, "TIME", SimpleNamespace(monotonic=lambda: now))
    policy = {"baseUrl": "http://a", "timeouts": {"idle": f"{idle}s", "attempt": f"{attempt}s", "total": "5m"}}
    settings = Engine(json.dumps(policy)).settings["routes"][0]
    more = (httpx2.Headers(), httpx2.Headers()) if kind is _call.Route else ("text/event-stream",)
    route = kind(settings, *more)
    call: Any = SimpleNamespace(limit_at=now + attempt, limit=SimpleNamespace(at=now + attempt))
    came = _job.keeps_alive(call, route.alive, now + 300)
    for now in (1020.0, 1050.0):
        came()
        assert call.limit.at == call.limit_at == now + alive
    now = 1290.0
    came()
    assert call.limit.at == 1300.0, "no longer than the call"


def test_no_upload_outlives_the_policys_total(play: Play) -> None:
    policy: Any = {"retry": {"attempts": 1}, "timeouts": {"attempt": "300ms", "idle": "250ms", "total": "700ms"}}
    with Wire() as wire:
        with pytest.raises(FAILURES):
            play(wire.base, policy, 40)
        assert wire.seen == [], "the body was never whole"


def test_it_never_outlives_the_calls_own_deadline() -> None:
    with Wire() as wire, unruffled.Client({**POLICY, "baseUrl": wire.base}, trust_env=False) as client:
        began = time.monotonic()
        with pytest.raises(unruffled.CallError):
            client.put("/a", content=pieces(40), deadline=0.5)
        assert time.monotonic() - began < 3


#: A call that waits twice, then one that its attempt's time ends, while the time of the process stands still.
FROZEN = """
import asyncio, contextlib, sys
import aiohttp, freezegun, httpx, httpx2, requests, time_machine, trio
import unruffled, unruffled.aiohttp, unruffled.httpx, unruffled.requests
way, which, early, busy, silent = sys.argv[1:]
stop = lambda: freezegun.freeze_time("2030-01-01") if which == "freezegun" else time_machine.travel(0, tick=False)
policy = {"retry": {"base": "30ms", "attempts": 4}, "timeouts": {"attempt": "1s"}}
once = {"retry": {"attempts": 1}, "timeouts": {"attempt": "300ms"}}

def verbs():
    with unruffled.Client({**policy, "baseUrl": busy}, trust_env=False) as client:
        print(client.get("/a").status_code)
    with unruffled.Client({**once, "baseUrl": silent}, trust_env=False) as client:
        with contextlib.suppress(unruffled.CallError):
            client.get("/a")

async def tasks():
    async with unruffled.AsyncClient({**policy, "baseUrl": busy}, trust_env=False) as client:
        print((await client.get("/a")).status_code)
    async with unruffled.AsyncClient({**once, "baseUrl": silent}, trust_env=False) as client:
        with contextlib.suppress(unruffled.CallError):
            await client.get("/a")

def session():
    for policies, url in ((policy, busy), (once, silent)):
        with requests.Session() as http, contextlib.suppress(requests.RequestException):
            http.trust_env = False
            http.mount("http://", unruffled.requests.Adapter(policies))
            print(http.get(url).status_code)

async def anyios():
    for policies, url in ((policy, busy), (once, silent)):
        with contextlib.suppress(httpx.TimeoutException):
            async with unruffled.httpx.async_client(policies, trust_env=False, timeout=None) as http:
                print((await http.get(url)).status_code)

async def middleware():
    for policies, url in ((policy, busy), (once, silent)):
        with contextlib.suppress(aiohttp.ClientError):
            async with aiohttp.ClientSession(middlewares=[unruffled.aiohttp.middleware(policies)]) as http:
                print((await http.get(url)).status)

WAYS = {
    "sync": verbs,
    "async": lambda: asyncio.run(tasks()),
    "trio": lambda: trio.run(tasks),
    "requests": session,
    "httpx-async": lambda: asyncio.run(anyios()),
    "aiohttp": lambda: asyncio.run(middleware()),
}
with stop():
    WAYS[way]()
print("over", flush=True)
"""


@pytest.mark.parametrize("which", ["freezegun", "time_machine"])
@pytest.mark.parametrize("way", ["sync", "async", "trio", "requests", "httpx-async", "aiohttp"])
def test_nothing_hangs_while_the_time_stands_still(which: str, way: str) -> None:
    busy = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"
    with Wire([busy, busy], then=OK) as one, Wire(then=silence) as other:
        child = subprocess.run(
            [sys.executable, "-c", FROZEN, way, which, "", one.base, other.base],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert child.stdout.split() == ["200", "over"], child.stderr
        assert len(one.seen) == 3
        assert len(other.seen) == 1


class Timers:
    """Timers of the machine, and its time, as a test moves them; what they run in the loop is run at once."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        self.due: list[tuple[float, Callable[[], object]]] = []
        monkeypatch.setattr(_loops, "TIME", SimpleNamespace(monotonic=lambda: self.now))
        monkeypatch.setattr(_loops, "is_faked", lambda: True)
        monkeypatch.setattr(_loops, "real_timer", self.set)

    def set(self, seconds: float, end: Callable[[], object]) -> Any:
        self.due.append((self.now + seconds, end))
        return SimpleNamespace(cancel=lambda: None)

    def fire(self) -> None:
        self.now, end = self.due.pop(0)
        end()


def test_a_limit_that_is_moved_while_the_time_stands_still_ends_at_its_new_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    timers = Timers(monkeypatch)

    async def main() -> None:
        scope = trio.CancelScope()
        limit = _loops.ScopeLimit(110.0, scope, trio.current_time, lambda run: run())
        limit.__enter__()
        assert scope.deadline == math.inf, "the time of a test ends no limit of sockets"
        limit.at = 115.0
        timers.fire()
        assert (timers.now, scope.cancel_called) == (110.0, False)
        timers.fire()
        assert (timers.now, scope.cancel_called) == (115.0, True)
        assert timers.due == []
        limit.__exit__(None, None, None)

    trio.run(main)


def test_a_timer_that_comes_after_its_limit_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    timers = Timers(monkeypatch)

    async def main() -> None:
        scope = trio.CancelScope()
        with _loops.ScopeLimit(110.0, scope, trio.current_time, lambda run: run()):
            pass
        timers.fire()
        assert not scope.cancel_called
        assert timers.due == []

    trio.run(main)


class Moved(asyncio.SelectorEventLoop):
    """A loop whose time the test moves."""

    ahead = 0.0

    def time(self) -> float:
        return super().time() + self.ahead


async def moved(wire: Wire, by: float) -> int:
    """The status of a call while whose first attempt is at the server, or has just been, the loop's time is moved."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, Moved)
    async with unruffled.AsyncClient(wire.base, trust_env=False) as client:
        call = asyncio.create_task(client.get("/a"))
        while not wire.seen:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        loop.ahead += by
        return (await call).status_code


def test_waits_follow_the_time_of_a_loop_that_a_test_moves() -> None:
    busy = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nRetry-After: 30\r\n\r\n"
    with Wire([busy]) as wire, asyncio.Runner(loop_factory=Moved) as runner:
        began = time.monotonic()
        assert runner.run(moved(wire, 31)) == 200
        assert time.monotonic() - began < 20
        assert len(wire.seen) == 2


def test_a_limit_of_real_sockets_does_not_follow_it() -> None:
    def late(connection: Any) -> None:
        time.sleep(0.3)
        connection.sendall(OK)

    with Wire([late]) as wire, asyncio.Runner(loop_factory=Moved) as runner:
        assert runner.run(moved(wire, 60)) == 200
        assert len(wire.seen) == 1
