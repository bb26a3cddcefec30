"""mcp: a `Client` over `streamable_http_client(url, http_client=unruffled.httpx2.async_client(policy))`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
import mcp
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client
from mcp.types import CONNECTION_CLOSED, REQUEST_TIMEOUT

from .client import AsyncClient, Family, Kind, Setup

# It logs what it also raises.
logging.getLogger("mcp").setLevel(logging.CRITICAL)


class RefusedError(Exception):
    """The server answered with this status; mcp itself does not tell it."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def status_of(error: BaseException) -> int | None:
    return error.status if isinstance(error, RefusedError) else None


def family_of(error: BaseException) -> Family:
    # What ends a connection comes out of the `async with` in a group.
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, mcp.MCPError):
        return "timeout" if error.code == REQUEST_TIMEOUT else "connection"
    if isinstance(error, httpx2.TimeoutException):
        return "timeout"
    return "connection" if isinstance(error, httpx2.TransportError) else "other"


class Async(AsyncClient):
    status_of = staticmethod(status_of)
    family_of = staticmethod(family_of)

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.http: httpx2.AsyncClient
        if setup.policy is None:
            self.http = create_mcp_http_client()
        else:
            import unruffled

            # Reads and writes go to one URL; the policy's author says that these may be sent again.
            routes = {"POST /*": {"repeatable": True}, **setup.policy.get("routes", {})}
            self.http = unruffled.httpx2.async_client({**setup.policy, "routes": routes}, timeout=30)
        self.http.event_hooks = {"response": [self._answered]}
        self.renew(setup.token)
        self.status = 0
        self.mcp: Any = None
        self.holder: asyncio.Task[None] | None = None

    async def _answered(self, response: httpx2.Response) -> None:
        self.status = response.status_code

    async def open(self) -> None:
        ready = asyncio.get_running_loop().create_future()
        self.over = asyncio.Event()
        # In a task of its own: a failure of the transport cancels whoever entered the client.
        self.holder = asyncio.create_task(self._held(ready))
        await ready

    async def _held(self, ready: asyncio.Future[None]) -> None:
        transport = streamable_http_client(f"{self.setup.base}/mcp", http_client=self.http)
        try:
            async with mcp.Client(transport, mode="2026-07-28", read_timeout_seconds=self.setup.timeout) as self.mcp:
                # All that it sends once for each connection.
                await self.mcp.list_tools()
                ready.set_result(None)
                await self.over.wait()
        except Exception as error:
            if not ready.done():
                ready.set_exception(error)
                return
            raise

    async def _asked(self, call: Callable[[Any], Awaitable[object]]) -> int:
        assert self.holder is not None
        if self.holder.done():
            await self.open()
        try:
            await call(self.mcp)
        except mcp.MCPError as error:
            if error.code == CONNECTION_CLOSED:
                await self.holder
            if error.code != REQUEST_TIMEOUT and self.status >= 400:
                raise RefusedError(self.status) from error
            raise
        return 200

    async def read(self) -> int:
        return await self._asked(lambda client: client.list_tools())

    async def write(self, op: str) -> int:
        return await self._asked(lambda client: client.call_tool("thing", {"op": op}))

    def renew(self, token: str) -> None:
        self.http.headers["Authorization"] = f"Bearer {token}"

    async def close(self) -> None:
        self.over.set()
        if self.holder is not None:
            await asyncio.wait([self.holder])
        await self.http.aclose()


CLIENTS = [Kind("mcp-async", "unruffled.httpx2.async_client", "mcp", Async)]
