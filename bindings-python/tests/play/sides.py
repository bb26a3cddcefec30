"""The two families that share a contract, httpx2 and httpx: ours and theirs of each."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import unruffled

QUICK: dict[str, Any] = {"retry": {"base": "5ms"}}
TWICE: dict[str, Any] = {"retry": {"base": "5ms", "attempts": 2}}
EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 18\r\n\r\ndata: 1\n\n"


class Side:
    """A family."""

    def __init__(self, theirs: ModuleType) -> None:
        self.theirs: Any = theirs
        self.ours: Any = getattr(unruffled, theirs.__name__)

    def client(self, policy: Any = QUICK, **options: Any) -> Any:
        """Their client with ours beneath it."""
        return self.ours.client(policy, **{"trust_env": False, **options})
