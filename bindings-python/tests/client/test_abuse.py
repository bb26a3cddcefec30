"""Clients in wrong uses: forked, forgotten and left open at the end, with calls in flight."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

import unruffled

BASE = "https://api.example.com"
forks = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform does not fork"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning"),
]


class Answering(httpx2.BaseTransport):
    """A transport that answers by a function of the request."""

    def __init__(self, answer: Callable[[], int]) -> None:
        self._answer = answer

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(self._answer(), content=b"{}")


class Stalling(httpx2.AsyncBaseTransport):
    """A transport that never answers, after a first 503 if asked for."""

    def __init__(self, first: int | None = None) -> None:
        self._first = first

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if self._first is not None:
            return httpx2.Response(self._first, content=b"{}")
        await asyncio.Event().wait()
        raise AssertionError


def code_of(child: int) -> int:
    """Returns the exit code of a child."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def in_child(work: Callable[[], bool]) -> int:
    """Forks a child that does this work for at most 10 s; returns its id. Its exit code says whether the work passed.

    It ends by `os._exit`, since pytest must not go on twice.
    """
    child = os.fork()
    if child:
        return child
    good = False
    try:
        signal.alarm(10)
        good = work()
    except BaseException as error:
        sys.stderr.write(f"child: {error!r}\n")
    os._exit(0 if good else 1)


class TestFork:
    pytestmark = forks

    def test_a_fork_within_a_call_fails_that_call_in_the_child_and_says_why(self) -> None:
        children: list[int] = []

        def answer() -> int:
            if children:
                return 200
            children.append(os.fork())
            if children[0] == 0:
                signal.alarm(10)
            return 200

        api = unruffled.Client(BASE, transport=Answering(answer))
        code = 0
        try:
            api.get("/x")
        except unruffled.InternalError as error:
            code = 3 if "forked" in f"{error}" else 4
        except BaseException:
            code = 5
        if children[0] == 0:
            # The child's next call has an engine of its own.
            os._exit(code if api.get("/x").status_code == 200 and api.snapshot()["begun"] == 1 else 6)
        assert code_of(children[0]) == 3
        assert (code, api.snapshot()["live"]) == (0, 0)

    def test_a_client_is_closed_and_collected_in_the_child_alone(self) -> None:
        api: Any = unruffled.Client(BASE, transport=Answering(lambda: 200))
        api.get("/x")

        def work() -> bool:
            nonlocal api
            api.close()
            api = None
            gc.collect()
            return True

        assert code_of(in_child(work)) == 0
        assert api.get("/x").status_code == 200
        assert api.snapshot()["begun"] == 2

    def test_the_core_s_locks_are_held_at_the_fork(self) -> None:
        """Forks twenty children while threads are inside the core; no child hangs."""
        api = unruffled.Client(BASE, transport=Answering(lambda: 200))
        stop = threading.Event()

        def churn() -> None:
            while not stop.is_set():
                api.snapshot()
                api.get("/x")

        threads = [threading.Thread(target=churn) for _ in range(4)]
        for thread in threads:
            thread.start()
        children = [in_child(lambda: api.get("/x").status_code == 200) for _ in range(20)]
        ends = [code_of(child) for child in children]
        stop.set()
        for thread in threads:
            thread.join()
        assert ends == [0] * 20
        now = api.snapshot()
        assert (now["inFlight"], now["live"], now["waiting"]) == (0, 0, 0)


class TestForgotten:
    def test_a_client_that_is_dropped_within_its_call_lives_until_the_call_ends(self) -> None:
        held: list[Any] = []

        def answer() -> int:
            held.clear()
            gc.collect()
            return 200

        held.append(unruffled.Client(BASE, transport=Answering(answer)))
        engine = weakref.ref(held[0]._state.live.engine)
        assert held[0].get("/x").status_code == 200
        gc.collect()
        assert engine() is None

    @pytest.mark.parametrize("first", [None, 503], ids=["in an attempt", "in a wait"])
    def test_a_coroutine_that_is_dropped_gives_everything_back(self, first: int | None) -> None:
        async def whole() -> dict[str, Any]:
            api = unruffled.AsyncClient({"baseUrl": BASE, "retry": {"base": "20s"}}, transport=Stalling(first))
            task = asyncio.ensure_future(asyncio.sleep(0))
            await task
            calls: list[Any] = [api.get("/x") for _ in range(5)]
            for call in calls:
                call.send(None)
            assert api.snapshot()["live"] == 5
            calls.clear()
            del call
            gc.collect()
            return api.snapshot()

        now = asyncio.run(whole())
        assert (now["inFlight"], now["live"], now["waiting"]) == (0, 0, 0)

    def test_a_loop_that_ends_with_calls_open_leaves_nothing(self) -> None:
        api = unruffled.AsyncClient({"baseUrl": BASE, "concurrency": 2}, transport=Stalling())

        async def whole() -> None:
            tasks = [asyncio.ensure_future(api.get("/x")) for _ in range(5)]
            await asyncio.sleep(0.01)
            assert api.snapshot()["live"] == len(tasks)
            # `asyncio.run` cancels them.

        asyncio.run(whole())
        now = api.snapshot()
        assert (now["inFlight"], now["live"], now["waiting"]) == (0, 0, 0)

    def test_clients_of_many_threads_are_dropped_at_once(self) -> None:
        def work() -> None:
            for _ in range(50):
                api = unruffled.Client(BASE, transport=Answering(lambda: 200))
                api.get("/x")
                del api

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        gc.collect()


PRELUDE = """
import asyncio, atexit, sys, threading, time
import httpx2, unruffled
class Stub(httpx2.BaseTransport, httpx2.AsyncBaseTransport):
    status = 503
    def handle_request(self, request):
        if self.status is None:
            time.sleep(3600)
        return httpx2.Response(self.status, content=b"{}")
    async def handle_async_request(self, request):
        return httpx2.Response(self.status, content=b"{}")
policy = {"baseUrl": "https://api.example.com", "retry": {"base": "30s", "cap": "1h"}, "timeouts": {"total": "10m"}}
stub = Stub()
"""
ENDINGS = {
    "a daemon thread in a wait": """
api = unruffled.Client(policy, transport=stub)
threading.Thread(target=lambda: api.get("/x"), daemon=True).start()
while not api.snapshot()["waiting"] and api.snapshot()["attempts"] < 1: time.sleep(0.01)
""",
    "a daemon thread in an attempt": """
stub.status = None
api = unruffled.Client(policy, transport=stub)
threading.Thread(target=lambda: api.get("/x"), daemon=True).start()
while not api.snapshot()["inFlight"]: time.sleep(0.01)
""",
    "daemon threads that call all the time": """
stub.status = 200
api = unruffled.Client(policy, transport=stub)
def churn():
    while True: api.get("/x")
for _ in range(4): threading.Thread(target=churn, daemon=True).start()
time.sleep(0.1)
""",
    "an open coroutine": """
api = unruffled.AsyncClient(policy, transport=stub)
async def main():
    global call
    call = api.get("/x")
    call.send(None)
asyncio.run(main())
""",
    "a pending task of a loop that is never closed": """
api = unruffled.AsyncClient(policy, transport=stub)
loop = asyncio.new_event_loop()
async def main():
    global task
    task = asyncio.ensure_future(api.get("/x"))
    await asyncio.sleep(0.01)
loop.run_until_complete(main())
task._log_destroy_pending = False
""",
    "a call at exit": """
stub.status = 200
api = unruffled.Client(policy, transport=stub)
atexit.register(lambda: print(api.get("/x").status_code))
""",
    "a first client at exit": """
stub.status = 200
atexit.register(lambda: print(unruffled.Client(policy, transport=stub).get("/x").status_code))
""",
    "a listener that outlives everything": """
stub.status = 200
api = unruffled.Client(policy, transport=stub)
api.on(lambda event: api.snapshot())
api.get("/x")
sys.modules["keep"] = api
""",
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_interpreter_ends_with_calls_open(ending: str) -> None:
    code = PRELUDE + ENDINGS[ending]
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    told = [line for line in ended.stderr.splitlines() if "ResourceWarning" not in line]
    assert (ended.returncode, told) == (0, [])
