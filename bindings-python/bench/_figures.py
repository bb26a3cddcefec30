"""Figures of a bench program: calls of several clients in turn, medians over the rounds, a JSON line each."""

from __future__ import annotations

import json
import random
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

Get = Callable[[], object]
AsyncGet = Callable[[], Awaitable[object]]
#: A round's figure of each client.
Rounds = list[list[float]]

QUICK = "--quick" in sys.argv
_DRAW = random.Random(1)


def told(table: str, row: str, column: str, values: list[float], unit: str) -> None:
    """Prints the median of the rounds' values, and half their interquartile range."""
    line: dict[str, Any] = {"table": f"Python: {table}", "row": row, "column": column}
    line["value"] = round(statistics.median(values), 3)
    if len(values) > 3:
        low, _, high = statistics.quantiles(values, n=4)
        line["spread"] = round((high - low) / 2, 3)
    print(json.dumps({**line, "unit": unit}, ensure_ascii=False), flush=True)


def _order(gets: Sequence[object]) -> list[int]:
    return _DRAW.sample(range(len(gets)), len(gets))


def batches(gets: list[Get], rounds: int, batch: int, clock: Callable[[], int] = time.process_time_ns) -> Rounds:
    """µs of a call of each client: batches in an order drawn for each round. The first rounds are warm-up."""
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
    """The same for asynchronous clients."""
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
    """µs of wall time of each client, call by call in an order drawn for each round: a neighbour leaves its traces."""
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
    """The same for asynchronous clients."""
    taken: Rounds = []
    for _ in range(rounds + warm):
        row = [0.0] * len(gets)
        for which in _order(gets):
            start = time.perf_counter_ns()
            await gets[which]()
            row[which] = (time.perf_counter_ns() - start) / 1000
        taken.append(row)
    return taken[warm:]


def blocks(taken: Rounds, which: int, bare: int | None = None, control: int | None = None) -> list[float]:
    """Of calls in turn: the median of each of fifteen blocks; over the bare client, and the control's taken off."""
    values = []
    size = max(1, len(taken) // 15)
    for at in range(0, len(taken) - size + 1, size):
        rows = taken[at : at + size]
        value = statistics.median(row[which] - (0.0 if bare is None else row[bare]) for row in rows)
        if bare is not None and control is not None:
            value -= statistics.median(row[control] - row[bare] for row in rows)
        values.append(value)
    return values
