"""The two libraries with the same interface, httpx2 and httpx, and this package's module for each."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import unruffled

QUICK: dict[str, Any] = {"retry": {"base": "5ms"}}
TWICE: dict[str, Any] = {"retry": {"base": "5ms", "attempts": 2}}
EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 18\r\n\r\ndata: 1\n\n"


class Side:
    """One library, and this package's module for it."""

    def __init__(self, theirs: ModuleType) -> None:
        self.theirs: Any = theirs
        self.ours: Any = getattr(unruffled, theirs.__name__)

    def client(self, policy: Any = QUICK, **options: Any) -> Any:
        """Makes the library's client with a drop-in under it."""
        return self.ours.client(policy, **{"trust_env": False, **options})
