"""Forks of the process: a child must not use its parent's engines, connections and locks."""

from __future__ import annotations

import os
import weakref
from typing import Protocol

from .._core import boundary


class ForkAware(Protocol):
    """An object with an engine, connections or locks of the parent, which a forked child must not use."""

    def forked(self) -> None:
        """Drops the parent's engine, connections and locks in the child."""


_AWARE: weakref.WeakSet[ForkAware] = weakref.WeakSet()


def on_fork(one: ForkAware) -> None:
    """Calls its `forked` in each forked child for as long as it lives."""
    _AWARE.add(one)


def _after_fork() -> None:
    if boundary.loaded():
        boundary.per_call().unruffled_forked()
        for one in list(_AWARE):
            one.forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
