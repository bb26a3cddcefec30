"""Plays the actions of one scenario with one client, and returns their results in the scenario's words."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from .client import AbsentError, AsyncClient, SyncClient, WrongError

Act = dict[str, Any]
Result = dict[str, Any]


class Tokens:
    """The bearer tokens after the first. One is taken for each refused token, not for each refused call."""

    def __init__(self, tokens: list[str]) -> None:
        self.calls = 1 if tokens else 0
        self._rest = tokens[1:]

    def next(self) -> str | None:
        """Returns another token, if there is one."""
        if not self._rest:
            return None
        self.calls += 1
        return self._rest.pop(0)


def op_of(act: Act, number: int) -> str:
    """Returns the text that names a write."""
    body = act.get("json")
    op = body.get("op", "a") if isinstance(body, dict) else "a"
    return str(op).replace("$i", str(number))


def is_write(act: Act) -> bool:
    """Returns whether an action uses the client's write operation."""
    return str(act["call"]).partition(" ")[0] not in ("GET", "HEAD", "OPTIONS")


def failure_of(client: SyncClient | AsyncClient, error: Exception) -> Result:
    """Returns what a user of the client sees of an exception."""
    status = client.status_of(error)
    if status is not None:
        return {"status": status}
    if isinstance(error, AbsentError):
        return {"error": "absent"}
    told = {"name": type(error).__name__, "text": str(error)}
    if isinstance(error, WrongError):
        return {"error": "wrong", **told}
    return {"error": "native", "family": client.family_of(error), **told}


class _Clock:
    """The beginning of a call, and what was reported of it."""

    def __init__(self, since: float) -> None:
        self._began = time.monotonic()
        self.result: Result = {"start": (self._began - since) * 1000}

    def ms(self) -> float:
        return (time.monotonic() - self._began) * 1000

    def headers(self, status: int) -> None:
        self.result |= {"status": status, "ms": self.ms()}

    def over(self, size: int) -> None:
        self.result |= {"bytes": size, "readMs": self.ms()}

    def failed(self, client: SyncClient | AsyncClient, error: Exception, delivered: bool) -> None:
        if delivered:
            self.result |= {"broke": self.ms(), "family": client.family_of(error), "name": type(error).__name__}
        else:
            self.result |= failure_of(client, error)

    def end(self) -> Result:
        self.result.setdefault("ms", self.ms())
        return self.result


class SyncPlay:
    """A player that uses threads."""

    def __init__(self, client: SyncClient, tokens: Tokens) -> None:
        self.client = client
        self.tokens = tokens

    def play(self, act: Act) -> Result:
        """Returns the result of one action."""
        start = time.monotonic()
        if "pause" in act:
            time.sleep(act["pause"] / 1000)
            return {}
        if "close" in act:
            self.client.close()
            return {}
        if "together" not in act:
            return self._call(act, 0, start)
        count = act["together"]
        with ThreadPoolExecutor(act.get("width", count)) as pool:
            calls = []
            for number in range(count):
                time.sleep(max(0.0, start + number * act.get("every", 0) / 1000 - time.monotonic()))
                calls.append(pool.submit(self._call, act, number, start))
            return {"calls": [call.result() for call in calls]}

    def _call(self, act: Act, number: int, since: float) -> Result:
        clock = _Clock(since)
        timer = _interrupt_after(act["cancelAfter"]) if "cancelAfter" in act else None
        try:
            self._once(act, number, clock)
            if clock.result.get("status") == 401 and not self.client.renews:
                token = self.tokens.next()
                if token is not None:
                    self.client.renew(token)
                    clock.result.pop("ms", None)
                    self._once(act, number, clock)
        except KeyboardInterrupt:
            clock.result |= {"error": "cancelled", "name": "KeyboardInterrupt"}
        finally:
            if timer is not None:
                timer.cancel()
        return clock.end()

    def _once(self, act: Act, number: int, clock: _Clock) -> None:
        client = self.client
        delivered = False
        try:
            if act.get("stream"):
                pieces = client.stream()
                clock.headers(next(pieces))
                delivered = True
                clock.over(sum(pieces))
            else:
                clock.headers(client.write(op_of(act, number)) if is_write(act) else client.read())
        except Exception as error:
            clock.failed(client, error, delivered)


def _interrupt_after(ms: float) -> threading.Timer:
    # A thread's only cancellation is the main thread's KeyboardInterrupt.
    main = threading.main_thread().ident
    assert main is not None
    timer = threading.Timer(ms / 1000, signal.pthread_kill, (main, signal.SIGINT))
    timer.daemon = True
    timer.start()
    return timer


class AsyncPlay:
    """A player that uses tasks of asyncio."""

    def __init__(self, client: AsyncClient, tokens: Tokens) -> None:
        self.client = client
        self.tokens = tokens

    async def play(self, act: Act) -> Result:
        """Returns the result of one action."""
        start = time.monotonic()
        if "pause" in act:
            await asyncio.sleep(act["pause"] / 1000)
            return {}
        if "close" in act:
            await self.client.close()
            return {}
        if "together" not in act:
            return await self._call(act, 0, start)
        count: int = act["together"]
        places = asyncio.Semaphore(act.get("width", count))

        async def one(number: int) -> Result:
            await asyncio.sleep(max(0.0, start + number * act.get("every", 0) / 1000 - time.monotonic()))
            async with places:
                return await self._call(act, number, start)

        return {"calls": await asyncio.gather(*map(one, range(count)))}

    async def _call(self, act: Act, number: int, since: float) -> Result:
        clock = _Clock(since)
        await self._cancellable(act, clock, lambda: self._once(act, number, clock))
        if clock.result.get("status") == 401 and not self.client.renews:
            token = self.tokens.next()
            if token is not None:
                self.client.renew(token)
                clock.result.pop("ms", None)
                await self._once(act, number, clock)
        return clock.end()

    async def _cancellable(self, act: Act, clock: _Clock, work: Callable[[], Awaitable[None]]) -> None:
        if "cancelAfter" not in act:
            await work()
            return
        task = asyncio.ensure_future(work())
        timer = asyncio.get_running_loop().call_later(act["cancelAfter"] / 1000, task.cancel)
        try:
            await task
        except asyncio.CancelledError:
            clock.result |= {"error": "cancelled", "name": "CancelledError"}
        finally:
            timer.cancel()

    async def _once(self, act: Act, number: int, clock: _Clock) -> None:
        client = self.client
        delivered = False
        try:
            if act.get("stream"):
                pieces = client.stream()
                clock.headers(await anext(pieces))
                delivered = True
                clock.over(sum([size async for size in pieces]))
            else:
                clock.headers(await (client.write(op_of(act, number)) if is_write(act) else client.read()))
        except Exception as error:
            clock.failed(client, error, delivered)
