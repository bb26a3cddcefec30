"""Generates `unruffled/_core/codes.py` from `tests/codes.json`, the codes that all languages share.

`python codes.py` prints it; `python codes.py --write` writes the file, which a test compares.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
FILE = PACKAGE / "unruffled/_core/codes.py"
SHARED = PACKAGE.parent / "tests/codes.json"

#: The low four bits of a step word are its kind, those of a call's flags its method.
_ABOVE = 4
_LONGEST_LINE = 120

Codes = Mapping[str, int]


def text() -> str:
    """Returns the text of the generated file."""
    shared: dict[str, dict[str, int]] = json.loads(SHARED.read_text("utf-8"))
    return "\n".join(_lines(shared)) + "\n"


def _lines(shared: dict[str, dict[str, int]]) -> Iterator[str]:
    flags, needs = shared["flags"], shared["needs"]
    need_at = {bit: name for name, bit in needs.items()}
    methods = {name: code for name, code in shared["methods"].items() if name != "other"}
    yield '"""Generated from `tests/codes.json` by `codes.py`: the codes that all languages share."""'
    yield ""
    yield "from typing import Final, Literal"
    yield ""
    yield "# Kinds of step, the low four bits of a step word."
    yield from _constants(shared["steps"])
    yield from _tuple("STEP_NAMES", _by_code(shared["steps"]))
    yield ""
    yield "# Flags of a step word, at their bits in it."
    yield from _constants(flags, above=_ABOVE)
    yield from _tuple("FLAG_NAMES", flags)
    yield ""
    yield "# Flags of a Refresh, at the bits of FRESH and APPLIED: why a token is needed. Neither: there was none yet."
    yield from _constants(needs, prefix="NEED_", above=_ABOVE)
    yield from _tuple("REFRESH_FLAG_NAMES", [need_at.get(bit, name) for name, bit in flags.items()])
    yield ""
    renewal = shared["renewal"]
    renewal_at = {bit: name for name, bit in renewal.items()}
    yield "# A flag of a Send, at the bit of APPLIED: the token ends soon."
    yield from _constants(renewal, above=_ABOVE)
    yield from _tuple("SEND_FLAG_NAMES", [renewal_at.get(bit, name) for name, bit in flags.items()])
    yield ""
    yield "# How an attempt broke without an answer. A code with an empty name is free."
    yield from _constants(shared["faults"])
    yield from _tuple("FAULTS", _by_code(shared["faults"]))
    yield ""
    yield "# The platform's cause of a fault."
    yield from _constants(shared["causes"], prefix="CAUSE_")
    yield from _tuple("CAUSES", _by_code(shared["causes"]))
    yield ""
    yield "#: Added to the status of an answer after a redirect that the platform followed. Its scope is above it."
    yield f"REDIRECTED: Final = {shared['redirected']}"
    yield ""
    yield "# Why a call ended without a delivered answer."
    yield from _literal("Reason", _by_code(shared["reasons"]))
    yield from _tuple("REASONS", _by_code(shared["reasons"]), "tuple[Reason, ...]")
    yield ""
    yield "# Whether the server may have done the work of a call, over all its attempts."
    yield from _literal("Outcome", _by_code(shared["outcomes"]))
    yield from _tuple("OUTCOMES", _by_code(shared["outcomes"]), "tuple[Outcome, ...]")
    yield ""
    yield "# Mistakes in the use of the core. A code with an empty name is free."
    yield from _constants(shared["misuses"], prefix="MISUSE_")
    yield from _tuple("MISUSES", _by_code(shared["misuses"]))
    yield ""
    yield "# Methods, the low four bits of a call's flags."
    yield from _group("METHODS: Final = ", "{", [f"{json.dumps(name)}: {code}" for name, code in methods.items()], "}")
    yield f"OTHER_METHOD: Final = {shared['methods']['other']}"
    yield ""
    yield "# Flags of a call, above its method."
    yield from _constants(shared["traits"], above=_ABOVE)
    yield from _group("CALL_FLAGS: Final = ", "{", [f'"{name}": {name}' for name in shared["traits"]], "}")
    yield ""
    yield "# Kinds of events, in the order of their bits."
    yield from _tuple("EVENT_KINDS", shared["events"])


def _constants(codes: Codes, *, prefix: str = "", above: int = 0) -> Iterator[str]:
    for name, code in codes.items():
        yield f"{prefix}{name.replace('-', '_').upper()}: Final = {code << above}"


def _by_code(codes: Codes) -> list[str]:
    """Returns the names in the order of their codes, and an empty one for a code without a name."""
    names = {code: name for name, code in codes.items()}
    return [names.get(code, "") for code in range(max(names) + 1)]


def _tuple(name: str, names: Iterable[str], kind: str = "") -> Iterator[str]:
    return _group(f"{name}: Final{kind and f'[{kind}]'} = ", "(", [json.dumps(each) for each in names], ")")


def _literal(name: str, names: Iterable[str]) -> Iterator[str]:
    return _group(f"{name} = Literal", "[", [json.dumps(each) for each in names], "]")


def _group(head: str, opening: str, items: list[str], closing: str) -> Iterator[str]:
    """Yields a collection as the formatter writes it: on one line if that is short enough."""
    line = f"{head}{opening}{', '.join(items)}{closing}"
    if len(line) <= _LONGEST_LINE:
        yield line
        return
    yield head + opening
    for item in items:
        yield f"    {item},"
    yield closing


if __name__ == "__main__":
    if "--write" in sys.argv:
        FILE.write_text(text(), "utf-8")
    else:
        print(text(), end="")
