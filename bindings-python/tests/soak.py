"""Runs both clients for a long time against the fault server: `python -m tests.soak [--seconds N] [--rate R]`.

Three answers of ten are faults, drawn once. Calls are read whole, streamed, posted with a key, or cancelled. Half of
them come from threads, half from asyncio tasks, at a fixed rate. Prints one JSON line. Fails if memory grew by more
than 5 % after warm-up, if something is left after the clients were closed, or if no call succeeded.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import os
import random
import sys
import threading
import time
from collections import Counter
from typing import Any

import httpx2

import unruffled

from .servers.faults import Faults

THREADS = 16
#: The part of the time that is warm-up, in which caches fill; at least so many seconds, at most half the time.
WARM, WARM_SECONDS = 0.2, 60.0
GROWTH = 1.05
POLICY: dict[str, Any] = {
    "retry": {"base": "10ms", "cap": "500ms"},
    "timeouts": {"attempt": "1s", "idle": "1s", "total": "5s"},
    "idempotency": {"header": "Idempotency-Key"},
    "concurrency": 200,
}
#: Faults, and their numbers among a thousand answers.
FAULTS: tuple[tuple[int, dict[str, Any]], ...] = (
    (120, {"status": 503}),
    (20, {"status": 500, "bytes": 100_000}),
    (20, {"status": 404}),
    (30, {"fault": "reset-before"}),
    (30, {"fault": "reset-after"}),
    (20, {"fault": "close"}),
    (20, {"fault": "truncate", "bytes": 1000}),
    (10, {"fault": "cut-chunk", "bytes": 1000}),
    (10, {"fault": "close-after"}),
    (5, {"fault": "garbage"}),
    (5, {"fault": "informational"}),
    (5, {"delay": 300}),
    (3, {"fault": "stall-body", "bytes": 1000}),
    (2, {"fault": "stall-headers"}),
)


def script() -> dict[str, Any]:
    """Makes a thousand shuffled answers, which repeat."""
    answers = [fault for count, fault in FAULTS for _ in range(count)]
    answers += [{"json": {"id": 1}}] * (1000 - len(answers))
    random.Random(1).shuffle(answers)
    return {"answers": answers, "cycle": True, "log": False}


def token() -> unruffled.Token:
    """Returns a token that is renewed all the time."""
    return unruffled.Token("t", time.time() + 2)


class Ends:
    """Counts of calls by their ends, safe for any number of threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.counts: Counter[str] = Counter()

    def add(self, how: str) -> None:
        """Adds one."""
        with self._lock:
            self.counts[how] += 1


def handles() -> tuple[int, int]:
    """Returns the open sockets and other files of this process; zeros where they cannot be counted."""
    sockets = files = 0
    with contextlib.suppress(OSError):
        for name in os.listdir("/proc/self/fd"):
            with contextlib.suppress(OSError):
                kind = os.readlink(f"/proc/self/fd/{name}")
                sockets += kind.startswith("socket:")
                files += not kind.startswith("socket:")
    return sockets, files


def resident() -> int:
    """Returns the bytes of memory in use."""
    gc.collect()
    try:
        with open("/proc/self/statm") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        import resource

        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024


def threaded(client: unruffled.Client, ends: Ends, stop: float, pace: float, first: int) -> None:
    """Makes the calls of one thread: each at its time, or at once if late."""
    start = time.monotonic()
    for number in range(1_000_000_000):
        due = start + (number * THREADS + first) / pace
        if due >= stop:
            return
        time.sleep(max(0.0, due - time.monotonic()))
        try:
            if number % 20 == 7:
                with client.stream("GET", "/s/{id}", path={"id": number}) as response:
                    for _ in response.iter_bytes():
                        pass
            elif number % 10 == 3:
                client.post("/p", json={"n": number})
            else:
                client.get("/g/{id}", path={"id": number % 100})
            ends.add("answered")
        except (unruffled.CallError, httpx2.HTTPError) as error:
            ends.add(getattr(error, "reason", type(error).__name__))


async def one(client: unruffled.AsyncClient, ends: Ends, number: int) -> None:
    """Makes a call in a task."""
    try:
        if number % 20 == 7:
            async with client.stream("GET", "/s/{id}", path={"id": number}) as response:
                async for _ in response.aiter_bytes():
                    pass
        elif number % 10 == 3:
            await client.post("/p", json={"n": number})
        else:
            await client.get("/g/{id}", path={"id": number % 100})
        ends.add("answered")
    except (unruffled.CallError, httpx2.HTTPError) as error:
        ends.add(getattr(error, "reason", type(error).__name__))
    except asyncio.CancelledError:
        ends.add("cancelled")


async def tasks(client: unruffled.AsyncClient, ends: Ends, stop: float, pace: float) -> None:
    """Starts a task at each time, and cancels some."""
    loop = asyncio.get_running_loop()
    open_: set[asyncio.Task[None]] = set()
    draw = random.Random(2)
    start = time.monotonic()
    for number in range(1_000_000_000):
        due = start + number / pace
        if due >= stop:
            break
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        task = loop.create_task(one(client, ends, number))
        open_.add(task)
        task.add_done_callback(open_.discard)
        if draw.random() < 0.02:
            loop.call_later(draw.random() * 0.05, task.cancel)
    await asyncio.gather(*open_, return_exceptions=True)


async def soak(base: str, seconds: float, rate: float) -> dict[str, Any]:
    """Runs both clients; returns what they did and left."""
    loop = asyncio.get_running_loop()
    ends = Ends()
    before = (threading.active_count(), *handles())
    sync = unruffled.Client({**POLICY, "baseUrl": base}, credentials=token, trust_env=False)
    awaiting = unruffled.AsyncClient({**POLICY, "baseUrl": base}, credentials=token, trust_env=False)
    told: Counter[str] = Counter()
    sync.on(lambda event: told.update([event["kind"]]))
    start = time.monotonic()
    stop = start + seconds
    threads = [
        threading.Thread(target=threaded, args=(sync, ends, stop, rate / 2, first), daemon=True)
        for first in range(THREADS)
    ]
    for thread in threads:
        thread.start()
    calling = loop.create_task(tasks(awaiting, ends, stop, rate / 2))
    await asyncio.sleep(min(seconds / 2, max(WARM_SECONDS, WARM * seconds)))
    warm = resident()
    await calling
    for thread in threads:
        while thread.is_alive():
            await asyncio.sleep(0.01)
    took = time.monotonic() - start
    left = {name: sync.snapshot()[name] + awaiting.snapshot()[name] for name in ("inFlight", "live", "waiting")}
    end = resident()
    sync.close()
    await awaiting.aclose()
    del sync, awaiting
    gc.collect()
    await asyncio.sleep(0.1)
    after = (threading.active_count(), *handles())
    left |= {name: now - then for name, then, now in zip(("threads", "sockets", "files"), before, after, strict=True)}
    left["tasks"] = len(asyncio.all_tasks(loop)) - 1
    left["timers"] = sum(not timer.cancelled() for timer in loop._scheduled)  # type: ignore[attr-defined]
    calls = ends.counts.total()
    print(f"ends: {dict(ends.counts)}; events: {dict(told)}", file=sys.stderr)
    return {
        "runtime": "python",
        "seconds": round(took, 1),
        "calls": calls,
        "perSecond": round(calls / took, 1),
        "rssWarm": warm,
        "rssEnd": end,
        "left": left,
        "answered": ends.counts["answered"],
    }


def main() -> int:
    """Runs and judges."""
    reads = argparse.ArgumentParser()
    reads.add_argument("--seconds", type=float, default=600)
    reads.add_argument("--rate", type=float, default=550)
    asked = reads.parse_args()
    with Faults() as faults:
        run, base = faults.begin(script())
        ended = asyncio.run(soak(base, asked.seconds, asked.rate))
        faults.forget(run)
    print(json.dumps(ended), flush=True)
    good = ended["rssEnd"] <= GROWTH * ended["rssWarm"] and not any(ended["left"].values())
    return 0 if good and ended["answered"] > ended["calls"] * 0.9 else 1


if __name__ == "__main__":
    sys.exit(main())
