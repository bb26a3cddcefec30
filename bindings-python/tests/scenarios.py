"""Plays tests/scenarios against the fault server, which judges: `python -m tests.scenarios [--only NAME] [--trio]`."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import FrameType
from typing import Any

import anyio

from .play.play_async import AsyncPlay
from .play.play_sync import SyncPlay
from .servers.faults import Faults

#: Seconds after which a scenario is given up.
PATIENCE = 30
#: Scenarios played at a time.
WIDTH = 4

Scenario = dict[str, Any]


def play_sync(faults: Faults, scenario: Scenario) -> list[str]:
    """Returns the failures of one scenario with the synchronous client."""
    run, base = faults.begin(scenario.get("server", {}))
    try:
        played = SyncPlay(scenario, base)
        try:
            results = [played.play(act) for act in scenario["do"]]
        finally:
            played.close()
        return judged(faults, run, scenario, played, results)
    finally:
        faults.forget(run)


async def play_async(faults: Faults, scenario: Scenario) -> list[str]:
    """Returns the failures of one scenario with the asynchronous client."""
    run, base = await anyio.to_thread.run_sync(faults.begin, scenario.get("server", {}))
    try:
        played = AsyncPlay(scenario, base)
        results = []
        with anyio.move_on_after(PATIENCE) as scope:
            try:
                results = [await played.play(act) for act in scenario["do"]]
            finally:
                with anyio.CancelScope(shield=True):
                    await played.close()
        if scope.cancelled_caught:
            return [f"given up after {PATIENCE} s"]
        return await anyio.to_thread.run_sync(judged, faults, run, scenario, played, results)
    finally:
        await anyio.to_thread.run_sync(faults.forget, run)


def judged(
    faults: Faults, run: str, scenario: Scenario, played: SyncPlay | AsyncPlay, results: list[dict[str, Any]]
) -> list[str]:
    """Returns the server's judgement."""
    calls = played.credentials.calls if played.credentials else 0
    return faults.check(run, played.runtime, {"scenario": scenario, "results": results, "credentialCalls": calls})


def guarded(play: Callable[[Faults, Scenario], list[str]], faults: Faults, scenario: Scenario) -> list[str]:
    """Returns the failures. An exception is one."""
    try:
        return play(faults, scenario)
    except Exception as error:
        return [f"the runner failed: {type(error).__name__}: {error}"]


def all_sync(faults: Faults, scenarios: list[Scenario]) -> dict[str, list[str]]:
    """Plays four at a time. Those that must be alone or interrupt the main thread come one after the other."""
    failures: dict[str, list[str]] = {}
    alone = [s for s in scenarios if s.get("alone") or any("cancelAfter" in act for act in s["do"])]
    with ThreadPoolExecutor(WIDTH) as pool:
        futures = {s["name"]: pool.submit(guarded, play_sync, faults, s) for s in scenarios if s not in alone}
        for name, future in futures.items():
            try:
                failures[name] = future.result(PATIENCE * 3)
            except TimeoutError:
                failures[name] = ["given up"]

    def late(number: int, frame: FrameType | None) -> None:
        raise TimeoutError(f"given up after {PATIENCE} s")

    signal.signal(signal.SIGALRM, late)
    for scenario in alone:
        signal.alarm(PATIENCE)
        try:
            failures[scenario["name"]] = guarded(play_sync, faults, scenario)
        finally:
            signal.alarm(0)
    return failures


async def all_async(faults: Faults, scenarios: list[Scenario]) -> dict[str, list[str]]:
    """Plays four at a time. Those that must be alone come one after the other."""
    failures: dict[str, list[str]] = {}
    places = anyio.Semaphore(WIDTH)

    async def one(scenario: Scenario) -> None:
        async with places:
            try:
                failures[scenario["name"]] = await play_async(faults, scenario)
            except Exception as error:
                failures[scenario["name"]] = [f"the runner failed: {type(error).__name__}: {error}"]

    async with anyio.create_task_group() as tasks:
        for scenario in scenarios:
            if not scenario.get("alone"):
                tasks.start_soon(one, scenario)
    for scenario in scenarios:
        if scenario.get("alone"):
            await one(scenario)
    return failures


def told(runtime: str, failures: dict[str, list[str]]) -> int:
    """Prints the count; returns how many failed."""
    failed = 0
    for name, texts in sorted(failures.items()):
        failed += bool(texts)
        for text in texts:
            print(f"{name} ({runtime}): {text}")
    rest = f", {failed} failed" if failed else ""
    print(f"scenarios: {len(failures) - failed} passed ({runtime}){rest}", flush=True)
    return failed


def main() -> int:
    """Plays all scenarios with both clients."""
    reads = argparse.ArgumentParser()
    reads.add_argument("--only", help="the name of one scenario")
    reads.add_argument("--runtime", choices=("python-sync", "python-async"))
    reads.add_argument("--trio", action="store_true", help="the asynchronous client on trio")
    asked = reads.parse_args()
    # A program that was started in the background ignores interrupts; here they are how a thread is cancelled.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    failed = 0
    with Faults() as faults:
        for runtime in ("python-sync", "python-async"):
            if asked.runtime not in (None, runtime):
                continue
            chosen = [s for s in faults.scenarios(runtime) if asked.only in (None, s["name"])]
            if runtime == "python-sync":
                failed += told(runtime, all_sync(faults, chosen))
            else:
                backend = "trio" if asked.trio else "asyncio"
                failed += told(runtime, anyio.run(all_async, faults, chosen, backend=backend))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
