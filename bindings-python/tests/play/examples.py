"""Plays `examples/adapters/*.py` against a server that first answers 503: each must end well, with two requests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from ..servers.faults import ROOT, Faults

#: Seconds after which an example is given up.
PATIENCE = 60
_SCRIPT = {"answers": [{"status": 503}], "then": {"sdk": "json"}}


def all_examples() -> list[Path]:
    """Returns the examples in Python."""
    return sorted((ROOT / "examples/adapters").glob("*.py"))


def failures_of(faults: Faults, example: Path) -> list[str]:
    """Returns what is wrong with an example."""
    run, base = faults.begin(_SCRIPT, f"example-{example.stem}")
    try:
        ended = subprocess.run(
            [sys.executable, str(example)],
            env={**os.environ, "API_URL": base},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        found = [f"exit code {ended.returncode}: {ended.stdout}"] if ended.returncode else []
        requests = faults.log(run)["totals"]["requests"]
        return found if requests == 2 else [*found, f"{requests} requests came, not 2"]
    except subprocess.TimeoutExpired:
        return [f"not over after {PATIENCE} s"]
    finally:
        faults.forget(run)
