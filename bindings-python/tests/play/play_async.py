"""Plays a scenario with `unruffled.AsyncClient`, on asyncio or trio."""

from __future__ import annotations

import time
from contextlib import AbstractAsyncContextManager
from typing import Any

import anyio
import httpx2

import unruffled

from .acts import Credentials, answer_of, failure_of, options_of, request_of, target_of

Result = dict[str, Any]


class AsyncPlay:
    """A player of one scenario."""

    runtime = "python-async"

    def __init__(self, scenario: dict[str, Any], base: str) -> None:
        items = scenario.get("credentials")
        self.credentials = Credentials(items) if items else None
        policy = {**scenario.get("policy", {}), "baseUrl": base}
        self.base = base
        #: A client of httpx2 with a drop-in under it, for the scenarios of drop-ins.
        self.under: httpx2.AsyncClient | None = None
        if scenario.get("client") == "dropin":
            self.under = unruffled.httpx2.async_client(policy, trust_env=False)
        self.client = unruffled.AsyncClient(
            policy,
            credentials=self._token if items else None,
            correlation_id=(lambda: scenario["correlation"]) if "correlation" in scenario else None,
            trust_env=False,
        )

    async def _token(self) -> str | unruffled.Token:
        assert self.credentials is not None
        delay, item = self.credentials.next()
        await anyio.sleep(delay)
        return self.credentials.given(item)

    async def close(self) -> None:
        if self.under is not None:
            await self.under.aclose()
        await self.client.aclose()

    async def play(self, act: dict[str, Any]) -> Result:
        """Returns the result of one action."""
        start = time.monotonic()
        if "pause" in act:
            await anyio.sleep(act["pause"] / 1000)
            return {}
        if "close" in act:
            await self.client.aclose()
            return {}
        if "together" not in act:
            return await self.call(act, 0, start)
        count = act["together"]
        places = anyio.Semaphore(act.get("width", count))
        calls: list[Result] = [{} for _ in range(count)]

        async def one(number: int) -> None:
            try:
                calls[number] = await self.call(act, number, start)
            finally:
                places.release()

        async with anyio.create_task_group() as tasks:
            for number in range(count):
                due = start + number * act.get("every", 0) / 1000
                if "every" in act:
                    await anyio.sleep(max(0.0, due - time.monotonic()))
                await places.acquire()
                tasks.start_soon(one, number)
        return {"calls": calls}

    async def call(self, act: dict[str, Any], number: int, since: float) -> Result:
        """Returns the result of one call."""
        start = time.monotonic()
        result: Result = {"start": (start - since) * 1000}
        async with anyio.create_task_group() as tasks:
            if "closeAfter" in act:
                tasks.start_soon(self._close_after, act["closeAfter"] / 1000)
            with anyio.CancelScope() as scope:
                if "cancelAfter" in act:
                    tasks.start_soon(_cancel_after, scope, act["cancelAfter"] / 1000)
                try:
                    result |= await self._read(act, number, start)
                except Exception as error:
                    result |= failure_of(error)
            if scope.cancelled_caught:
                result |= {"error": "cancelled", "name": "Cancelled", "text": ""}
            result.setdefault("ms", (time.monotonic() - start) * 1000)
            if "closeAfter" not in act:
                tasks.cancel_scope.cancel()
        return result

    async def _close_after(self, seconds: float) -> None:
        await anyio.sleep(seconds)
        await self.client.aclose()

    async def _read(self, act: dict[str, Any], number: int, start: float) -> Result:
        if self.under is not None:
            method, url, given = request_of(act, number, self.base)
            if not act.get("stream"):
                return answer_of(act, await self.under.request(method, url, **given))
            return await self._streamed(self.under.stream(method, url, **given), start)
        method, path = target_of(act)
        options = options_of(act, number)
        if not act.get("stream"):
            return answer_of(act, await self.client.request(method, path, **options))
        return await self._streamed(self.client.stream(method, path, **options), start)

    async def _streamed(self, stream: AbstractAsyncContextManager[httpx2.Response], start: float) -> Result:
        async with stream as response:
            result: Result = {"status": response.status_code, "ms": (time.monotonic() - start) * 1000}
            try:
                size = 0
                async for piece in response.aiter_bytes():
                    size += len(piece)
                result["bytes"] = size
                result["readMs"] = (time.monotonic() - start) * 1000
            except Exception:
                result["broke"] = (time.monotonic() - start) * 1000
            return result


async def _cancel_after(scope: anyio.CancelScope, seconds: float) -> None:
    await anyio.sleep(seconds)
    scope.cancel()
