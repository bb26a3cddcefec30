"""The machine's own time, for limits of real sockets.

A library that stops time for a test replaces the functions of the module `time`. Those limits must not stop with them.
"""

from __future__ import annotations

import importlib.util
import time
from types import BuiltinFunctionType, ModuleType
from typing import TYPE_CHECKING, Any


def _own() -> ModuleType:
    spec = time.__spec__
    if spec is None or spec.loader is None:
        return time
    # A second instance of the module, which such a library does not find.
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


if TYPE_CHECKING:
    TIME = time
else:
    #: The module `time` as the interpreter has it: `TIME.monotonic()`.
    TIME = _own()


def is_faked() -> bool:
    """Returns whether the time that loops use is not the machine's."""
    seen: Any = time.monotonic
    return type(seen) is not BuiltinFunctionType and seen is not TIME.monotonic
