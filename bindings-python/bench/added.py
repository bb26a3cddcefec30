"""Measures what a layer adds to a successful call of its bare client: `python bench/added.py [--quick]`.

Stub: a transport in memory, CPU time, batches in turn. Loopback: a server in another process, call by call in turn,
wall time, less the difference of a second bare client (the control). Beside busy threads: pure Python loops that always
ask for the GIL, wall time.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

from bench import _contestants as contestants
from bench._contestants import BARE2, CONTROL, Contestant
from bench._figures import QUICK, Rounds, async_batches, async_pairs, batches, blocks, figure, pairs
from bench._loopback import serving
from unruffled._core import boundary, codes

STUB = "added per call over the same bare client, stub transport"
LOOPBACK = "added per call over the same bare client, loopback"
BARE = "the bare clients, a call"
BUSY = "a call beside busy threads"
CROSSINGS = "both crossings of a successful call"
BASE = "https://api.example.com/v1"
ROUNDS, BATCH = (7, 20) if QUICK else (41, 100)
PAIRS = 60 if QUICK else 1500


def added(table: str, where: str, column: str, found: list[Contestant], taken: Rounds, in_blocks: bool) -> None:
    """Prints the lines of a run: bare clients as measured, layers less their bare clients."""
    places = {one.row: place for place, one in enumerate(found)}
    for place, one in enumerate(found):
        bare = None if one.over is None else places[one.over]
        values: list[float] | list[list[float]] = [row[place] - (0.0 if bare is None else row[bare]) for row in taken]
        noise: list[list[float]] = []
        if in_blocks:
            values = blocks(taken, place, bare)
            noise = blocks(taken, places[CONTROL], bare) if one.over == BARE2 else []
        if one.row == CONTROL:
            # On loopback it is subtracted from the others.
            if not in_blocks:
                figure(table, "a second bare httpx2 (the noise)", column, values, "µs")
        elif bare is None:
            figure(BARE, one.row.removeprefix("bare "), f"{where}, {column}", values, "µs")
        else:
            figure(table, one.row, column, values, "µs", less=noise)


def stub() -> None:
    """Measures in memory."""
    found = contestants.sync_httpx2(BASE, True) + contestants.sync_httpx(BASE, True)
    added(STUB, "stub", "sync", found, batches([one.get for one in found], ROUNDS, BATCH), False)

    async def whole() -> None:
        found = contestants.async_httpx2(BASE, True) + contestants.async_httpx(BASE, True)
        added(STUB, "stub", "asyncio", found, await async_batches([one.get for one in found], ROUNDS, BATCH), False)

    asyncio.run(whole())


def loopback(base: str) -> None:
    """Measures over sockets."""
    found = contestants.sync_httpx2(base, False) + contestants.sync_httpx(base, False) + contestants.sync_requests(base)
    added(LOOPBACK, "loopback", "sync", found, pairs([one.get for one in found], PAIRS, PAIRS // 15), True)

    async def whole() -> None:
        async with AsyncExitStack() as stack:
            found = contestants.async_httpx2(base, False) + contestants.async_httpx(base, False)
            found += await contestants.async_aiohttp(base, stack)
            taken = await async_pairs([one.get for one in found], PAIRS, PAIRS // 15)
            added(LOOPBACK, "loopback", "asyncio", found, taken, True)

    asyncio.run(whole())


def niquests(base: str) -> None:
    """Measures niquests in a process and a folder of its own, since its urllib3-future replaces urllib3."""
    folder = Path(__file__).resolve().parents[2] / "target" / "bench" / "niquests"
    wanted = Path(__file__).with_name("requirements-niquests.txt")
    done = folder / "installed"
    if not done.exists() or done.stat().st_mtime < wanted.stat().st_mtime:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--upgrade"]
        subprocess.run([*pip, "--target", str(folder), "-r", str(wanted)], check=True, stdout=sys.stderr)
        done.touch()
    program = [sys.executable, str(Path(__file__).with_name("_niquests.py")), base, *sys.argv[1:]]
    subprocess.run(program, check=True, env={**os.environ, "PYTHONPATH": str(folder)})


@contextlib.contextmanager
def busy(count: int) -> Iterator[None]:
    """Runs so many threads that compute during the block."""
    stop = threading.Event()

    def work() -> None:
        number = 0
        while not stop.is_set():
            for _ in range(1000):
                number = number * 31 & 0xFFFF

    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def beside(base: str) -> None:
    """Measures whole calls beside 0, 1 and 2 busy threads."""
    for count in range(3):
        column = f"busy threads: {count}"
        found = contestants.sync_httpx2(BASE, True)
        with busy(count):
            taken = batches([one.get for one in found], 3 if QUICK else 15, BATCH, time.perf_counter_ns)
        for place, one in enumerate(found):
            if one.row != CONTROL:
                figure(f"{BUSY}, stub transport", one.row, column, [row[place] for row in taken], "µs")
        found = [one for one in contestants.sync_httpx2(base, False) if one.row != CONTROL]
        calls = 5 if QUICK else (1000 if count == 0 else 75)
        with busy(count):
            taken = pairs([one.get for one in found], calls, 3)
        for place, one in enumerate(found):
            values = [[value / 1000 for value in block] for block in blocks(taken, place)]
            figure(f"{BUSY}, loopback", one.row, column, values, "ms")


def crossings() -> None:
    """Measures begin and respond alone: the cost of the boundary, and how often a busy thread delays it."""
    core = boundary.per_call()
    handle = boundary.open_engine("{}", lenient=False)
    begin, respond, clock = core.unruffled_begin, core.unruffled_respond, time.perf_counter_ns
    rounds, calls = (3, 5_000) if QUICK else (9, 50_000)
    for count in range(3):
        means, singles, shares = [], [], []
        with busy(count):
            for _ in range(rounds):
                taken = [0] * calls
                for call in range(calls):
                    start = clock()
                    begin(handle, call, 0, 0, 0, codes.REPEATABLE, 0)
                    respond(handle, call, 0, 200)
                    taken[call] = clock() - start
                means.append(statistics.fmean(taken) / 1000)
                singles.append([one / 1000 for one in taken])
                shares.append(sum(one > 1_000_000 for one in taken) / calls * 100)
        row = f"unruffled, busy threads beside it: {count}"
        figure(CROSSINGS, row, "mean", means, "µs")
        figure(CROSSINGS, row, "p99", singles, "µs", percent=99)
        # Such calls are rare: the mean of all rounds, not their median.
        figure(CROSSINGS, row, "longer than 1 ms", [statistics.fmean(shares)], "%")
    core.unruffled_release(handle)


def main() -> None:
    """Measures everything."""
    gc.collect()
    gc.freeze()
    stub()
    with serving() as base:
        loopback(base)
        niquests(base)
        beside(base)
    crossings()


if __name__ == "__main__":
    main()
