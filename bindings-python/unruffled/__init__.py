"""HTTP calls that stay calm: retries, backoff, breaker, rate limits, deadlines, decided by one core in all languages.

    orders = unruffled.Client("orders.policy.json", credentials=vault.token)
    order = orders.get("/orders/{id}", path={"id": 7}).json()

The policy file says what the API needs; nothing else has to be set. `Client` is for threads, `AsyncClient` for asyncio
and trio. Importing this module is cheap: the core is loaded with the first client.

Under a client that you already have: `unruffled.httpx2`, `.httpx`, `.requests`, `.aiohttp`. Each is imported when it is
first used, and needs the package that it is named after.
"""

from typing import TYPE_CHECKING, Any

from ._client.call import Options
from ._client.client import AsyncClient, AsyncStream, Client, Stream
from ._core.errors import CallError, InternalError, Issue, PolicyError, StatusError, UsageError
from ._driver.credentials import Need, Token
from ._driver.engine import Event
from ._driver.record import explain

if TYPE_CHECKING:
    from . import aiohttp as aiohttp
    from . import httpx as httpx
    from . import httpx2 as httpx2
    from . import requests as requests

__version__ = "0.1.0"

__all__ = [
    "AsyncClient",
    "AsyncStream",
    "CallError",
    "Client",
    "Event",
    "InternalError",
    "Issue",
    "Need",
    "Options",
    "PolicyError",
    "StatusError",
    "Stream",
    "Token",
    "UsageError",
    "explain",
]


if not TYPE_CHECKING:
    # Hidden from type checkers: to them every name would be there.

    def __getattr__(name: str) -> Any:
        """The adapters, at their first use."""
        if name in ("aiohttp", "httpx", "httpx2", "requests"):
            import importlib

            return importlib.import_module(f"{__name__}.{name}")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
