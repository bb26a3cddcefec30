"""A scenario with `unruffled.Client` over the stub server: threads that take turns on a virtual clock."""

from __future__ import annotations

from typing import Any
from unittest import mock

import unruffled
from unruffled._driver import pauses
from unruffled._driver.deadline import THREAD_DEADLINE
from unruffled._driver.nested import NESTED

from ..servers.stub_server import Server, StubTransport
from .acts import Credentials, answer_of, options_of, target_of
from .injection import Point, Steps
from .virtual_time import Turn, TurnPause, Turns, VirtualTime

Act = dict[str, Any]


class SyncTorture:
    """One run of one scenario with at most one harm."""

    runtime = "python-sync"

    def __init__(self, clock: VirtualTime, scenario: dict[str, Any], point: Point | None) -> None:
        self._turns = Turns(clock)
        self._calls: dict[Turn, int] = {}
        self._results: dict[int, BaseException | str] = {}
        self._wrong: list[str] = []
        self._scenario = scenario
        self.steps = Steps(
            point, _interrupt, lambda: self._client.close(), lambda: self._calls.get(self._turns.running)
        )
        items = scenario.get("credentials")
        self._credentials = Credentials(items) if items else None
        transport = StubTransport(Server(scenario.get("server", {})), self.steps, self._turns.pause)
        self._client = unruffled.Client(
            {**scenario.get("policy", {}), "baseUrl": "http://api.example.com"},
            credentials=self._token if items else None,
            correlation_id=self._correlation,
            transport=transport,
            trust_env=False,
            event_hooks={"response": [lambda response: self.steps.step("hook")]},
        )

    def _correlation(self) -> str:
        self.steps.step("hook")
        return "c"

    def _token(self) -> str | unruffled.Token:
        assert self._credentials is not None
        self.steps.step("credentials")
        delay, item = self._credentials.next()
        self._turns.pause(delay)
        return self._credentials.given(item)

    def _pause(self) -> _Pause:
        return _Pause(self._turns, self.steps)

    def play(self) -> list[str]:
        """Plays the scenario; returns what is wrong afterwards."""
        with mock.patch.object(pauses, "ThreadPause", self._pause):
            for act in self._scenario["do"]:
                self._play(act)
            live = self._client._live()
            left = self._left(live.engine)
            self._client.close()
        if not live.host.http.is_closed:
            left.append("the connections are not closed")
        return self._wrong + self.steps.wrong(self._results) + left

    def _left(self, engine: Any) -> list[str]:
        now = engine.snapshot()
        left = [f"{name}: {now[name]}" for name in ("inFlight", "live", "waiting") if now[name]]
        if engine.waiting._pauses or engine.waiting.early:
            left.append(f"pauses {engine.waiting._pauses}, early wakes {engine.waiting.early}")
        return left

    def _play(self, act: Act) -> None:
        if "pause" in act:
            self._turns.pause(act["pause"] / 1000)
        elif "close" in act:
            self._client.close()
        elif "together" not in act:
            self._call(act, 0)
        else:
            # `width` callers take the calls one after the other.
            numbers = iter(range(act["together"]))

            def caller() -> None:
                for number in numbers:
                    self._call(act, number)
                    if "every" in act:
                        return

            count: int = act["together"]
            places = count if "every" in act else int(act.get("width", count))
            for place in range(places):
                self._turns.start(caller, place * act.get("every", 0) / 1000)
        self._turns.join()

    def _call(self, act: Act, number: int) -> None:
        turn = self._turns.running
        call = self._calls[turn] = len(self._results)
        self._results[call] = "runs"
        if "closeAfter" in act:
            self._turns.start(self._client.close, act["closeAfter"] / 1000)
        if "cancelAfter" in act:
            turn.interrupted_at = self._turns.clock.at + act["cancelAfter"] / 1000
        try:
            self._results[call] = self._read(act, number)
        except KeyboardInterrupt:
            self._results[call] = "cancelled"
        except BaseException as error:
            self._results[call] = error
        turn.interrupted_at = float("inf")
        del self._calls[turn]
        if THREAD_DEADLINE.at is not None or NESTED.get() is not None:
            self._wrong.append("a call left a deadline with its thread")

    def _read(self, act: Act, number: int) -> str:
        method, path = target_of(act)
        options = options_of(act, number)
        if act.get("stream"):
            with self._client.stream(method, path, **options) as response:
                return str(sum(len(piece) for piece in response.iter_bytes()))
        return str(answer_of(act, self._client.request(method, path, **options)))


class _Pause(TurnPause):
    """A pause that is a step."""

    def __init__(self, turns: Turns, steps: Steps) -> None:
        super().__init__(turns)
        self._steps = steps

    def wait(self, seconds: float) -> None:
        bent = self._steps.bent("pause")
        super().wait(0 if bent == "early" else seconds + 30 if bent == "late" else seconds)


def _interrupt() -> None:
    raise KeyboardInterrupt
