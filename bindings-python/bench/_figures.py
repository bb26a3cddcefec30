"""Figures of a bench program: calls of several clients in turn, a JSON line for the rounds of each."""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

Get = Callable[[], object]
AsyncGet = Callable[[], Awaitable[object]]
#: The figures of each round, one for each client.
Rounds = list[list[float]]

QUICK = "--quick" in sys.argv
_DRAW = random.Random(1)


#: Single calls of each round.
Calls = Sequence[Sequence[float]]


def figure(
    table: str,
    row: str,
    column: str,
    rounds: Sequence[float] | Calls,
    unit: str,
    percent: int = 50,
    less: Calls = (),
) -> None:
    """Prints the rounds: each a number, or its single calls, of which `percent` is taken; `less` is taken off."""
    line: dict[str, Any] = {"table": f"Python: {table}", "row": row, "column": column, "unit": unit}
    line |= {"rounds": [_short(one) for one in rounds], "percent": percent, "less": [_short(one) for one in less]}
    print(json.dumps(line, ensure_ascii=False), flush=True)


def _short(one: float | Sequence[float]) -> float | list[float]:
    return [round(call, 3) for call in one] if isinstance(one, Sequence) else round(one, 3)


def _order(gets: Sequence[object]) -> list[int]:
    return _DRAW.sample(range(len(gets)), len(gets))


def batches(gets: list[Get], rounds: int, batch: int, clock: Callable[[], int] = time.process_time_ns) -> Rounds:
    """Measures µs of a call of each client: batches in random order in each round. The first rounds are warm-up."""
    taken: Rounds = []
    for _ in range(rounds + 2):
        row = [0.0] * len(gets)
        for which in _order(gets):
            get = gets[which]
            start = clock()
            for _ in range(batch):
                get()
            row[which] = (clock() - start) / batch / 1000
        taken.append(row)
    return taken[2:]


async def async_batches(gets: list[AsyncGet], rounds: int, batch: int) -> Rounds:
    """Does the same for asynchronous clients."""
    taken: Rounds = []
    for _ in range(rounds + 2):
        row = [0.0] * len(gets)
        for which in _order(gets):
            get = gets[which]
            start = time.process_time_ns()
            for _ in range(batch):
                await get()
            row[which] = (time.process_time_ns() - start) / batch / 1000
        taken.append(row)
    return taken[2:]


def pairs(gets: list[Get], rounds: int, warm: int) -> Rounds:
    """Measures µs of wall time of each client: call by call in random order in each round."""
    taken: Rounds = []
    for _ in range(rounds + warm):
        row = [0.0] * len(gets)
        for which in _order(gets):
            start = time.perf_counter_ns()
            gets[which]()
            row[which] = (time.perf_counter_ns() - start) / 1000
        taken.append(row)
    return taken[warm:]


async def async_pairs(gets: list[AsyncGet], rounds: int, warm: int) -> Rounds:
    """Does the same for asynchronous clients."""
    taken: Rounds = []
    for _ in range(rounds + warm):
        row = [0.0] * len(gets)
        for which in _order(gets):
            start = time.perf_counter_ns()
            await gets[which]()
            row[which] = (time.perf_counter_ns() - start) / 1000
        taken.append(row)
    return taken[warm:]


def blocks(taken: Rounds, which: int, bare: int | None = None) -> list[list[float]]:
    """Returns fifteen blocks of calls in turn: the time of each call, or its difference from the bare client's."""
    size = max(1, len(taken) // 15)
    calls = [row[which] - (0.0 if bare is None else row[bare]) for row in taken]
    return [calls[at : at + size] for at in range(0, len(taken) - size + 1, size)]
