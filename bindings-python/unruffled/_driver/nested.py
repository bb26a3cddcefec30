"""The mark that an outer unruffled sets while it sends by a transport that somebody else made.

Two loops on top of each other multiply attempts, so that the lower one makes a single one.
"""

from __future__ import annotations

from contextvars import ContextVar

#: Set while a client sends by a transport that somebody else made: the end of that attempt, in `time.monotonic`.
NESTED: ContextVar[float | None] = ContextVar("unruffled_nested", default=None)
