"""The loop over the core's steps, once for every kind of client.

`drive` is one coroutine over a small host. An asynchronous host awaits; the synchronous one never suspends, so `run`
drives it by a single `send`. Decides nothing: whether to retry, how long to wait and when to give up come as words.
"""

from __future__ import annotations

import datetime
from collections.abc import Coroutine
from typing import Any, Protocol, TypeVar, cast

import httpx2

from . import _codes as codes
from ._call import Call
from ._credentials import CredentialsFailedError
from ._engine import Engine
from ._errors import CallError, Reason, StatusError
from ._faults import TooLargeError, fault_of
from ._record import Record, attach

T = TypeVar("T")


class Host(Protocol):
    """What the loop asks of a platform."""

    async def attempt(self, call: Call, word: int) -> httpx2.Response:
        """Sends the call once, within the word's time limit. Below 400 and not streamed: with its whole body."""
        ...

    async def gather(self, call: Call, most: int, until: int | None) -> bytes:
        """The first bytes of the last response's body; no longer than until `until` (the engine's ms) or the attempt's
        limit. Does not raise when the body breaks off: what came is given.
        """
        ...

    async def keep(self, call: Call, until: int | None) -> None:
        """Keeps at most 64 KiB of the last response's body and closes it."""
        ...

    async def read(self, call: Call) -> None:
        """Reads the last response's whole body, at most `maxBody`. Raises as httpx2 does."""
        ...

    async def pause(self, engine: Engine, number: int, ms: int) -> None:
        """Waits so long, or until the call is woken."""
        ...

    async def refresh(self, engine: Engine, call: Call, number: int, generation: int) -> None:
        """Asks the call's credentials for a token and tells the engine; the asking outlives the call."""
        ...


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that never suspends."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return cast(T, end.value)
    coroutine.close()
    raise RuntimeError("a synchronous host suspended")


async def drive(host: Host, call: Call) -> httpx2.Response:
    """Makes the call: attempts and waits as the core says, then the answer, or an exception that says why not."""
    engine = call.engine
    handle, now = engine.handle, engine.now
    engine.check_logging()
    started = now()
    deadline = started + call.deadline if call.deadline else 0
    word = codes.MISUSE_LIVE
    over = False
    number = due = seen = 0
    # Begun inside, so that an interrupt between the crossing and what follows it finds the call.
    try:
        while word == codes.MISUSE_LIVE:
            number = next(engine.numbers) & 0xFFFFFFFF
            word = engine.begin(handle, number, started, call.route_number, call.scope, call.what, deadline)
        while True:
            seen |= word
            if word & codes.WAKES:
                engine.wake()
            kind = word & codes.KIND
            if kind == codes.SEND:
                try:
                    response = await host.attempt(call, word)
                except Exception as error:
                    word = _broke(engine, call, number, error)
                    if word & codes.KIND == codes.FAIL and fault_of(error, call.reading) == codes.REFUSED:
                        over = True
                        if isinstance(error, CredentialsFailedError):
                            raise _failure(engine, call, number, word, started, "auth") from error.__cause__
                        raise
                    due = now() + (word >> codes.ARG)
                else:
                    word, at = await _answered(host, engine, call, number, response)
                    due = at + (word >> codes.ARG)
            elif kind == codes.DELIVER:
                over = True
                return await _deliver(host, engine, call, number, word, started)
            elif kind == codes.WAIT or kind == codes.PARK:
                # A wait counts from its word, not from when the last answer was put away.
                left = due - now() if due else word >> codes.ARG
                if left > 0:
                    await host.pause(engine, number, left)
                word = engine.resume(handle, number, now())
                due = now() + (word >> codes.ARG)
            elif kind == codes.REFRESH:
                await host.refresh(engine, call, number, word >> codes.ARG)
                word = engine.resume(handle, number, now())
                due = now() + (word >> codes.ARG)
            elif kind == codes.FAIL:
                over = True
                if word & codes.RESPONSE and not call.raise_ and call.response is not None:
                    return attach(call.response, Record(engine, number, word, started))
                failure = _failure(engine, call, number, word, started)
                raise failure from _cause(call, failure)
            else:
                raise engine.refused(word)
    finally:
        if not over:
            engine.abandon(number)
        if engine.waiting.early:
            engine.waiting.forget(number)
        if seen & codes.EVENTS or engine.eager:
            engine.tell()


def _broke(engine: Engine, call: Call, number: int, error: Exception) -> int:
    """An attempt ended without an answer: the word for that."""
    call.error = error
    word = engine.fault(engine.handle, number, engine.now(), fault_of(error, call.reading))
    if word & codes.WAKES:
        engine.wake()
    return word & ~codes.WAKES


async def _answered(host: Host, engine: Engine, call: Call, number: int, response: httpx2.Response) -> tuple[int, int]:
    """An attempt has its answer: the word for it and when it was given. What is not delivered is put away."""
    call.response, call.error = response, None
    status = response.status_code
    hints = watched(response, engine.watch_error, engine.watch_success if status < 400 else None)
    body = b""
    if status in call.route.body_statuses and not (call.streamed and status < 400):
        body = await host.gather(call, codes.MOST_BODY, None)
    at = engine.now()
    if hints or body:
        word = engine.respond_with(engine.handle, number, at, engine.wall(), status, hints, len(hints), body, len(body))
    else:
        word = engine.respond(engine.handle, number, at, status)
    if word & codes.WAKES:
        # Now, not when the body of a discarded answer has been put away.
        word ^= codes.WAKES
        engine.wake()
    kind = word & codes.KIND
    if kind == codes.FAIL and not call.raise_:
        await _whole(host, call)
    elif kind != codes.DELIVER:
        await host.keep(call, at + (word >> codes.ARG) if kind == codes.WAIT else None)
    return word, at


async def _deliver(host: Host, engine: Engine, call: Call, number: int, word: int, started: int) -> httpx2.Response:
    response = cast(httpx2.Response, call.response)
    record = Record(engine, number, word, started)
    status = response.status_code
    if status >= 400:
        outcome = codes.OUTCOMES[word >> codes.ARG]
        if call.raise_:
            await host.keep(call, None)
            raise StatusError(
                call.target,
                "status",
                outcome,
                record.report(status),
                response=response,
                maybe_applied=bool(word & codes.APPLIED),
            )
        if not call.streamed:
            error = await _whole(host, call)
            if error is not None:
                reason: Reason = "timeout" if isinstance(error, httpx2.TimeoutException) else "network"
                raise CallError(call.target, reason, outcome, record.report(status)) from error
    return attach(response, record)


async def _whole(host: Host, call: Call) -> Exception | None:
    """Reads the body of an answer that is returned although it is an error; what broke it off, if something did."""
    try:
        await host.read(call)
    except (httpx2.HTTPError, TooLargeError) as error:
        return error
    return None


def _cause(call: Call, failure: CallError) -> Exception | None:
    if failure.reason == "auth" and call.credential is not None and call.credential.error is not None:
        return call.credential.error
    return call.error


def _failure(
    engine: Engine, call: Call, number: int, word: int, started: int, reason: Reason | None = None
) -> CallError:
    arg = word >> codes.ARG
    why = reason or codes.REASONS[arg & 63]
    outcome = codes.OUTCOMES[arg >> 6 & 3]
    after: int | None = arg >> 8
    if after == codes.NO_TIME:
        after = None
    report: dict[str, Any]
    report = engine.report(number) if word & codes.REPORT else {"attempts": 0, "elapsed": engine.now() - started}
    report["retryAfterMs"] = after
    retry_at = None
    if after is not None:
        retry_at = datetime.datetime.fromtimestamp((engine.wall() + after) / 1000, datetime.UTC)
    kept = call.response if word & codes.RESPONSE else None
    if kept is not None:
        return StatusError(call.target, why, outcome, report, retry_at=retry_at, response=kept)
    return CallError(call.target, why, outcome, report, retry_at=retry_at)


def watched(response: httpx2.Response, names: frozenset[bytes], sign: frozenset[bytes] | None) -> bytes:
    """The header lines that the core asked for, `name: value` each, at most 8 KiB in all; empty = none is there.

    `sign`: names of which one must be there, or nothing is told: on success only a gauge's are worth a crossing.
    """
    raw = response.headers.raw
    if sign is not None and not any(name.lower() in sign for name, _ in raw):
        return b""
    lines: list[bytes] = []
    size = 0
    for name, value in raw:
        low = name.lower()
        if low in names:
            line = low + b": " + value.replace(b"\n", b" ") + b"\n"
            # A header too long to be meant seriously is as good as absent.
            if size + len(line) <= codes.MOST_HINTS:
                size += len(line)
                lines.append(line)
    return b"".join(lines)
