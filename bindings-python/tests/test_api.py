"""The public surface is the one that `api.txt` lists: a change of it is seen in a review."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).parents[1]


def test_the_public_surface_is_the_one_listed() -> None:
    done = subprocess.run([sys.executable, "api.py"], cwd=PACKAGE, capture_output=True, text=True, check=True)
    listed = (PACKAGE / "api.txt").read_text("utf-8")
    assert done.stdout == listed, "if the change is meant: python api.py --write, and a line in CHANGELOG.md"
