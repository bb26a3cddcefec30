"""Lists the public surface of the installed package: every public name with its signature.

`python api.py` prints it; `python api.py --write` puts it into `api.txt`, which a test compares.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, is_typeddict

FILE = Path(__file__).resolve().parent / "api.txt"
MODULES = (
    "unruffled",
    "unruffled.httpx2",
    "unruffled.httpx",
    "unruffled.requests",
    "unruffled.aiohttp",
    "unruffled.policy",
)
#: Of methods with double underscores, those that callers use.
_PROTOCOLS = frozenset(("__init__", "__call__", "__enter__", "__exit__", "__aenter__", "__aexit__", "__iter__"))


def listing() -> str:
    """Returns the text of `api.txt`."""
    return "\n".join(line for name in MODULES for line in _module(importlib.import_module(name))) + "\n"


def _module(module: ModuleType) -> Iterator[str]:
    yield f"# {module.__name__}"
    names = getattr(module, "__all__", None) or [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
    ]
    for name in sorted(names):
        yield ""
        yield from _shown(name, getattr(module, name))
    yield ""


def _shown(name: str, value: Any) -> Iterator[str]:
    if is_typeddict(value):
        yield f"typed dict {name}"
        for key in sorted(value.__annotations__):
            needed = " (required)" if key in value.__required_keys__ else ""
            yield f"    {key}: {_type(value.__annotations__[key])}{needed}"
    elif inspect.isclass(value):
        bases = [base.__name__ for base in value.__bases__ if not base.__module__.startswith("unruffled._")]
        yield f"class {name}({', '.join(base for base in bases if base != 'object')})".replace("()", "")
        yield from _members(value)
    elif callable(value) and not hasattr(value, "__origin__"):
        yield _function(name, value)
    else:
        yield f"{name} = {_type(value)}"


def _members(kind: type) -> Iterator[str]:
    """Yields the members that the class and its bases in this package add."""
    found: dict[str, str] = {}
    for each in reversed(kind.__mro__):
        if not each.__module__.startswith("unruffled"):
            continue
        for name, value in vars(each).items():
            if name.startswith("_") and name not in _PROTOCOLS:
                continue
            if isinstance(value, property):
                found[name] = f"{name} (property)"
            elif isinstance(value, (staticmethod, classmethod)):
                found[name] = _function(name, value.__func__)
            elif inspect.isfunction(value):
                found[name] = _function(name, value)
        for name, annotation in inspect.get_annotations(each).items():
            if not name.startswith("_"):
                found[name] = f"{name}: {_type(annotation)}"
    for name in sorted(found):
        yield f"    {found[name]}"


def _function(name: str, value: Any) -> str:
    kind = "async def" if inspect.iscoroutinefunction(value) else "def"
    signature = inspect.signature(value)
    parameters = [each.replace(annotation=_Bare(each.annotation)) for each in signature.parameters.values()]
    shown = signature.replace(parameters=parameters, return_annotation=_Bare(signature.return_annotation))
    return f"{kind} {name}{shown}"


class _Bare:
    """An annotation that is shown as it is written, without quotes."""

    def __new__(cls, annotation: Any) -> Any:
        """Leaves a missing annotation as it is."""
        return annotation if annotation is inspect.Parameter.empty else super().__new__(cls)

    def __init__(self, annotation: Any) -> None:
        """Takes the annotation."""
        self._text = _type(annotation)

    def __repr__(self) -> str:
        """Returns the text."""
        return self._text


def _type(annotation: Any) -> str:
    if isinstance(annotation, type):
        return annotation.__name__
    text = getattr(annotation, "__forward_arg__", None) or str(annotation)
    return text.replace("typing.", "").replace("ForwardRef", "")


if __name__ == "__main__":
    if "--write" in sys.argv:
        FILE.write_text(listing(), "utf-8")
    else:
        print(listing(), end="")
