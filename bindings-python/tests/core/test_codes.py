"""The numbers of `_core/codes.py` are those of `tests/codes.json`, the file that every language is held against."""

from __future__ import annotations

import json
from typing import Any

import pytest

from unruffled._core import codes

from ..servers.faults import ROOT

WANTED: dict[str, dict[str, int]] = json.loads((ROOT / "tests/codes.json").read_text("utf-8"))


def table(words: tuple[str, ...]) -> dict[str, int]:
    """A word's code is its place; an empty word has none."""
    return {word: code for code, word in enumerate(words) if word}


def bits(names: tuple[str, ...]) -> dict[str, int]:
    return {name: 1 << place for place, name in enumerate(names)}


#: By the name in the file: what the package has, in the file's form.
OWN: dict[str, Any] = {
    "methods": {**codes.METHODS, "other": codes.OTHER_METHOD},
    "traits": {name: getattr(codes, name) >> 4 for name in codes.CALL_FLAGS},
    "steps": table(codes.KINDS),
    "flags": {name: getattr(codes, name) >> 4 for name in codes.FLAGS},
    "needs": {"EXPIRED": codes.NEED_EXPIRED >> 4, "REFUSED": codes.NEED_REFUSED >> 4},
    "faults": table(codes.FAULTS),
    "causes": table(codes.CAUSES),
    "redirected": codes.REDIRECTED,
    "reasons": table(codes.REASONS),
    "outcomes": table(codes.OUTCOMES),
    "misuses": table(codes.MISUSES),
    "events": bits(codes.EVENT_KINDS),
}


def test_every_table_of_the_file_is_here() -> None:
    assert OWN.keys() == WANTED.keys()


@pytest.mark.parametrize("name", sorted(WANTED))
def test_a_table_is_the_files(name: str) -> None:
    assert OWN[name] == WANTED[name], f"write {name} into unruffled/_core/codes.py as tests/codes.json has it"


@pytest.mark.parametrize("name", ["steps", "faults", "causes"])
def test_a_constant_is_its_words_place(name: str) -> None:
    for word, code in WANTED[name].items():
        constant = getattr(codes, word.upper().replace("-", "_"), code)
        # Not every word has a constant.
        assert constant == code, word
