"""Every await of the driver, and everything that can be thrown there: a table, not a sample.

The host suspends before and after each of its steps; the coroutine is driven by hand, without a loop. What is thrown
comes out untouched or is an attempt's failure; either way the core is left with nothing.
"""

from __future__ import annotations

import asyncio
import types
from collections.abc import Callable, Generator
from typing import Any

import httpx2
import pytest

import unruffled
from unruffled._client.call import VerbCall
from unruffled._core import codes
from unruffled._driver.engine import Engine
from unruffled._driver.loop import drive

from ..play.virtual import Script, World


@types.coroutine
def suspended(step: str) -> Generator[str, None, None]:
    """An await of the host: yields its name."""
    yield step


class Suspending(Script):
    """Suspends before and after each step."""

    async def attempt(self, call: VerbCall, word: int) -> httpx2.Response:
        await suspended("attempt")
        response = await super().attempt(call, word)
        await suspended("attempted")
        return response

    async def read_prefix(self, call: VerbCall, most: int, until: int | None) -> bytes:
        await suspended("gather")
        return await super().read_prefix(call, most, until)

    async def retain(self, call: VerbCall, until: int | None) -> None:
        await suspended("keep")
        await super().retain(call, until)

    async def read(self, call: VerbCall) -> None:
        await suspended("read")

    async def pause(self, engine: Engine, number: int, ms: int) -> None:
        await suspended("pause")
        await super().pause(engine, number, ms)
        await suspended("paused")

    async def refresh(self, engine: Engine, call: VerbCall, number: int, word: int) -> None:
        await suspended("refresh")
        await super().refresh(engine, call, number, word)
        await suspended("refreshed")


Make = Callable[[], tuple[World, Script, VerbCall]]


def made(policy: dict[str, Any], attempts: list[Any], **call: Any) -> Make:
    """What makes a world, a host and a call."""

    def make() -> tuple[World, Script, VerbCall]:
        world = World(policy)
        world.engine.listen(lambda event: None, 255)
        return world, Suspending(world.clock, *attempts), world.call(**call)

    return make


def crowded() -> tuple[World, Script, VerbCall]:
    """The only place is taken: the call parks until its deadline."""
    world, host, call = made({"concurrency": 1}, [200])()
    world.engine.begin(world.engine.handle, 7, 0, 0, 0, codes.REPEATABLE, 0)
    world.engine.numbers = iter(range(100, 200))  # type: ignore[assignment]
    return world, host, call


RULE = {"classify": [{"status": 429, "json": "/code", "is": ["quota"], "as": "fail"}]}
PLAYS: dict[str, Make] = {
    "success": made({}, [200]),
    "retried": made({}, [503, 200]),
    "lost": made({}, [httpx2.ReadError("gone"), 200]),
    "used up": made({"retry": {"attempts": 2}}, [503]),
    "status": made({}, [404]),
    "returned": made({}, [404], raise_=False),
    "body rule": made(RULE, [429, 200]),
    "credentials": made({}, [200], ask=lambda: unruffled.Token("t", None)),
    "refreshed": made({}, [401, 200], ask=lambda: unruffled.Token("t", None)),
    "post": made({}, [httpx2.ReadError("gone")], method="POST", json={}),
    "parked": crowded,
}
THROWN: tuple[type[BaseException], ...] = (
    asyncio.CancelledError,
    KeyboardInterrupt,
    SystemExit,
    GeneratorExit,
    MemoryError,
    RuntimeError,
    TimeoutError,
    httpx2.ReadError,
)
#: Where an exception may be the failure of an attempt.
ATTEMPTS = ("attempt", "attempted")


def steps_of(make: Make) -> list[str]:
    """The awaits of an untouched run."""
    _, host, call = make()
    steps: list[str] = []
    try:
        drove = drive(host, call)
        while True:
            steps.append(str(drove.send(None)))
    except (StopIteration, unruffled.CallError):
        return steps
    finally:
        assert steps


def left(world: World) -> dict[str, Any]:
    now = world.engine.snapshot()
    waits = len(world.engine.waiting._pauses) + len(world.engine.waiting.early)
    return {"inFlight": now["inFlight"], "live": now["live"], "waiting": now["waiting"], "waits": waits}


def nothing(name: str) -> dict[str, Any]:
    """The call that takes the place in `parked` is not ours to end."""
    others = int(name == "parked")
    return {"inFlight": others, "live": others, "waiting": 0, "waits": 0}


@pytest.mark.parametrize("thrown", THROWN)
@pytest.mark.parametrize("name", PLAYS)
def test_whatever_is_thrown_at_an_await_leaves_nothing(name: str, thrown: type[BaseException]) -> None:
    make = PLAYS[name]
    for place, step in enumerate(steps_of(make)):
        world, host, call = make()
        drove = drive(host, call)
        for _ in range(place + 1):
            drove.send(None)
        error = thrown("thrown")
        end: BaseException | None = None
        try:
            drove.throw(error)
            while True:
                drove.send(None)
        except StopIteration:
            pass
        except BaseException as caught:
            end = caught
        if step not in ATTEMPTS or not issubclass(thrown, (TimeoutError, httpx2.HTTPError)):
            handled = thrown is httpx2.ReadError and step == "read"
            assert handled or end is error, (step, end)
        assert left(world) == nothing(name), step


@pytest.mark.parametrize("name", PLAYS)
def test_a_coroutine_that_is_closed_or_forgotten_at_an_await_leaves_nothing(name: str) -> None:
    make = PLAYS[name]
    for place, step in enumerate(steps_of(make)):
        for end in ("closed", "forgotten"):
            world, host, call = make()
            drove = drive(host, call)
            for _ in range(place + 1):
                drove.send(None)
            if end == "closed":
                drove.close()
            del drove
            assert left(world) == nothing(name), (step, end)


def test_the_table_has_each_await_of_the_driver() -> None:
    seen = {step for make in PLAYS.values() for step in steps_of(make)}
    assert seen >= {"attempt", "gather", "keep", "read", "pause", "refresh"}
