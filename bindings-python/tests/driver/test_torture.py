"""The torture finds faults that are planted in the package, one at each point."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from unruffled._driver.engine import Engine

from ..play.injection import HARMS, Point
from ..play.torture_async import AsyncTorture
from ..play.torture_sync import SyncTorture
from ..play.virtual_time import VirtualTime
from ..torture import played, points, scenarios

BOTH = pytest.mark.parametrize("torture", [SyncTorture, AsyncTorture])
SCENARIO = {"policy": {}, "server": {"answers": [{"status": 503}]}, "do": [{"call": "GET /x"}]}


def run(torture: Any, point: Point | None, scenario: dict[str, Any] = SCENARIO) -> tuple[list[str], list[str]]:
    clock = VirtualTime()
    with clock.installed():
        return played(torture, clock, scenario, point)


@BOTH
def test_a_run_names_its_steps(torture: Any) -> None:
    kinds, wrong = run(torture, None)
    attempt = ["send", "headers", "hook", "read", "close"]
    assert (kinds, wrong) == (["hook", *attempt, "pause", *attempt], [])


@BOTH
def test_a_call_that_is_not_given_back_is_found(torture: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Engine, "abandon", lambda engine, number: None)
    # Closing waits for the call in vain, a hundredth of a second at a time.
    monkeypatch.setattr("tests.play.virtual_time.PATIENCE", 20.0)
    _, wrong = run(torture, Point(1, "send", "cancel"))
    assert wrong
    assert "inFlight: 1" in wrong or "hung" in wrong[0]


@BOTH
def test_an_answer_that_stays_open_is_found(torture: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def aclose(response: httpx2.Response) -> None:
        return None

    monkeypatch.setattr(httpx2.Response, "close", lambda response: None)
    monkeypatch.setattr(httpx2.Response, "aclose", aclose)
    _, wrong = run(torture, None)
    assert wrong == ["2 answers are open"]


@BOTH
def test_an_error_that_does_not_come_out_is_found(torture: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unruffled._client.endings.fault_of", lambda error, reading: 0)
    _, wrong = run(torture, Point(1, "send", "error"))
    assert len(wrong) == 1
    assert wrong[0].startswith("MineError('injected') became")


@BOTH
def test_a_wait_that_nobody_ends_is_found(torture: Any) -> None:
    endless = {**SCENARIO, "do": [{"pause": 10_000_000}]}
    _, wrong = run(torture, None, endless)
    assert wrong == ["hung: virtual minutes have passed"] or wrong == ["hung: everybody waits"]


def test_every_kind_of_step_is_drawn_and_every_harm_done() -> None:
    kinds = ["send", "headers", "read"] * 20 + ["credentials", "pause", "hook", "close"]
    drawn = points(kinds, every=False)
    assert {(point.kind, point.harm) for point in drawn} == {(kind, harm) for kind in HARMS for harm in HARMS[kind]}
    assert len(points(kinds, every=True)) > len(drawn)


def test_all_scenarios_of_the_verbs_are_played() -> None:
    assert len(scenarios(None)) > 100
