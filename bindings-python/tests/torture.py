"""Fails and cancels each step of the host in turn, in every scenario: `python -m tests.torture [--only NAME] [--all]`.

A run plays a scenario over the stub server on a virtual clock. The first run is untouched and counts its steps (send,
headers, a piece of a body, closing an answer, a pause, credentials, a hook). Then there is a run for each step and each
harm that is possible there. No run may hang or leave a permit, call, waiter, timer, task, thread or open answer. An
exception or a cancellation of the caller's own must come out unchanged.
"""

from __future__ import annotations

import argparse
import gc
import json
import logging
import random
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any

from .play.injection import HARMS, Point
from .play.torture_async import AsyncTorture
from .play.torture_sync import SyncTorture
from .play.virtual_time import HungError, VirtualTime

ROOT = Path(__file__).resolve().parents[2] / "tests" / "scenarios"
#: The most calls that a scenario makes at once: enough for a queue, a breaker and a limit.
TOGETHER = 24
#: The number of steps drawn from a run that has more; `--all` takes each.
STEPS = 12

Torture = type[SyncTorture] | type[AsyncTorture]
Scenario = dict[str, Any]


def scenarios(only: str | None) -> list[Scenario]:
    """Returns the scenarios of the Python clients, with fewer calls."""
    found = []
    for file in sorted(ROOT.rglob("*.json")):
        scenario = json.loads(file.read_text("utf-8"))
        if scenario.get("client") == "dropin" or only not in (None, scenario["name"]):
            continue
        for act in scenario["do"]:
            if "together" in act:
                act["together"] = min(act["together"], TOGETHER)
        found.append(scenario)
    return found


def points(kinds: list[str], every: bool) -> list[Point]:
    """Returns the harms for a run with these steps."""
    steps = list(range(len(kinds)))
    if not every and len(kinds) > STEPS:
        # Each kind at least once. Drawn, since steps repeat at regular distances. The same ones in every run.
        drawn = random.Random(len(kinds)).sample(range(len(kinds)), STEPS)
        steps = sorted({kinds.index(kind) for kind in kinds} | set(drawn))
    return [Point(step, kinds[step], harm) for step in steps for harm in HARMS[kinds[step]]]


def played(
    torture: Torture, clock: VirtualTime, scenario: Scenario, point: Point | None
) -> tuple[list[str], list[str]]:
    """Plays a run; returns its steps and what is wrong with it."""
    clock.begin()
    run = torture(clock, scenario, point)
    try:
        wrong = run.play()
    except HungError as error:
        wrong = [f"hung: {error}"]
    return run.steps.kinds, wrong


def tortured(torture: Torture, only: str | None, every: bool) -> int:
    """Plays all scenarios with one kind of client, and prints the table; returns how many points failed."""
    clock = VirtualTime()
    good: Counter[tuple[str, str]] = Counter()
    failed = 0
    threads = set(threading.enumerate())
    with clock.installed():
        for scenario in scenarios(only):
            kinds, wrong = played(torture, clock, scenario, None)
            if wrong:
                failed += 1
                print(f"{scenario['name']} ({torture.runtime}), untouched: {'; '.join(wrong)}")
            for point in points(kinds, every):
                _, wrong = played(torture, clock, scenario, point)
                if wrong:
                    failed += 1
                    print(f"{scenario['name']} ({torture.runtime}), {point}: {'; '.join(wrong)}")
                else:
                    good[point.kind, point.harm] += 1
    told(torture.runtime, good, failed)
    for thread in set(threading.enumerate()) - threads:
        thread.join(5)
        if thread.is_alive():
            failed += 1
            print(f"a thread is left: {thread}")
    return failed


def told(runtime: str, good: Counter[tuple[str, str]], failed: int) -> None:
    """Prints the table and the count."""
    for kind, harms in HARMS.items():
        print(f"  {kind:<12}" + "".join(f"{harm} {good[kind, harm]:>5}   " for harm in harms))
    rest = f", {failed} failed" if failed else ""
    print(f"torture: {good.total()} points passed ({runtime}){rest}", flush=True)


def main() -> int:
    """Plays both clients."""
    reads = argparse.ArgumentParser()
    reads.add_argument("--only", help="the name of one scenario")
    reads.add_argument("--runtime", choices=("python-sync", "python-async"))
    reads.add_argument("--all", action="store_true", help="every step, however many")
    asked = reads.parse_args()
    # Listeners that raise and dropped events are logged. Here both are intended.
    logging.disable(logging.CRITICAL)
    gc.freeze()
    kinds: tuple[Torture, ...] = (SyncTorture, AsyncTorture)
    failed = sum(tortured(t, asked.only, asked.all) for t in kinds if asked.runtime in (None, t.runtime))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
