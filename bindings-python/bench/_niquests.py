"""niquests with its own retries, on loopback. `added.py` starts this program with the server's address."""

from __future__ import annotations

import asyncio
import importlib.metadata
import sys
from typing import Any

import niquests
from niquests.packages import urllib3

from bench._figures import QUICK, async_pairs, blocks, figure, pairs

PAIRS = 60 if QUICK else 1000
ROW = f"niquests {importlib.metadata.version('niquests')}"


def lines(taken: list[list[float]], column: str) -> None:
    figure("the bare clients, a call", ROW, f"loopback, {column}", blocks(taken, 0), "µs")
    table = "added per call over the same bare client, loopback"
    figure(table, f"{ROW} with its Retry", column, blocks(taken, 1, 0), "µs")


async def asynchronous(url: str, retry: Any) -> None:
    async with niquests.AsyncSession() as bare, niquests.AsyncSession(retries=retry) as layer:
        lines(await async_pairs([lambda: bare.get(url), lambda: layer.get(url)], PAIRS, PAIRS // 15), "asyncio")


def main() -> None:
    url = f"{sys.argv[1]}/orders"
    retry = urllib3.util.Retry(total=3, status_forcelist=(429, 500, 502, 503, 504), backoff_factor=0.2)
    with niquests.Session() as bare, niquests.Session(retries=retry) as layer:
        bare.trust_env = layer.trust_env = False
        lines(pairs([lambda: bare.get(url), lambda: layer.get(url)], PAIRS, PAIRS // 15), "sync")
    asyncio.run(asynchronous(url, retry))


if __name__ == "__main__":
    main()
