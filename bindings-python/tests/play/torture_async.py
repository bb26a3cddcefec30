"""A scenario with `unruffled.AsyncClient` over the stub server, on an asyncio loop whose time is virtual."""

from __future__ import annotations

import asyncio
from typing import Any
from unittest import mock

import unruffled
from unruffled._driver import event_loops as _loops

from ..servers.stub_server import AsyncStubTransport, Server
from .acts import Credentials, answer_of, options_of, target_of
from .injection import Point, Steps
from .virtual_time import HungError, VirtualLoop, VirtualTime

Act = dict[str, Any]
Task = asyncio.Task[None]


class AsyncTorture:
    """One run of one scenario with at most one harm."""

    runtime = "python-async"

    def __init__(self, clock: VirtualTime, scenario: dict[str, Any], point: Point | None) -> None:
        self._clock = clock
        self._calls: dict[Any, int] = {}
        self._results: dict[int, BaseException | str] = {}
        self._scenario = scenario
        self.steps = Steps(point, self._cancel, self._close, lambda: self._calls.get(asyncio.current_task()))
        items = scenario.get("credentials")
        self._credentials = Credentials(items) if items else None
        transport = AsyncStubTransport(Server(scenario.get("server", {})), self.steps, asyncio.sleep)
        self._client = unruffled.AsyncClient(
            {**scenario.get("policy", {}), "baseUrl": "http://api.example.com"},
            credentials=self._token if items else None,
            correlation_id=self._correlation,
            transport=transport,
            trust_env=False,
            event_hooks={"response": [self._responded]},
        )

    def _correlation(self) -> str:
        self.steps.step("hook")
        return "c"

    async def _responded(self, response: object) -> None:
        self.steps.step("hook")
        await asyncio.sleep(0)

    async def _token(self) -> str | unruffled.Token:
        assert self._credentials is not None
        self.steps.step("credentials")
        delay, item = self._credentials.next()
        await asyncio.sleep(delay)
        return self._credentials.given(item)

    def _cancel(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()

    def _close(self) -> None:
        task = asyncio.get_running_loop().create_task(self._client.aclose())
        self._closing.append(task)

    def play(self) -> list[str]:
        """Plays the scenario; returns what is wrong afterwards."""
        self._closing: list[Task] = []
        loop = VirtualLoop(self._clock)
        steps = self.steps

        async def wait(pause: _loops.AsyncioPause, seconds: float) -> None:
            bent = steps.bent("pause")
            await _wait(pause, 0 if bent == "early" else seconds + 30 if bent == "late" else seconds)

        try:
            with mock.patch.object(_loops.AsyncioPause, "wait", wait):
                left = loop.run_until_complete(self._whole())
            timers, tasks = loop.left()
        finally:
            loop.close()
        if timers or tasks:
            left.append(f"{timers} timers and {tasks} tasks are left")
        return steps.wrong(self._results) + left

    async def _whole(self) -> list[str]:
        for act in self._scenario["do"]:
            await self._play(act)
        await asyncio.gather(*self._closing, return_exceptions=True)
        live = self._client._live()
        # A refresh outlives its call.
        host = self._client._state.here(live)[1]
        await asyncio.gather(*host.loop._tasks, return_exceptions=True)  # type: ignore[attr-defined]
        left = self._left(live.engine)
        await self._client.aclose()
        if not host.http.is_closed:
            left.append("the connections are not closed")
        return left

    def _left(self, engine: Any) -> list[str]:
        now = engine.snapshot()
        left = [f"{name}: {now[name]}" for name in ("inFlight", "live", "waiting") if now[name]]
        if engine.waiting._pauses or engine.waiting.early:
            left.append(f"pauses {engine.waiting._pauses}, early wakes {engine.waiting.early}")
        return left

    async def _play(self, act: Act) -> None:
        loop = asyncio.get_running_loop()
        if "pause" in act:
            await asyncio.sleep(act["pause"] / 1000)
        elif "close" in act:
            await self._client.aclose()
        elif "together" not in act:
            await asyncio.gather(loop.create_task(self._call(act, 0)), return_exceptions=True)
        else:
            # `width` callers take the calls one after the other.
            numbers = iter(range(act["together"]))

            async def caller(place: int) -> None:
                await asyncio.sleep(place * act.get("every", 0) / 1000)
                for number in numbers:
                    # In a task of its own: a cancelled call must not cancel the next.
                    await asyncio.gather(loop.create_task(self._call(act, number)), return_exceptions=True)
                    if "every" in act:
                        return

            count: int = act["together"]
            places = count if "every" in act else int(act.get("width", count))
            await asyncio.gather(*(caller(place) for place in range(places)))

    async def _call(self, act: Act, number: int) -> None:
        task = asyncio.current_task()
        assert task is not None
        loop = asyncio.get_running_loop()
        call = self._calls[task] = len(self._results)
        self._results[call] = "runs"
        timers = []
        if "closeAfter" in act:
            timers.append(loop.call_later(act["closeAfter"] / 1000, self._close))
        if "cancelAfter" in act:
            timers.append(loop.call_later(act["cancelAfter"] / 1000, task.cancel))
        try:
            try:
                self._results[call] = await self._read(act, number)
            finally:
                # A cancellation that came too late for the call arrives here; one that was swallowed does not.
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            self._results[call] = "cancelled"
        except HungError:
            raise
        except BaseException as error:
            self._results[call] = error
        for timer in timers:
            timer.cancel()
        del self._calls[task]

    async def _read(self, act: Act, number: int) -> str:
        method, path = target_of(act)
        options = options_of(act, number)
        if act.get("stream"):
            async with self._client.stream(method, path, **options) as response:
                return str(sum([len(piece) async for piece in response.aiter_bytes()]))
        return str(answer_of(act, await self._client.request(method, path, **options)))


_wait = _loops.AsyncioPause.wait
