"""Measures imports, first clients and first calls, and the package's size: `python bench/start.py [--quick]`.

Each figure is of new interpreters in turn, with bytecode files as an installed package has them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench._contestants import OURS, named
from bench._figures import QUICK, figure
from bench._loopback import serving
from unruffled._core import boundary

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 2 if QUICK else 15
IMPORT = "import beyond the HTTP client's"
#: Rows: what was imported before, and what is measured.
IMPORTS = {
    OURS: ("httpx2", "unruffled"),
    named("", "tenacity"): ("httpx2", "tenacity"),
    named("", "stamina"): ("httpx2", "stamina"),
    named("", "backoff"): ("httpx2", "backoff"),
    named("", "tenacity", "pybreaker", "pyrate-limiter"): ("httpx2", "tenacity, pybreaker, pyrate_limiter"),
    named("", "httpx-retries"): ("httpx", "httpx_retries"),
    named("", "aiohttp-retry"): ("aiohttp", "aiohttp_retry"),
}
#: Rows: what is imported, the client, its call; real ones, on loopback.
MADE = {
    f"bare {named('', 'httpx2')}": ("httpx2", "httpx2.Client(trust_env=False)", "client.get(URL + '/orders')"),
    OURS: ("httpx2, unruffled", "unruffled.Client(URL, trust_env=False)", "client.get('/orders')"),
}


def policy() -> str:
    """Makes a policy of at least 200 lines."""
    routes = {
        f"GET /resource-{number}/*": {"timeouts": {"attempt": "5s"}, "retry": {"attempts": 3}, "repeatable": True}
        for number in range(21)
    }
    whole = {
        "unruffled": 1,
        "baseUrl": "https://api.example.com/v1",
        "headers": {"X-Team": "a"},
        "limits": [{"name": "core", "rate": 100, "per": "1m", "headers": "x-ratelimit"}],
        "routes": routes,
    }
    text = json.dumps(whole, indent=2)
    assert 200 <= text.count("\n") < 260
    return text


def fresh(code: str) -> float:
    """Returns what a new interpreter prints."""
    env = {
        **os.environ,
        "PYTHONDONTWRITEBYTECODE": "",
        "PYTHONPYCACHEPREFIX": str(ROOT / "target" / "bench" / "bytecode"),
    }
    ran = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    return float(ran.stdout)


def timed(before: str, work: str) -> str:
    """Returns a program that prints the milliseconds of `work`."""
    return f"{before}\nimport time\nstart = time.perf_counter()\n{work}\nprint((time.perf_counter() - start) * 1000)"


def beginnings(base: str) -> None:
    """Measures imports, first clients and first calls."""
    programs: dict[tuple[str, str], str] = {}
    for row, (before, modules) in IMPORTS.items():
        programs[row, IMPORT] = timed(f"import {before}", f"import {modules}")
    for row, (modules, make, call) in MADE.items():
        prelude = f"import {modules}\nURL = {base!r}"
        programs[row, "first client"] = timed(prelude, f"client = {make}")
        programs[row, "first call"] = timed(f"{prelude}\nclient = {make}", call)
    taken: dict[tuple[str, str], list[float]] = {key: [] for key in programs}
    for turn in range(ROUNDS + 1):
        for key, program in programs.items():
            value = fresh(program)
            # The first round writes the bytecode.
            if turn:
                taken[key].append(value)
    for (row, column), values in taken.items():
        figure("start of a new process", row, column, values, "ms")


def opens() -> None:
    """Measures the opening of an engine of a long policy, after the library is loaded."""
    text = policy()
    taken = []
    for _ in range(20 if QUICK else 400):
        start = time.perf_counter_ns()
        handle = boundary.open_engine(text, lenient=False)
        taken.append((time.perf_counter_ns() - start) / 1000)
        boundary.per_call().unruffled_release(handle)
    figure("opening an engine", OURS, "policy of 200 lines", taken[5:], "µs")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "policy.json"
        file.write_text(text)
        make = f"client = unruffled.Client({str(file)!r}, trust_env=False)"
        values = [fresh(timed("import httpx2, unruffled", make)) for _ in range(ROUNDS)]
    figure("start of a new process", OURS, "first client, policy of 200 lines", values, "ms")


def sizes() -> None:
    """Measures a newly built wheel and the library in it."""
    python = ROOT / "target" / "python" / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
    if not QUICK:
        subprocess.run([python, "wheel.py"], cwd=ROOT / "bindings-python", check=True, stdout=sys.stderr)
    built = sorted((ROOT / "target" / "wheels").glob("unruffled-*.whl"), key=lambda file: file.stat().st_mtime)
    if built:
        figure("sizes", OURS, "wheel, library stripped", [built[-1].stat().st_size / 1000], "KB")
    found = next((ROOT / "bindings-python" / "unruffled" / "_native").glob("*unruffled_ffi.[sd]*"))
    figure("sizes", OURS, "native library with symbols", [found.stat().st_size / 1000], "KB")


def main() -> None:
    """Measures everything."""
    with serving() as base:
        beginnings(base)
    opens()
    sizes()


if __name__ == "__main__":
    main()
