"""A client under load: starts calls on schedule, without waiting for the earlier ones, and prints counters.

    python demo.py --url BASE --policy FILE --rate 50 --seconds 40 --writes 0.2 [--get PATH]

Every 250 ms it prints one JSON line of counters, at the end one of everything. Calls are `POST /orders` (the share
`--writes`, each with an operation id of its own) and `GET /items/N`; with `--get` only GETs of that path.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import time
import uuid
from typing import Any

import unruffled


class Load:
    """The calls of one run and their results."""

    def __init__(self, client: unruffled.AsyncClient, asked: argparse.Namespace) -> None:
        """Begins without a call."""
        self.client = client
        self.asked = asked
        self.start = time.monotonic()
        self.begun = 0
        self.succeeded = 0
        self.failures: dict[str, int] = {}
        self.ends: list[list[float | int | str]] = []

    def ms(self) -> float:
        """Returns milliseconds since the run began."""
        return (time.monotonic() - self.start) * 1000

    async def call(self, number: int) -> None:
        """Makes one call."""
        self.begun += 1
        since = self.ms()
        write = self.asked.get is None and random.random() < self.asked.writes
        good = 0
        try:
            if write:
                await self.client.post("/orders", json={"op": str(uuid.uuid4())})
            elif self.asked.get is not None:
                await self.client.get(self.asked.get)
            else:
                await self.client.get("/items/{n}", path={"n": number})
            self.succeeded += 1
            good = 1
        except unruffled.CallError as error:
            self.failures[error.reason] = self.failures.get(error.reason, 0) + 1
        self.ends.append([round(since, 1), round(self.ms(), 1), good, "write" if write else "read"])

    def counters(self) -> dict[str, Any]:
        """Returns the counters of this program and of the core."""
        now = self.client.snapshot()
        upstream: dict[str, Any] = now["upstreams"][0] if now["upstreams"] else {"breaker": "closed", "budget": 0}
        return {
            "at": round(self.ms()),
            "calls": self.begun,
            "succeeded": self.succeeded,
            "failed": sum(self.failures.values()),
            "attempts": now["attempts"],
            "breaker": upstream["breaker"],
            "tokens": upstream["budget"] / 1_000_000,
            "waiting": now["waiting"],
            "inFlight": now["inFlight"],
        }

    async def tell(self) -> None:
        """Prints a line every 250 ms."""
        while True:
            print(json.dumps(self.counters()), flush=True)
            await asyncio.sleep(0.25)

    async def run(self) -> None:
        """Makes all calls on schedule. Ends when the last one has ended."""
        telling = asyncio.create_task(self.tell())
        async with asyncio.TaskGroup() as calls:
            for number in range(round(self.asked.rate * self.asked.seconds)):
                due = number / self.asked.rate - (time.monotonic() - self.start)
                if due > 0:
                    await asyncio.sleep(due)
                calls.create_task(self.call(number))
        telling.cancel()
        last = self.counters()
        done = {name: last[name] for name in ("calls", "succeeded", "failed", "attempts")}
        latencies = [round(float(end) - float(since), 1) for since, end, *_ in self.ends]
        print(
            json.dumps({"done": True, **done, "failures": self.failures, "latencies": latencies, "ends": self.ends}),
            flush=True,
        )


async def main() -> None:
    """Reads the arguments and runs."""
    reads = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reads.add_argument("--url", required=True)
    reads.add_argument("--policy", required=True)
    reads.add_argument("--rate", type=float, default=50)
    reads.add_argument("--seconds", type=float, default=40)
    reads.add_argument("--writes", type=float, default=0)
    reads.add_argument("--get")
    asked = reads.parse_args()
    async with unruffled.AsyncClient(asked.policy, base_url=asked.url) as client:
        await Load(client, asked).run()


if __name__ == "__main__":
    asyncio.run(main())
