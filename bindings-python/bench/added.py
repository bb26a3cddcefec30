"""What unruffled adds to a successful call, over bare httpx2 in the same run: `python bench/added.py`.

Prints one JSON line a figure. Stub: a transport in memory, CPU time, batches of both clients in turn, median of the
differences. Loopback: a server in another process, the two clients and a control (a second bare one) call by call in
turn, median of the differences minus the control's. Everything is on: breaker, budget, a bucket, gauge lookup, ids.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx2

import unruffled
from unruffled import _boundary as boundary
from unruffled import _codes as codes

BASE = "https://api.example.com/v1"
POLICY = {
    "headers": {"X-Team": "a"},
    "version": {"header": "X-Api-Version", "pin": "2026-03-01"},
    "limits": [{"name": "core", "rate": 1_000_000_000, "per": "1s", "headers": "x-ratelimit"}],
}
HEAD = [
    (b"Date", b"Sat, 21 Nov 2026 11:00:00 GMT"),
    (b"Content-Type", b"application/json"),
    (b"Content-Length", b"2"),
    (b"Server", b"stub"),
    (b"Vary", b"Accept"),
    (b"ETag", b'"x"'),
    (b"Cache-Control", b"no-store"),
    (b"X-One", b"1"),
    (b"X-Two", b"2"),
]
BODY = httpx2.ByteStream(b"{}")
TARGET = Path(__file__).resolve().parents[2] / "target"
BATCHES, BATCH = 41, 200
PAIRS = 1500


class Stub(httpx2.BaseTransport, httpx2.AsyncBaseTransport):
    """Answers at once."""

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """The answer."""
        return httpx2.Response(200, headers=HEAD, stream=BODY)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The answer."""
        return httpx2.Response(200, headers=HEAD, stream=BODY)


def figure(name: str, value: float, unit: str) -> None:
    """One line."""
    print(json.dumps({"name": f"python {name}", "value": round(value, 2), "unit": unit}), flush=True)


def stub_sync() -> None:
    """Added µs per GET on a stub transport."""
    bare = httpx2.Client(transport=Stub(), base_url=BASE)
    ours = unruffled.Client({**POLICY, "baseUrl": BASE}, transport=Stub())

    def batch(get: Callable[..., object], url: str) -> float:
        start = time.process_time_ns()
        for _ in range(BATCH):
            get(url)
        return (time.process_time_ns() - start) / BATCH / 1000

    rounds = [(batch(bare.get, f"{BASE}/orders"), batch(ours.get, "/orders")) for _ in range(BATCHES)]
    told("stub, sync", rounds)
    rounds = [(batch(bare.get, "/orders"), batch(ours.get, "/orders")) for _ in range(BATCHES)]
    told("stub, sync, over a relative URL", rounds)


async def stub_async() -> None:
    """The same on asyncio."""
    bare = httpx2.AsyncClient(transport=Stub(), base_url=BASE)
    ours = unruffled.AsyncClient({**POLICY, "baseUrl": BASE}, transport=Stub())

    async def batch(get: Callable[..., Awaitable[object]], url: str) -> float:
        start = time.process_time_ns()
        for _ in range(BATCH):
            await get(url)
        return (time.process_time_ns() - start) / BATCH / 1000

    rounds = [(await batch(bare.get, f"{BASE}/orders"), await batch(ours.get, "/orders")) for _ in range(BATCHES)]
    told("stub, asyncio", rounds)


def told(name: str, rounds: list[tuple[float, float]]) -> None:
    """The median difference, and what bare costs."""
    rounds = rounds[len(rounds) // 8 :]
    figure(f"added, {name}", statistics.median(ours - bare for bare, ours in rounds), "µs")
    figure(f"bare, {name}", statistics.median(bare for bare, _ in rounds), "µs")


def serve() -> None:
    """A keep-alive server of one fixed answer; prints its port."""
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    answer = b"HTTP/1.1 200 OK\r\n" + b"".join(name + b": " + value + b"\r\n" for name, value in HEAD) + b"\r\n{}"
    import selectors

    ready = selectors.DefaultSelector()
    ready.register(listener, selectors.EVENT_READ)
    while True:
        for key, _ in ready.select():
            if key.fileobj is listener:
                connection, _ = listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                ready.register(connection, selectors.EVENT_READ)
                continue
            peer = key.fileobj
            assert isinstance(peer, socket.socket)
            if peer.recv(65536):
                peer.sendall(answer)
            else:
                ready.unregister(peer)
                peer.close()


def loopback_sync(base: str) -> None:
    """Added µs per GET on loopback."""
    with (
        httpx2.Client(trust_env=False) as bare,
        httpx2.Client(trust_env=False) as control,
        unruffled.Client({**POLICY, "baseUrl": base}, trust_env=False) as ours,
    ):
        gets: list[tuple[Callable[[str], object], str]] = [(bare.get, f"{base}/x"), (ours.get, "/x")]
        gets.append((control.get, f"{base}/x"))
        taken: list[list[float]] = []
        for turn in range(PAIRS + 100):
            row = [0.0] * 3
            for step in range(3):
                which = (turn + step) % 3
                get, url = gets[which]
                start = time.perf_counter_ns()
                get(url)
                row[which] = (time.perf_counter_ns() - start) / 1000
            taken.append(row)
    paired("loopback, sync", taken[100:])


async def loopback_async(base: str) -> None:
    """The same on asyncio."""
    async with (
        httpx2.AsyncClient(trust_env=False) as bare,
        httpx2.AsyncClient(trust_env=False) as control,
        unruffled.AsyncClient({**POLICY, "baseUrl": base}, trust_env=False) as ours,
    ):
        gets: list[tuple[Callable[[str], Awaitable[object]], str]] = [(bare.get, f"{base}/x"), (ours.get, "/x")]
        gets.append((control.get, f"{base}/x"))
        taken: list[list[float]] = []
        for turn in range(PAIRS + 100):
            row = [0.0] * 3
            for step in range(3):
                which = (turn + step) % 3
                get, url = gets[which]
                start = time.perf_counter_ns()
                await get(url)
                row[which] = (time.perf_counter_ns() - start) / 1000
            taken.append(row)
    paired("loopback, asyncio", taken[100:])


def paired(name: str, taken: list[list[float]]) -> None:
    """The median difference minus the control's."""
    ours = statistics.median(ours - bare for bare, ours, _ in taken)
    control = statistics.median(control - bare for bare, _, control in taken)
    figure(f"added, {name}", ours - control, "µs")
    figure(f"bare, {name}", statistics.median(bare for bare, _, _ in taken), "µs")


def crossings() -> None:
    """Both crossings of a success, alone."""
    core = boundary.per_call()
    handle = boundary.open_engine("{}", lenient=False)
    begin, respond = core.unruffled_begin, core.unruffled_respond
    best = 1e9
    for turn in range(30):
        start = time.perf_counter_ns()
        for call in range(1000):
            begin(handle, call, turn, 0, 0, codes.REPEATABLE, 0)
            respond(handle, call, turn, 200)
        best = min(best, (time.perf_counter_ns() - start) / 1000)
    figure("begin + respond through PyDLL", best / 1000, "µs")
    core.unruffled_release(handle)


def fresh(code: str) -> float:
    """The least of six new interpreters' answers, with bytecode at hand as an installed package has it."""
    cache = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(TARGET / "python" / "bytecode")}
    run = [sys.executable, "-c", code]
    env = {**os.environ, **cache}
    return min(float(subprocess.run(run, env=env, capture_output=True, text=True, check=True).stdout) for _ in range(6))


def beginnings() -> None:
    """What an import and the first client cost."""
    clock = "import time, httpx2; "
    end = "print((time.perf_counter() - start) * 1000)"
    figure("import beyond httpx2's", fresh(f"{clock}start = time.perf_counter(); import unruffled; {end}"), "ms")
    begin = f"{clock}import unruffled; start = time.perf_counter(); "
    figure("first client", fresh(f"{begin}unruffled.Client('{BASE}'); {end}"), "ms")
    figure("first bare httpx2 client", fresh(f"{clock}start = time.perf_counter(); httpx2.Client(); {end}"), "ms")
    after = f"{clock}import unruffled; httpx2.Client(); start = time.perf_counter(); "
    figure("first client after a bare one", fresh(f"{after}unruffled.Client('{BASE}'); {end}"), "ms")


def sizes() -> None:
    """The newest packed wheel, if one was built."""
    built = sorted((TARGET / "wheels").glob("unruffled-*.whl"), key=lambda file: file.stat().st_mtime)
    if built:
        figure(f"wheel {built[-1].name.removeprefix('unruffled-')}", built[-1].stat().st_size / 1000, "KB")


def main() -> None:
    """Everything."""
    if "--serve" in sys.argv:
        serve()
        return
    gc.collect()
    gc.freeze()
    crossings()
    stub_sync()
    asyncio.run(stub_async())
    server = subprocess.Popen([sys.executable, __file__, "--serve"], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        base = f"http://127.0.0.1:{server.stdout.readline().strip()}"
        loopback_sync(base)
        asyncio.run(loopback_async(base))
    finally:
        server.kill()
    beginnings()
    sizes()


if __name__ == "__main__":
    main()
