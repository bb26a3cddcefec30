"""Plays tests/adapters under real clients, each with a drop-in and, for comparison, bare.

    python -m tests.clients [--client NAME[,NAME]] [--mode unruffled|bare] [--scenario NAME[,NAME]] [--examples]

How to add a client: see `client`. Also plays the Python examples of examples/adapters. The table goes to the file in
UNRUFFLED_ADAPTERS; what is a failure there, xtask says. An example that fails does fail this program.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib
import importlib.metadata
import json
import os
import pkgutil
import queue
import re
import signal
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, cast

from ..play.examples import all_examples, failures_of
from ..servers.faults import Faults
from .client import AsyncClient, Kind, Setup, SyncClient
from .play import AsyncPlay, SyncPlay, Tokens

#: Seconds after which a scenario is given up.
PATIENCE = 30
#: Scenarios played at a time.
WIDTH = 8
_HEALTHY = {"then": {"sdk": "json"}}
_LATE = f"not over after {PATIENCE * 1000} ms"


@dataclass
class Row:
    """One scenario with one client in one mode."""

    kind: Kind
    mode: str
    scenario: dict[str, Any]
    failures: list[str] = field(default_factory=lambda: [_LATE])

    @property
    def alone(self) -> bool:
        return bool(self.scenario.get("alone"))

    @property
    def interrupts(self) -> bool:
        """Returns whether the scenario cancels a call: by a KeyboardInterrupt, which only the main thread gets."""
        return issubclass(self.kind.make, SyncClient) and any("cancelAfter" in act for act in self.scenario["do"])

    def setup(self, base: str) -> Setup:
        policy = self.scenario.get("policy", {})
        limit = policy.get("timeouts", {}).get("attempt") if self.mode == "bare" else None
        return Setup(
            base,
            {**policy, "baseUrl": base} if self.mode == "unruffled" else None,
            None if limit is None else seconds(limit),
            list(self.scenario.get("credentials", [])),
        )


def seconds(duration: str | int) -> float:
    """Returns a policy's duration in seconds."""
    if isinstance(duration, int):
        return duration / 1000
    return float(duration.removesuffix("ms")) / 1000 if duration.endswith("ms") else float(duration.removesuffix("s"))


def play(faults: Faults, row: Row) -> list[str]:
    """Returns the failures of a row. An exception of the runner's is one."""
    run = re.sub(r"[^A-Za-z0-9._-]", "-", f"{row.kind.name}-{row.mode}-{row.scenario['name']}")
    try:
        _, base = faults.begin(_HEALTHY, run)
        tokens = Tokens(row.scenario.get("credentials", []))
        setup = row.setup(base)
        script = row.scenario.get("server", {})
        if issubclass(row.kind.make, SyncClient):
            results = _threads(faults, row, run, setup, script, tokens)
        else:
            results = asyncio.run(asyncio.wait_for(_tasks(faults, row, run, setup, script, tokens), PATIENCE))
        played = {"scenario": row.scenario, "results": results, "credentialCalls": tokens.calls}
        return faults.check(run, "adapters", played)
    except TimeoutError:
        return [_LATE]
    except KeyboardInterrupt:
        return ["the interruption came out beside the call"]
    except Exception as error:
        return [f"the runner failed: {type(error).__name__}: {error}"]
    finally:
        # A client that hung may come back when the server is gone.
        with contextlib.suppress(Exception):
            faults.forget(run)


def _threads(faults: Faults, row: Row, run: str, setup: Setup, script: Any, tokens: Tokens) -> list[dict[str, Any]]:
    client = cast(SyncClient, row.kind.make(setup))
    try:
        client.open()
        faults.begin(script, run)
        played = SyncPlay(client, tokens)
        return [played.play(act) for act in row.scenario["do"]]
    finally:
        client.close()


async def _tasks(faults: Faults, row: Row, run: str, setup: Setup, script: Any, tokens: Tokens) -> list[dict[str, Any]]:
    client = cast(AsyncClient, row.kind.make(setup))
    try:
        await client.open()
        await asyncio.to_thread(faults.begin, script, run)
        played = AsyncPlay(client, tokens)
        return [await played.play(act) for act in row.scenario["do"]]
    finally:
        await client.close()


def play_all(faults: Faults, rows: list[Row]) -> None:
    """Eight at a time, in threads that nobody waits for: one that hangs is given up. Those that want it: alone."""
    ended: queue.SimpleQueue[Row] = queue.SimpleQueue()
    todo = iter([row for row in rows if not row.alone and not row.interrupts])
    begun: dict[int, tuple[Row, float]] = {}

    def one(row: Row) -> None:
        failures = play(faults, row)
        if id(row) in begun:
            row.failures = failures
            ended.put(row)

    def start_next() -> None:
        row = next(todo, None)
        if row is not None:
            begun[id(row)] = (row, time.monotonic())
            threading.Thread(target=one, args=(row,), daemon=True).start()

    def pool() -> None:
        for _ in range(WIDTH):
            start_next()
        while begun:
            try:
                gone = [ended.get(timeout=0.5)]
            except queue.Empty:
                gone = [row for row, at in begun.values() if time.monotonic() > at + PATIENCE + 1]
            for row in gone:
                if begun.pop(id(row), None):
                    start_next()

    others = threading.Thread(target=pool)
    others.start()
    for row in rows:
        if row.interrupts and not row.alone:
            with _limited():
                row.failures = play(faults, row)
    others.join()
    for row in rows:
        if row.alone:
            with _limited():
                row.failures = play(faults, row)


@contextlib.contextmanager
def _limited() -> Iterator[None]:
    """Interrupts the main thread after the time for a scenario."""

    def late(number: int, frame: FrameType | None) -> None:
        raise TimeoutError(_LATE)

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(PATIENCE)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def all_kinds() -> list[Kind]:
    """Returns the kinds of all files beside this one."""
    here = [str(Path(__file__).parent)]
    names = sorted(module.name for module in pkgutil.iter_modules(here) if module.name != "__main__")
    modules = [importlib.import_module(f".{name}", __package__) for name in names]
    return [kind for module in modules for kind in getattr(module, "CLIENTS", ())]


def told(rows: list[Row], shown: str | None) -> None:
    """Prints the failures and writes the table."""
    table = [
        {
            "runtime": "python",
            "client": row.kind.name,
            "version": importlib.metadata.version(row.kind.package),
            "under": row.kind.under,
            "mode": row.mode,
            "scenario": row.scenario["name"],
            "failures": row.failures,
        }
        for row in rows
    ]
    file = os.environ.get("UNRUFFLED_ADAPTERS")
    if file:
        Path(file).write_text(json.dumps(table, indent=1) + "\n")
    for row in rows:
        if row.failures and row.mode == (shown or "unruffled"):
            print(f"{row.kind.name} {row.mode} {row.scenario['name']}: {'; '.join(row.failures)}")
    passed = sum(row.mode == "unruffled" and not row.failures for row in rows)
    print(f"adapters: {passed} passed (python)", flush=True)


def play_examples(faults: Faults) -> bool:
    """Plays the examples; returns whether all passed."""
    examples = all_examples()
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda example: failures_of(faults, example), examples))
    for example, failures in zip(examples, found, strict=True):
        for text in failures:
            print(f"examples/adapters/{example.name}: {text}")
    print(f"examples: {sum(not failures for failures in found)} passed (python)", flush=True)
    return not any(found)


def main() -> int:
    """Plays the chosen clients, scenarios and examples."""
    reads = argparse.ArgumentParser()
    for option in ("client", "mode", "scenario"):
        reads.add_argument(f"--{option}")
    reads.add_argument("--examples", action="store_true", help="the examples alone")
    asked = reads.parse_args()
    # A program that was started in the background ignores interrupts; here they are how a thread is cancelled.
    signal.signal(signal.SIGINT, signal.default_int_handler)

    def chosen(option: str, name: str) -> bool:
        wanted = getattr(asked, option)
        return wanted is None or name in wanted.split(",")

    well = True
    with Faults("tests/adapters") as faults:
        if not asked.examples:
            scenarios = [s for s in faults.scenarios("adapters") if chosen("scenario", s["name"])]
            rows = [
                Row(kind, mode, scenario)
                for kind in all_kinds()
                if chosen("client", kind.name)
                for mode in ("unruffled", "bare")
                if chosen("mode", mode)
                for scenario in scenarios
            ]
            play_all(faults, rows)
            told(rows, asked.mode)
        if asked.client is asked.scenario is None and asked.mode != "bare":
            well = play_examples(faults)
    return 0 if well else 1


if __name__ == "__main__":
    code = main()
    # Threads of clients that hang must not keep us.
    sys.stdout.flush()
    os._exit(code)
