"""The credentials function: why it is asked, and how long it may take."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import os
import threading
import time
from collections.abc import Callable
from typing import Any

import anyio
import anyio.to_thread
import pytest

import unruffled
from unruffled import Need, Token
from unruffled._driver.credentials import Credential

from ..servers.wire import Wire, reply

HOUR = 3_600_000
ANSWERS = [reply(200), reply(200), reply(401), reply(200)]
POLICY: dict[str, Any] = {"retry": {"base": "1ms", "cap": "1ms"}}


def test_a_function_is_told_why_it_is_asked() -> None:
    needs: list[str] = []

    def ask(need: Need) -> Token:
        needs.append(need.why)
        return Token(f"t{len(needs)}", time.time() + 60)

    with Wire(list(ANSWERS)) as wire, unruffled.Client({**POLICY, "baseUrl": wire.base}, credentials=ask) as client:
        client.get("/a")
        client._live().engine.clock.skip(HOUR)
        client.get("/a")
        client.get("/a")
        sent = [seen.headers["authorization"] for seen in wire.seen]
    assert needs == ["first", "expired", "refused"]
    assert sent == ["Bearer t1", "Bearer t2", "Bearer t2", "Bearer t3"]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_an_async_function_is_told_why_it_is_asked(backend: str) -> None:
    needs: list[str] = []

    async def ask(need: Need) -> Token:
        needs.append(need.why)
        return Token(f"t{len(needs)}", time.time() + 60)

    async def main(base: str) -> None:
        async with unruffled.AsyncClient({**POLICY, "baseUrl": base}, credentials=ask) as client:
            await client.get("/a")
            live = client._state.live
            assert live is not None
            live.engine.clock.skip(HOUR)
            await client.get("/a")
            await client.get("/a")

    with Wire(list(ANSWERS)) as wire:
        anyio.run(main, wire.base, backend=backend)
    assert needs == ["first", "expired", "refused"]


def sent(wire: Wire) -> list[str]:
    return [seen.headers["authorization"] for seen in wire.seen]


def test_a_renewal_in_a_thread_delays_no_call() -> None:
    needs: list[str] = []
    answer = threading.Event()

    def ask(need: Need) -> Token:
        needs.append(need.why)
        name = f"t{len(needs)}"
        if need.why == "expired":
            assert answer.wait(20)
        return Token(name, time.time() + 3_600)

    with Wire([]) as wire, unruffled.Client({**POLICY, "baseUrl": wire.base}, credentials=ask) as client:
        client.get("/a")
        # 15 s before the end: renewed in any case, and no call waits yet.
        client._live().engine.clock.skip(HOUR - 15_000)
        client.get("/a")
        client.get("/a")
        assert sent(wire) == ["Bearer t1", "Bearer t1", "Bearer t1"]
        answer.set()
        ends = time.monotonic() + 20
        while sent(wire)[-1] != "Bearer t2" and time.monotonic() < ends:
            client.get("/a")
        assert sent(wire)[-1] == "Bearer t2"
    assert needs == ["first", "expired"]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_task_renews_a_token_beside_the_calls_which_go_on_with_the_held_one(backend: str) -> None:
    needs: list[str] = []

    async def main(base: str) -> None:
        answer = anyio.Event()

        async def ask(need: Need) -> Token:
            needs.append(need.why)
            name = f"t{len(needs)}"
            if need.why == "expired":
                await answer.wait()
            return Token(name, time.time() + 3_600)

        async with unruffled.AsyncClient({**POLICY, "baseUrl": base}, credentials=ask) as client:
            await client.get("/a")
            live = client._state.live
            assert live is not None
            live.engine.clock.skip(HOUR - 15_000)
            await client.get("/a")
            await client.get("/a")
            answer.set()
            await anyio.wait_all_tasks_blocked()
            await client.get("/a")

    with Wire([]) as wire:
        anyio.run(main, wire.base, backend=backend)
        assert sent(wire) == ["Bearer t1", "Bearer t1", "Bearer t1", "Bearer t2"]
    assert needs == ["first", "expired"]


def test_a_renewal_that_fails_leaves_the_token() -> None:
    needs: list[str] = []

    def ask(need: Need) -> Token:
        needs.append(need.why)
        if need.why == "expired":
            raise RuntimeError("the source is down")
        return Token("t1", time.time() + 3_600)

    with Wire([]) as wire, unruffled.Client({**POLICY, "baseUrl": wire.base}, credentials=ask) as client:
        client.get("/a")
        client._live().engine.clock.skip(HOUR - 5_000)
        for _ in range(5):
            client.get("/a")
        assert sent(wire) == ["Bearer t1"] * 6
    assert needs == ["first", "expired"]


def test_a_refused_token_that_is_given_again_ends_the_call_with_that_answer() -> None:
    needs: list[str] = []

    def ask(need: Need) -> Token:
        needs.append(need.why)
        return Token("same", time.time() + 3_600)

    answers = [reply(401), reply(401), reply(401)]
    with Wire(answers) as wire, unruffled.Client({**POLICY, "baseUrl": wire.base}, credentials=ask) as client:
        for _ in range(3):
            with pytest.raises(unruffled.StatusError):
                client.get("/a")
        assert sent(wire) == ["Bearer same"] * 3
    assert needs == ["first", "refused"]


def test_a_function_of_plain_texts_is_always_asked_for_the_first() -> None:
    needs: list[str] = []

    def ask(need: Need) -> str:
        needs.append(need.why)
        return "t"

    with (
        Wire([reply(503), reply(200), reply(200)]) as wire,
        unruffled.Client({**POLICY, "baseUrl": wire.base}, credentials=ask) as client,
    ):
        client.get("/a")
        client.get("/a")
    assert set(needs) == {"first"}


class _Asks:
    def plain(self) -> str:
        return "none"

    def told(self, need: Need) -> str:
        return need.why

    def __call__(self) -> str:
        return "none"


class _Told:
    def __call__(self, need: Need) -> str:
        return need.why


def _wrapped(function: Callable[..., str]) -> Callable[..., str]:
    @functools.wraps(function)
    def wrapper(*arguments: Any) -> str:
        return function(*arguments)

    return wrapper


def _two(kind: str, need: Need) -> str:
    return need.why


WITHOUT: dict[str, Any] = {
    "lambda": lambda: "none",
    "method": _Asks().plain,
    "object": _Asks(),
    "partial": functools.partial(lambda token: token, "none"),
    "wrapped": _wrapped(lambda: "none"),
    "any arguments": lambda *arguments: "told" if arguments else "none",
    "a default of its own": lambda token="none": token,
    "keyword": lambda *, token="none": token,
    "builtin": functools.partial(os.environ.get, "NO_SUCH_NAME", "none"),
    "iterator": iter(["none"]).__next__,
}
WITH: dict[str, Any] = {
    "lambda": lambda need: need.why,
    "method": _Asks().told,
    "object": _Told(),
    "partial": functools.partial(_two, "kind"),
    "wrapped": _wrapped(lambda need: need.why),
    "a default": lambda need=None: need.why,
}


@pytest.mark.parametrize("form", WITHOUT)
def test_a_function_without_an_argument_is_asked_without_one(form: str) -> None:
    assert Credential(WITHOUT[form], "").ask(Need("first")) == "none"


@pytest.mark.parametrize("form", WITH)
def test_a_function_with_an_argument_is_told_the_need(form: str) -> None:
    assert Credential(WITH[form], "").ask(Need("refused")) == "refused"


@pytest.mark.parametrize("late", ["the first", "a renewal"])
def test_a_function_that_blocks_takes_no_longer_than_an_attempt(late: str) -> None:
    release, answered = threading.Event(), threading.Event()
    asked: list[str] = []

    def ask(need: Need) -> Token:
        asked.append(threading.current_thread().name)
        if len(asked) == (1 if late == "the first" else 2):
            release.wait(60)
            answered.set()
            return Token("late")
        return Token(f"t{len(asked)}")

    answers = [] if late == "the first" else [reply(200), reply(401)]
    with Wire(answers) as wire:
        policy: Any = {**POLICY, "baseUrl": wire.base, "timeouts": {"attempt": "200ms"}}
        with unruffled.Client(policy, credentials=ask) as client:
            if answers:
                client.get("/a")
            began = time.monotonic()
            with pytest.raises(unruffled.CallError) as raised:
                client.get("/a")
            assert time.monotonic() - began < 20
            assert raised.value.reason == "auth"
            assert isinstance(raised.value.__cause__, TimeoutError)
            release.set()
            assert answered.wait(20)
            # The late token is dropped. The next call asks again, or goes on with the token that has not ended.
            assert client.get("/a").status_code == 200
        assert wire.seen[-1].headers["authorization"] == ("Bearer t2" if late == "the first" else "Bearer t1")
    assert set(asked) == {"unruffled-credentials"}


def test_a_function_has_the_callers_context_and_its_exception_comes_out() -> None:
    user: contextvars.ContextVar[str] = contextvars.ContextVar("user")
    user.set("ada")

    class NoUserError(Exception):
        pass

    def ask() -> Token:
        if user.get() == "nobody":
            raise NoUserError
        return Token(user.get())

    with Wire() as wire, unruffled.Client(wire.base, credentials=ask) as client:
        client.get("/a")
        assert wire.seen[0].headers["authorization"] == "Bearer ada"
        user.set("nobody")
        with pytest.raises(unruffled.CallError) as raised:
            client.as_(ask).get("/a")
        assert isinstance(raised.value.__cause__, NoUserError)


def test_a_function_of_plain_texts_is_asked_in_the_calling_thread_from_the_second_time_on() -> None:
    threads: list[threading.Thread] = []

    def ask() -> str:
        threads.append(threading.current_thread())
        return "t"

    with Wire() as wire, unruffled.Client(wire.base, credentials=ask) as client:
        for _ in range(3):
            client.get("/a")
    assert threads[-1] is threading.current_thread()
    assert threads[0] is not threading.current_thread()


def test_a_blocking_function_in_a_thread_holds_up_no_loop_and_ends_with_its_attempts_time() -> None:
    release = threading.Event()

    def fetch() -> Token:
        release.wait(60)
        return Token("late")

    async def main(base: str) -> tuple[unruffled.CallError, int]:
        turns = 0

        async def turn() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0.001)

        policy: Any = {"baseUrl": base, "timeouts": {"attempt": "200ms"}}
        turning = asyncio.create_task(turn())
        async with unruffled.AsyncClient(policy, credentials=lambda: asyncio.to_thread(fetch)) as client:
            with pytest.raises(unruffled.CallError) as raised:
                await asyncio.wait_for(client.get("/a"), 20)
        turning.cancel()
        release.set()
        return raised.value, turns

    with Wire() as wire:
        error, turns = asyncio.run(main(wire.base))
    assert (error.reason, error.outcome, wire.seen) == ("auth", "not-sent", [])
    assert turns > 10
