"""Under a clock of trio's tests limits and waits go by that clock, as trio's own do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import httpx2
import pytest
import trio
import trio.testing

import unruffled
import unruffled.httpx
import unruffled.httpx2

from ..servers.wire import Wire, silence

#: More than any test may take by the machine's time.
ATTEMPT = 1000


def _policy(base: str) -> dict[str, Any]:
    return {"baseUrl": base, "timeouts": {"attempt": f"{ATTEMPT}s", "total": "1h"}, "retry": {"attempts": 1}}


async def _moved(wire: Wire, clock: trio.testing.MockClock, get: Callable[[], Awaitable[Any]]) -> BaseException:
    """What a call ends with whose server is silent, when the clock is moved beyond the attempt's time."""
    ended: list[BaseException] = []

    async def call() -> None:
        try:
            await get()
        except Exception as error:
            ended.append(error)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(call)
        while not wire.seen:
            await trio.to_thread.run_sync(wire.settled, 1)
        # One second too little: nothing ends yet.
        clock.jump(ATTEMPT - 1)
        await trio.testing.wait_all_tasks_blocked()
        assert not ended
        clock.jump(2)
    return ended[0]


@pytest.mark.parametrize("side", ["client", "httpx2", "httpx"])
def test_moving_trios_clock_ends_an_attempt(side: str) -> None:
    async def main() -> BaseException:
        clock = trio.lowlevel.current_clock()
        assert isinstance(clock, trio.testing.MockClock)
        if side == "client":
            async with unruffled.AsyncClient(_policy(wire.base)) as ours:
                return await _moved(wire, clock, lambda: ours.get("/a"))
        module: Any = unruffled.httpx2 if side == "httpx2" else unruffled.httpx
        async with module.async_client(_policy(wire.base), timeout=None) as theirs:
            return await _moved(wire, clock, lambda: theirs.get(f"{wire.base}/a"))

    with Wire(then=silence) as wire:
        error = trio.run(main, clock=trio.testing.MockClock())
    if side == "client":
        assert isinstance(error, unruffled.CallError)
        assert error.reason == "timeout"
    else:
        assert type(error) is (httpx2.ReadTimeout if side == "httpx2" else httpx.ReadTimeout)


def test_waits_jump_with_trios_clock_and_the_engine_with_them() -> None:
    async def main() -> tuple[float, int]:
        answers = iter([503, 503, 200])
        transport = httpx2.MockTransport(lambda request: httpx2.Response(next(answers)))
        policy: Any = {"baseUrl": "https://api.example.com", "timeouts": {"total": "1h"}}
        policy["retry"] = {"base": "10m", "cap": "10m", "jitter": "none"}
        async with unruffled.AsyncClient(policy, transport=transport) as client:
            began = trio.current_time()
            response = await client.get("/a")
            live = client._state.live
            assert live is not None
            assert response.status_code == 200
            return trio.current_time() - began, live.engine.now()

    passed, engine = trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    assert passed > 60
    assert engine == pytest.approx(passed * 1000, abs=2000)
