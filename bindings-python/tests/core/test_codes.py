"""`_core/codes.py` is what `codes.py` makes of `tests/codes.json`, the file that every language is held against."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from unruffled._core import codes

from ..servers.faults import ROOT

WANTED: dict[str, dict[str, int]] = json.loads((ROOT / "tests/codes.json").read_text("utf-8"))


def table(words: tuple[str, ...]) -> dict[str, int]:
    """Returns the code of each word: its place. An empty word has no code."""
    return {word: code for code, word in enumerate(words) if word}


def bits(names: tuple[str, ...]) -> dict[str, int]:
    return {name: 1 << place for place, name in enumerate(names)}


#: The package's tables in the file's form, by their names there.
OWN: dict[str, Any] = {
    "methods": {**codes.METHODS, "other": codes.OTHER_METHOD},
    "traits": {name: bit >> 4 for name, bit in codes.CALL_FLAGS.items()},
    "steps": table(codes.STEP_NAMES),
    "flags": {name: getattr(codes, name) >> 4 for name in codes.FLAG_NAMES},
    "needs": {"EXPIRED": codes.NEED_EXPIRED >> 4, "REFUSED": codes.NEED_REFUSED >> 4},
    "renewal": {"RENEW": codes.RENEW >> 4},
    "faults": table(codes.FAULTS),
    "causes": table(codes.CAUSES),
    "redirected": codes.REDIRECTED,
    "reasons": table(codes.REASONS),
    "outcomes": table(codes.OUTCOMES),
    "misuses": table(codes.MISUSES),
    "events": bits(codes.EVENT_KINDS),
}


PACKAGE = Path(__file__).parents[2]


def test_the_module_is_the_one_that_the_generator_writes() -> None:
    done = subprocess.run([sys.executable, "codes.py"], cwd=PACKAGE, capture_output=True, text=True, check=True)
    written = Path(codes.__file__).read_text("utf-8")
    assert done.stdout == written, "after a change of tests/codes.json: python codes.py --write"


def test_every_table_of_the_file_is_here() -> None:
    assert OWN.keys() == WANTED.keys()


@pytest.mark.parametrize("name", sorted(WANTED))
def test_a_table_is_the_files(name: str) -> None:
    assert OWN[name] == WANTED[name]


@pytest.mark.parametrize(
    ("name", "prefix"), [("steps", ""), ("faults", ""), ("causes", "CAUSE_"), ("misuses", "MISUSE_")]
)
def test_each_word_of_a_table_has_its_constant(name: str, prefix: str) -> None:
    for word, code in WANTED[name].items():
        assert getattr(codes, prefix + word.upper().replace("-", "_")) == code, word
