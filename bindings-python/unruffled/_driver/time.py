"""The machine's own time. A library that stops the time of a test puts its functions into the module `time`;
what bounds real sockets must not stand still with them.
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
    # A second module from the interpreter, which nobody else has a name for.
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


if TYPE_CHECKING:
    TIME = time
else:
    #: The module `time` as the interpreter has it: `TIME.monotonic()`.
    TIME = _own()


def is_faked() -> bool:
    """Whether the time that loops go by is not the machine's."""
    seen: Any = time.monotonic
    return type(seen) is not BuiltinFunctionType and seen is not TIME.monotonic
