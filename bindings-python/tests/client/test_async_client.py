"""`AsyncClient` on asyncio and trio: waits, cancellations, refreshes and closing."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from typing import Any

import anyio
import httpx2
import pytest

import unruffled

BASE = "https://api.example.com/v1"

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def client(answer: Any, policy: Any = BASE, **options: Any) -> unruffled.AsyncClient:
    return unruffled.AsyncClient(policy, transport=httpx2.MockTransport(answer), **options)


async def test_verbs_and_failures() -> None:
    statuses = iter([200, 503, 200, 404])
    api = client(
        lambda request: httpx2.Response(next(statuses), json={"m": request.method}),
        {"baseUrl": BASE, "retry": {"base": "1ms"}},
    )
    async with api:
        assert (await api.get("/x")).json() == {"m": "GET"}
        assert (await api.put("/x", json=1)).json() == {"m": "PUT"}
        with pytest.raises(unruffled.StatusError) as caught:
            await api.delete("/x")
    assert caught.value.status == 404
    with pytest.raises(unruffled.CallError) as closed:
        await api.get("/x")
    assert closed.value.reason == "closed"


async def test_a_stream() -> None:
    async with (
        client(lambda request: httpx2.Response(200, content=b"a" * 70_000)) as api,
        api.stream("GET", "/x") as response,
    ):
        assert sum([len(piece) async for piece in response.aiter_bytes()]) == 70_000


async def test_a_cancelled_wait_ends_at_once_and_leaves_nothing() -> None:
    api = client(lambda request: httpx2.Response(503), {"baseUrl": BASE, "retry": {"base": "20s", "cap": "30s"}})
    start = time.monotonic()
    with anyio.move_on_after(0.05) as scope:
        await api.get("/x")
    assert scope.cancelled_caught
    assert time.monotonic() - start < 5
    assert api.snapshot()["live"] == 0


async def test_a_cancelled_attempt_leaves_nothing() -> None:
    async def never(request: httpx2.Request) -> httpx2.Response:
        await anyio.sleep_forever()
        raise AssertionError

    api = client(never)
    with anyio.move_on_after(0.05) as scope:
        await api.get("/x")
    assert scope.cancelled_caught
    assert (api.snapshot()["live"], api.snapshot()["inFlight"]) == (0, 0)


async def test_an_attempt_that_hangs_is_a_timeout() -> None:
    async def never(request: httpx2.Request) -> httpx2.Response:
        await anyio.sleep_forever()
        raise AssertionError

    api = client(never, {"baseUrl": BASE, "timeouts": {"attempt": "50ms"}, "retry": {"attempts": 1}})
    with pytest.raises(unruffled.CallError) as caught:
        await api.get("/x")
    assert (caught.value.reason, caught.value.fault) == ("timeout", "timeout")
    assert isinstance(caught.value.__cause__, TimeoutError)


async def test_closing_ends_waits_and_lets_attempts_finish() -> None:
    begun = anyio.Event()

    async def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.path.endswith("/slow"):
            begun.set()
            await anyio.sleep(0.1)
            return httpx2.Response(200, content=b"{}")
        return httpx2.Response(503)

    api = client(answer, {"baseUrl": BASE, "retry": {"base": "20s", "cap": "30s"}})
    ends: dict[str, Any] = {}

    async def call(path: str) -> None:
        try:
            ends[path] = (await api.get(path)).status_code
        except unruffled.CallError as error:
            ends[path] = error.reason

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(call, "/wait")
        tasks.start_soon(call, "/slow")
        await begun.wait()
        while api.snapshot()["live"] != 2 or api.snapshot()["inFlight"] != 1:
            await anyio.sleep(0.005)
        await api.aclose()
    assert ends == {"/wait": "closed", "/slow": 200}


async def test_one_refresh_serves_all_and_outlives_its_leader() -> None:
    asked = 0

    async def ask() -> unruffled.Token:
        nonlocal asked
        asked += 1
        await anyio.sleep(0.1)
        return unruffled.Token("t1", time.time() + 3600)

    tokens: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        tokens.append(request.headers["authorization"])
        return httpx2.Response(200, content=b"{}")

    api = client(answer, credentials=ask)
    async with anyio.create_task_group() as tasks:
        with anyio.move_on_after(0.02) as leader:
            await api.get("/x")
        for _ in range(20):
            tasks.start_soon(api.get, "/x")
    assert leader.cancelled_caught
    assert asked == 1
    assert tokens == ["Bearer t1"] * 20


async def test_a_refresh_that_hangs_ends_with_the_deadline() -> None:
    async def ask() -> str:
        await anyio.sleep(20)
        raise AssertionError

    api = client(lambda request: httpx2.Response(200), credentials=ask)
    start = time.monotonic()
    with pytest.raises(unruffled.CallError) as caught:
        await api.get("/x", deadline=0.15)
    assert caught.value.reason in ("deadline", "auth")
    assert time.monotonic() - start < 5


def test_one_client_in_many_loops_has_one_engine_and_forgets_dead_loops() -> None:
    api = client(lambda request: httpx2.Response(200, content=b"{}"))

    async def once() -> int:
        return (await api.get("/x")).status_code

    for _ in range(5):
        assert asyncio.run(once()) == 200
    threads = [threading.Thread(target=lambda: asyncio.run(once())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert asyncio.run(once()) == 200
    assert api.snapshot()["attempts"] == 10
    live = api._state.live
    assert live is not None
    assert len(live.hosts) == 1


def test_a_wake_crosses_threads() -> None:
    policy = {"baseUrl": BASE, "concurrency": 1}
    first = threading.Event()

    async def answer(request: httpx2.Request) -> httpx2.Response:
        first.set()
        await asyncio.sleep(0.1)
        return httpx2.Response(200, content=b"{}")

    api = client(answer, policy)

    async def once() -> int:
        return (await api.get("/x")).status_code

    got: list[int] = []
    threads = [threading.Thread(target=lambda: got.append(asyncio.run(once()))) for _ in range(3)]
    threads[0].start()
    first.wait()
    for thread in threads[1:]:
        thread.start()
    start = time.monotonic()
    for thread in threads:
        thread.join()
    assert got == [200] * 3
    # Without the wake they would wait until shortly before their deadline.
    assert time.monotonic() - start < 10


def test_outside_of_a_loop_it_says_so() -> None:
    api = client(lambda request: httpx2.Response(200))
    coroutine = api.get("/x")
    with contextlib.closing(coroutine), pytest.raises(RuntimeError, match="running event loop"):
        coroutine.send(None)
