"""The package as a whole: vectors, scenarios on trio, the cost of an import, the README's programs."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import anyio
import pytest

import unruffled
from unruffled._core import codes

from . import vectors
from .play import urls
from .scenarios import play_async
from .servers.faults import ROOT, Faults

FILES = sorted(file for file in vectors.ROOT.rglob("*.json") if "url" not in file.relative_to(vectors.ROOT).parts)


@pytest.mark.parametrize("room", sorted({file.parent.name for file in FILES}))
def test_vectors(room: str) -> None:
    failures = {
        file.name: failure
        for file in FILES
        if file.parent.name == room and (failure := vectors.failures_of(json.loads(file.read_text("utf-8"))))
    }
    assert failures == {}


def test_url_vectors() -> None:
    assert urls.play(vectors.ROOT / "url") == 0


@pytest.mark.parametrize(
    "name", ["retry-503-burst", "cancel-in-wait", "timeout-body", "auth-refresh-single-flight", "close-during-wait"]
)
def test_scenarios_on_trio(name: str) -> None:
    with Faults() as faults:
        scenario = next(s for s in faults.scenarios("python-async") if s["name"] == name)
        assert anyio.run(play_async, faults, scenario, backend="trio") == []


def fresh(code: str, **environment: str) -> str:
    """Returns what a new interpreter prints."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, **environment}, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_an_import_loads_neither_the_core_nor_what_only_sending_needs() -> None:
    code = "import sys, httpx2, unruffled; print(*sys.modules)"
    loaded = set(fresh(code).split())
    assert not loaded & {"ctypes", "asyncio", "trio", "anyio", "httpcore2", "uuid", "unruffled._native"}


def test_an_import_is_cheap(tmp_path: Path) -> None:
    taken = "(time.process_time() - start) * 1000"
    code = f"import httpx2, time; start = time.process_time(); import unruffled; print({taken})"
    # With bytecode files, as an installed package has them. The first run writes them.
    cache = {"PYTHONPYCACHEPREFIX": str(tmp_path), "PYTHONDONTWRITEBYTECODE": ""}
    assert min(float(fresh(code, **cache)) for _ in range(4)) < 30


def test_everything_public_is_documented() -> None:
    for name in unruffled.__all__:
        assert getattr(unruffled, name).__doc__, name


def test_the_version_is_the_packages() -> None:
    project = (Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8")
    assert f'version = "{unruffled.__version__}"' in project


def test_the_tables_are_the_cores() -> None:
    source = (ROOT / "core/src/failure.rs").read_text("utf-8")
    tables = {"Fault": codes.FAULTS, "Cause": codes.CAUSES, "Reason": codes.REASONS, "Outcome": codes.OUTCOMES}
    for enum, words in tables.items():
        table = source.partition(f"    {enum} {{")[2].partition("\n    }")[0]
        numbered = {word: int(code) for code, word in re.findall(r'= (\d+) "([a-z-]+)"', table)}
        assert numbered == {word: code for code, word in enumerate(words) if word}
    table = source.partition("    Misuse {")[2].partition("\n    }")[0]
    assert ("", *re.findall(r'= \d+ "([a-z-]+)"', table)) == codes.MISUSES


def test_the_readmes_quick_start_runs(tmp_path: Path) -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
    blocks = dict(re.findall(r"\n```(json|python)\n(.*?)\n```", readme, re.S)[:2])
    (tmp_path / "orders.policy.json").write_text(blocks["json"], "utf-8")
    program = tmp_path / "quick_start.py"
    program.write_text(blocks["python"], "utf-8")
    order = {"status": 200, "json": {"sku": "a1"}}
    script = {
        "paths": {
            "GET /orders/*": {"tokens": ["t1"], "answers": [{"status": 503}], "then": order},
            "POST /orders": {"answers": [{"commit": True, "fault": "reset-after"}], "then": order},
        }
    }
    with Faults() as faults:
        run, base = faults.begin(script)
        done = subprocess.run(
            [sys.executable, str(program)],
            cwd=tmp_path,
            env={**os.environ, "ORDERS_URL": base, "ORDERS_TOKEN": "t1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert "a1" in done.stdout
        totals = faults.log(run)["totals"]
    assert (totals["requests"], totals["commits"], totals["duplicates"]) == (4, 1, 0)


def test_the_demos_client_tells_how_it_goes(tmp_path: Path) -> None:
    policy = tmp_path / "policy.json"
    policy.write_text("{}", "utf-8")
    with Faults() as faults:
        _, base = faults.begin({"answers": [{"status": 503}]})
        program = [sys.executable, "examples/demo.py", "--url", base, "--policy", str(policy)]
        done = subprocess.run(
            [*program, "--rate", "40", "--seconds", "0.5", "--writes", "0.5"],
            cwd=Path(__file__).parents[1],
            capture_output=True,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, "")
    *lines, last = map(json.loads, done.stdout.splitlines())
    assert list(lines[0])[:5] == ["at", "calls", "succeeded", "failed", "attempts"]
    assert list(lines[0])[5:] == ["breaker", "tokens", "waiting", "inFlight"]
    assert last["done"]
    assert last["calls"] == last["succeeded"] + last["failed"] == len(last["ends"]) == len(last["latencies"]) == 20


LONGEST_FUNCTION = 70


def test_no_function_is_longer_than_contributing_allows() -> None:
    package = Path(__file__).parents[1]
    sources = [file for file in package.rglob("*.py") if "_native" not in file.parts]
    assert Path(unruffled.__file__) in sources
    long = [
        f"{file.relative_to(package)}:{node.lineno} {node.name}"
        for file in sources
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and (node.end_lineno or node.lineno) - node.lineno >= LONGEST_FUNCTION
    ]
    assert long == []
