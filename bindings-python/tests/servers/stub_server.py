"""The fault server's scripts, played without sockets on a virtual clock, as far as the torture needs them.

The counts of that server (commits, operations, connections) are left out. Answers, delays, faults, phases, tokens,
buckets and pools come in the same order. `Answer` says what happens to a request, and the transports do it.
"""

from __future__ import annotations

import email.utils
import fnmatch
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import httpx2

from unruffled._driver.deadline import remaining

#: Virtual seconds within which a time limit must end a stall.
_STALL = 3600.0
_MIB = 1 << 20


@dataclass
class Answer:
    """What happens to one request, in order: `before` seconds, an error or the head, pieces, an error or the end."""

    before: float = 0.0
    error: type[httpx2.TransportError] | None = None
    status: int = 200
    headers: list[tuple[str, str]] = field(default_factory=list)
    pieces: list[bytes] = field(default_factory=list)
    #: Seconds before each piece.
    each: float = 0.0
    #: After the pieces.
    end: type[httpx2.TransportError] | None = None
    #: Whether nothing comes after the pieces.
    stalls: bool = False


# The exceptions of a client for faults that end the request before its head.
_BEFORE = {
    "reset-before": httpx2.WriteError,
    "reset-after": httpx2.ReadError,
    "close": httpx2.RemoteProtocolError,
    "garbage": httpx2.RemoteProtocolError,
    "huge-header": httpx2.RemoteProtocolError,
}


class Server:
    """One run of a script."""

    def __init__(self, script: dict[str, Any]) -> None:
        self._script = script
        self._start = time.monotonic()
        self._counts: dict[Any, int] = {}
        self._phases: dict[int, float] = {}
        self._window: dict[int, list[float]] = {}
        self._busy: dict[int, list[float]] = {}

    def answer(self, request: httpx2.Request) -> Answer:
        """Returns what happens to this request."""
        refuse = self._script.get("refuse")
        if refuse == "silently":
            # A connection attempt without an answer ends with its own limit.
            connect = request.extensions["timeout"]["connect"]
            return Answer(before=connect or _STALL, error=httpx2.ConnectTimeout)
        if refuse is True or (refuse and (time.monotonic() - self._start) * 1000 < refuse):
            return Answer(error=httpx2.ConnectError)
        return self._of_node(self._script, request)

    def _of_node(self, node: dict[str, Any], request: httpx2.Request) -> Answer:
        path = request.url.path
        for pattern in sorted(node.get("paths", {}), key=len, reverse=True):
            if fnmatch.fnmatch(path, pattern) or fnmatch.fnmatch(f"{request.method} {path}", pattern):
                return self._of_node(node["paths"][pattern], request)
        now = time.monotonic()
        if "phases" in node:
            since = now - self._phases.setdefault(id(node), now)
            for phase in node["phases"]:
                if phase is node["phases"][-1] or since * 1000 < phase["for"]:
                    return self._of_node(phase, request)
                since -= phase["for"] / 1000
        if "tokens" in node and request.headers.get("authorization", "").removeprefix("Bearer ") not in node["tokens"]:
            return Answer(status=401)
        gauge: list[tuple[str, str]] = []
        if "bucket" in node:
            refused, gauge = self._drawn(node["bucket"], now)
            if refused is not None:
                return refused
        if "pool" in node:
            return self._pooled(node["pool"], now)
        answer = self._made(self._listed(node, path), request)
        answer.headers += gauge
        return answer

    def _listed(self, node: dict[str, Any], path: str) -> dict[str, Any]:
        """Returns the answer whose turn it is."""
        flat = [item for item in node.get("answers", []) for _ in range(item.get("times", 1))]
        key = (id(node), path if "per" in node else "")
        turn = self._counts.get(key, 0)
        self._counts[key] = turn + 1
        if node.get("cycle") and flat:
            return dict(flat[turn % len(flat)])
        return dict(flat[turn] if turn < len(flat) else node.get("then", {}))

    def _drawn(self, bucket: dict[str, Any], now: float) -> tuple[Answer | None, list[tuple[str, str]]]:
        """Counts in a sliding window instead of the bucket's kinds; returns its headers."""
        per = bucket.get("per", 1000) / 1000
        most = bucket.get("burst", bucket["rate"])
        taken = [at for at in self._window.get(id(bucket), []) if at > now - per]
        self._window[id(bucket)] = taken
        if len(taken) >= most:
            wait = max(0.001, taken[0] + per - now)
            return Answer(status=429, headers=[("Retry-After", str(-int(-wait // 1)))]), []
        taken.append(now)
        left = str(most - len(taken))
        return None, [("X-RateLimit-Limit", str(most)), ("X-RateLimit-Remaining", left), ("X-RateLimit-Reset", "1")]

    def _pooled(self, pool: dict[str, Any], now: float) -> Answer:
        """Gives each request the worker that is free first. A refusal beyond the queue takes one, too."""
        ends = self._busy.setdefault(id(pool), [0.0] * pool["workers"])
        free = min(range(len(ends)), key=ends.__getitem__)
        begin = max(now, ends[free])
        waiting = sum(max(0.0, end - now) for end in ends) * 1000 / pool["service"] / len(ends)
        refused = waiting > pool["queue"]
        ends[free] = begin + (pool["reject"] if refused else pool["service"]) / 1000
        return Answer(before=ends[free] - now, status=503 if refused else 200, pieces=[b"{}"])

    def _made(self, item: dict[str, Any], request: httpx2.Request) -> Answer:
        """Makes an answer of a script."""
        fault = item.get("fault")
        answer = Answer(before=item.get("delay", 0) / 1000, status=item.get("status", 200))
        if fault in _BEFORE:
            answer.error = _BEFORE[fault]
        elif fault == "stall-headers":
            answer.before, answer.error = _STALL, httpx2.ReadTimeout
        body = _body(item, request)
        answer.headers = [(name, text) for name, value in item.get("headers", {}).items() for text in _values(value)]
        answer.headers.append(("Date", email.utils.formatdate(time.time(), usegmt=True)))
        answer.pieces = [body] if body else []
        if fault == "many-headers":
            answer.headers += [("X-Many", "1")] * 500
        elif fault in ("truncate", "cut-chunk"):
            answer.pieces, answer.end = [body[: len(body) // 2]], httpx2.RemoteProtocolError
        elif fault == "stall-body":
            answer.pieces, answer.stalls = [body[: len(body) // 2]], True
        elif fault == "dribble":
            piece = max(item.get("piece", 1), len(body) // 20, 1)
            answer.pieces = [body[at : at + piece] for at in range(0, len(body), piece)]
            answer.each = item.get("every", 100) / 1000
        elif fault == "endless":
            answer.pieces, answer.each = [b"x" * _MIB] * 64, 0.01
        return answer


def _body(item: dict[str, Any], request: httpx2.Request) -> bytes:
    if "json" in item:
        return json.dumps(item["json"]).encode()
    if "bytes" in item:
        return b"x" * int(item["bytes"])
    if item.get("echo"):
        return json.dumps({"method": request.method, "headers": dict(request.headers)}).encode()
    return str(item.get("body", "{}")).encode()


def _values(value: Any) -> list[str]:
    """Returns a header's lines."""
    if isinstance(value, list):
        return [text for item in value for text in _values(item)]
    if isinstance(value, dict) and "date" in value:
        return [email.utils.formatdate(time.time() + value["date"] / 1000, usegmt=True)]
    if isinstance(value, dict):
        at = time.time() * 1000 + value["epoch"]
        return [str(int(at if value.get("unit") == "ms" else at / 1000))]
    return [str(value)]


class Watch(Protocol):
    """An observer of the host's steps, which may make them fail."""

    def step(self, kind: str) -> None:
        """Reports that a step of this kind is due."""
        ...

    def opened(self, change: int) -> None:
        """Reports a change of the number of open answers."""
        ...


class StubTransport(httpx2.BaseTransport):
    """A transport that plays answers to a synchronous client. `sleep` is the virtual clock's."""

    def __init__(self, server: Server, watch: Watch, sleep: Callable[[float], None]) -> None:
        self._server = server
        self._watch = watch
        self._sleep = sleep

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Returns the head of the answer."""
        self._watch.step("send")
        answer = self._server.answer(request)
        limit = request.extensions["timeout"]["read"]
        self._wait(answer.before, limit)
        if answer.error is not None:
            raise answer.error("the server's fault", request=request)
        self._watch.step("headers")
        return httpx2.Response(answer.status, headers=answer.headers, stream=self._Body(self, answer, request))

    def _wait(self, seconds: float, limit: float | None) -> None:
        """Waits as a socket does: at most until the operation's limit and the thread's deadline."""
        left = remaining(limit, httpx2.ReadTimeout)
        if left is not None and seconds > left:
            self._sleep(left)
            raise httpx2.ReadTimeout("nothing came")
        if seconds:
            self._sleep(seconds)

    class _Body(httpx2.SyncByteStream):
        def __init__(self, transport: StubTransport, answer: Answer, request: httpx2.Request) -> None:
            self._transport = transport
            self._answer = answer
            self._request = request
            self._open = True
            transport._watch.opened(1)

        def __iter__(self) -> Iterator[bytes]:
            transport, answer = self._transport, self._answer
            # As httpcore2 does: read when the body is first asked for.
            limit = self._request.extensions["timeout"]["read"]
            for number, piece in enumerate(answer.pieces):
                if number < 2:
                    transport._watch.step("read")
                transport._wait(answer.each, limit)
                yield piece
            if answer.stalls:
                transport._wait(_STALL, limit)
            if answer.end is not None:
                raise answer.end("the body broke off")

        def close(self) -> None:
            if self._open:
                self._open = False
                self._transport._watch.opened(-1)
                self._transport._watch.step("close")


class AsyncStubTransport(httpx2.AsyncBaseTransport):
    """A transport that plays answers to an asynchronous client."""

    def __init__(self, server: Server, watch: Watch, sleep: Callable[[float], Awaitable[None]]) -> None:
        self._server = server
        self._watch = watch
        self._sleep = sleep

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Returns the head of the answer."""
        self._watch.step("send")
        # A cancellation arrives where the task is suspended.
        await self._sleep(0)
        answer = self._server.answer(request)
        if answer.before:
            await self._sleep(answer.before)
        if answer.error is not None:
            raise answer.error("the server's fault", request=request)
        self._watch.step("headers")
        await self._sleep(0)
        return httpx2.Response(answer.status, headers=answer.headers, stream=self._Body(self, answer, request))

    async def _wait(self, seconds: float, limit: float | None) -> None:
        """Waits as a socket does: at most until the operation's limit."""
        if limit is not None and seconds > limit:
            await self._sleep(limit)
            raise httpx2.ReadTimeout("nothing came")
        await self._sleep(seconds)

    class _Body(httpx2.AsyncByteStream):
        def __init__(self, transport: AsyncStubTransport, answer: Answer, request: httpx2.Request) -> None:
            self._transport = transport
            self._answer = answer
            self._request = request
            self._open = True
            transport._watch.opened(1)

        async def __aiter__(self) -> AsyncIterator[bytes]:
            transport, answer = self._transport, self._answer
            limit = self._request.extensions["timeout"]["read"]
            for number, piece in enumerate(answer.pieces):
                if number < 2:
                    transport._watch.step("read")
                await transport._wait(answer.each, limit)
                yield piece
            if answer.stalls:
                await transport._wait(_STALL, limit)
            if answer.end is not None:
                raise answer.end("the body broke off")

        async def aclose(self) -> None:
            if self._open:
                self._open = False
                self._transport._watch.opened(-1)
                self._transport._watch.step("close")
                await self._transport._sleep(0)
