"""Measures calls a second of one process on loopback, and the 99th percentile: `python bench/throughput.py [--quick]`.

Threads or asyncio tasks call as fast as they can; the clients take turns of a second, several rounds.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

from bench import _contestants as contestants
from bench._contestants import CONTROL, Contestant
from bench._figures import QUICK, figure
from bench._loopback import serving

TABLE = "throughput of one process on loopback"
ROUNDS, SECONDS = (1, 0.2) if QUICK else (7, 1.0)
THREADS = (1, 8)
TASKS = (1, 64)

#: Calls a second, and ms of each call.
Turn = tuple[float, list[float]]


def by_threads(get: Callable[[], Any], count: int) -> Turn:
    """Calls in so many threads for a turn."""
    taken: list[list[float]] = [[] for _ in range(count)]
    begin = time.perf_counter()

    def work(mine: list[float]) -> None:
        start = time.perf_counter()
        while start < begin + SECONDS:
            get()
            end = time.perf_counter()
            mine.append(end - start)
            start = end

    threads = [threading.Thread(target=work, args=(mine,)) for mine in taken]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return summed(taken, time.perf_counter() - begin)


async def by_tasks(get: Callable[[], Any], count: int) -> Turn:
    """Calls in so many tasks for a turn."""
    taken: list[list[float]] = [[] for _ in range(count)]
    begin = time.perf_counter()

    async def work(mine: list[float]) -> None:
        start = time.perf_counter()
        while start < begin + SECONDS:
            await get()
            end = time.perf_counter()
            mine.append(end - start)
            start = end

    await asyncio.gather(*(work(mine) for mine in taken))
    return summed(taken, time.perf_counter() - begin)


def summed(taken: list[list[float]], seconds: float) -> Turn:
    """Returns the figures of a turn."""
    calls = [one for mine in taken for one in mine]
    return len(calls) / seconds, [one * 1000 for one in calls]


def tell(found: list[Contestant], turns: list[list[Turn]], column: str) -> None:
    """Prints the lines of a run, and each client's share of its bare client's calls."""
    bare = [turn[0] for turn in turns[0]]
    for one, mine in zip(found, turns, strict=True):
        figure(TABLE, one.row, column, [calls for calls, _ in mine], "calls/s")
        figure(f"{TABLE}: p99 of a call", one.row, column, [calls for _, calls in mine], "ms", percent=99)
        if one.over == found[0].row:
            part = [calls / own for (calls, _), own in zip(mine, bare, strict=True)]
            figure(f"{TABLE}: beside the bare client", one.row, column, part, "x")


def chosen(found: list[Contestant]) -> list[Contestant]:
    """Returns all clients but the control."""
    return [one for one in found if one.row != CONTROL]


async def asynchronous(base: str) -> None:
    """Measures the clients of one loop."""
    found = chosen(contestants.async_httpx2(base, False))
    for count in TASKS:
        for one in found:
            await one.get()
        turns: list[list[Turn]] = [[] for _ in found]
        for _ in range(ROUNDS):
            for place, one in enumerate(found):
                turns[place].append(await by_tasks(one.get, count))
        tell(found, turns, f"tasks: {count}")


def main() -> None:
    """Measures everything."""
    with serving() as base:
        found = chosen(contestants.sync_httpx2(base, False))
        for count in THREADS:
            for one in found:
                one.get()
            turns: list[list[Turn]] = [[] for _ in found]
            for _ in range(ROUNDS):
                for place, one in enumerate(found):
                    turns[place].append(by_threads(one.get, count))
            tell(found, turns, f"threads: {count}")
        asyncio.run(asynchronous(base))


if __name__ == "__main__":
    main()
