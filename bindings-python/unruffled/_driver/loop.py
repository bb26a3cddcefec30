"""The loop over the core's steps, for every kind of client.

`drive` is one coroutine over a small host. An asynchronous host awaits. A synchronous one never suspends, so that `run`
runs it by a single `send`. It decides nothing: step words say whether to retry, how long to wait and when to stop.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, NamedTuple, NoReturn, Protocol, TypeVar, cast

from .._core import codes, step_word
from .call import Call
from .engine import Engine, WatchedHeaders

T = TypeVar("T")
R = TypeVar("R")
#: Milliseconds for the body of an answer that another attempt follows.
_BODY_MS = 1000
J = TypeVar("J", bound=Call[Any], contravariant=True)


class Host(Protocol[J, R]):
    """The part of a client or drop-in that the loop needs: it sends attempts, waits, and ends a call for its caller."""

    @property
    def status(self) -> Callable[[R], int]:
        """Returns the status of an answer."""
        ...

    @property
    def lines(self) -> Callable[[R], Sequence[tuple[bytes, bytes]]]:
        """Returns the header lines of an answer."""
        ...

    @property
    def follows(self) -> bool:
        """Returns whether redirects are followed within an attempt."""
        ...

    def by(self, call: J, response: R) -> int:
        """Returns the scope of the origin that answered after a redirect, to add to the status; 0 = no redirect."""
        ...

    async def attempt(self, call: J, word: int) -> R:
        """Sends the call once, within the word's time limit. Reads the body of a status below 400 unless `streamed`."""
        ...

    def fault(self, call: J, error: Exception) -> int:
        """Returns the fault of the attempt's exception, with its cause.

        REFUSED without a cause is the caller's own mistake, which `mistaken` raises again.
        """
        ...

    async def read_prefix(self, call: J, most: int, until: int | None) -> bytes:
        """Reads the first bytes of the last response's body, at most until `until` (the engine's ms) or the attempt's
        limit. Does not raise where the body breaks off, but returns what came.
        """
        ...

    async def retain(self, call: J, until: int | None) -> None:
        """Retains at most 64 KiB of the last response's body and closes it: the call may end without a newer one."""
        ...

    async def finish(self, call: J) -> None:
        """Retains what `fail` needs of the last response of a failed call."""
        ...

    async def pause(self, engine: Engine, number: int, ms: int) -> None:
        """Waits so many milliseconds, or until the call is woken."""
        ...

    async def refresh(self, engine: Engine, call: J, number: int, word: int) -> None:
        """Fetches the token of a Refresh and reports it to the engine."""
        ...

    async def deliver(self, call: J, number: int, word: int, started: int) -> R:
        """Returns the caller's answer for a Deliver. May raise."""
        ...

    async def fail(self, call: J, number: int, word: int, started: int) -> R:
        """Raises for a Fail, or returns the last response where the client's contract says so."""
        ...

    def mistaken(self, call: J, error: Exception) -> Exception:
        """Returns the caller's own exception for a fault that was the caller's mistake, with its own cause."""
        ...


class Begun(NamedTuple):
    """A call that a host has begun on its own short path, and that `drive` goes on with."""

    number: int
    #: When it was begun, in the engine's milliseconds.
    started: int
    #: The core's last word.
    word: int
    #: The answer or the exception of the attempt that the word asks for; None = it was not made.
    ended: Any = None
    #: When the last answer was reported to the core; None = it was not.
    at: int | None = None


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine that never suspends; returns its result."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return cast(T, end.value)
    coroutine.close()
    raise RuntimeError("a synchronous host suspended")


async def drive(host: Host[J, R], call: J, begun: Begun | None = None) -> R:
    """Makes the call: attempts and waits as the core says, then returns the answer or raises.

    `begun`: a call that the host has begun on its own short path.
    """
    engine = call.engine
    handle, now = engine.handle, engine.now
    if begun is None:
        engine.check_logging()
        begun = Begun(0, now(), step_word.LIVE)
    number, started, word, ended, hinted = begun
    # The frame is in the traceback of an exception that `begun` holds.
    begun = None
    deadline = started + call.deadline if call.deadline else 0
    due = seen = 0
    # Begun inside, so that an interrupt between the crossing and what follows it finds the call.
    try:
        while word == step_word.LIVE:
            number = next(engine.numbers) & 0xFFFFFFFF
            word = engine.begin(handle, number, started, call.target_number, call.scope, call.flags, deadline)
        if hinted is not None:
            word, due = await _retain_answer(host, engine, call, word, hinted)
        while True:
            seen |= word
            if word & codes.WAKES:
                engine.wake()
            kind = word & step_word.KIND
            if kind == codes.SEND:
                broke: Exception | None = None
                if ended is None:
                    try:
                        response = await host.attempt(call, word)
                    except Exception as error:
                        broke = error
                elif isinstance(ended, Exception):
                    broke, ended = ended, None
                else:
                    response, ended = ended, None
                if broke is None:
                    status = host.status(response)
                    if status < 400 and not (call.hinted or host.follows or status in call.body_statuses):
                        # Most answers: only the status is reported.
                        call.response, call.error = response, None
                        word = engine.respond(handle, number, at := now(), status)
                        if word & step_word.KIND != codes.DELIVER:
                            word, due = await _retain_answer(host, engine, call, word, at)
                    else:
                        word, due = await _report_answer(host, engine, call, number, response)
                else:
                    # Outside of the handler, so that this exception is no context of those raised next.
                    word, due = _report_fault(host, engine, call, number, broke)
                    broke = None
            elif kind == codes.DELIVER:
                call.over = True
                return await host.deliver(call, number, word, started)
            elif kind == codes.WAIT or kind == codes.PARK or kind == codes.REFRESH:
                word, due = await _wait(host, engine, call, number, word, due)
            elif kind == codes.FAIL:
                call.over = True
                return await host.fail(call, number, word, started)
            else:
                raise engine.refused(word)
    finally:
        if not call.over:
            engine.abandon(number)
            call.over = True
        if engine.waiting.early:
            engine.waiting.forget(number)
        if seen & codes.EVENTS or engine.eager:
            engine.notify()


def _raise(own: Exception) -> NoReturn:
    context = own.__context__
    try:
        raise own
    finally:
        own.__context__ = context


async def _wait(host: Host[J, R], engine: Engine, call: J, number: int, word: int, due: int) -> tuple[int, int]:
    """Makes a Wait, a Park or a Refresh; returns the next word, and when a wait that it asks for is over.

    `due`: when this wait is over, in the engine's milliseconds; 0 = it counts from now.
    """
    if word & step_word.KIND == codes.REFRESH:
        await host.refresh(engine, call, number, word)
    else:
        # A wait counts from its word, not from when the last answer was retained.
        left = due - engine.now() if due else word >> step_word.ARG
        if left > 0:
            await host.pause(engine, number, left)
    word = engine.resume(engine.handle, number, engine.now())
    return word, engine.now() + (word >> step_word.ARG)


def _report_fault(host: Host[J, R], engine: Engine, call: J, number: int, error: Exception) -> tuple[int, int]:
    """Reports an attempt without an answer; returns the next word, and when a wait that it asks for is over.

    Raises the exception itself if it is the caller's own mistake.
    """
    fault = host.fault(call, error)
    call.error = error
    word = engine.fault(engine.handle, number, engine.now(), fault)
    if word & codes.WAKES:
        engine.wake()
        word ^= codes.WAKES
    if fault == codes.REFUSED and word & step_word.KIND == codes.FAIL:
        call.over = True
        _raise(host.mistaken(call, error))
    return word, engine.now() + (word >> step_word.ARG)


async def _report_answer(host: Host[J, R], engine: Engine, call: J, number: int, response: R) -> tuple[int, int]:
    """Reports an attempt's answer; returns the next word, and when a wait that it asks for is over."""
    call.response, call.error = response, None
    status = host.status(response)
    by = host.by(call, response) if host.follows else 0
    hints = server_hints(host.lines(response), engine.watch_error, engine.watch_success if status < 400 else None)
    body = b""
    if status in call.body_statuses and not (call.streamed and status < 400):
        body = await host.read_prefix(call, step_word.MOST_BODY, None)
    at = engine.now()
    if hints or body or by:
        hinted = status | by
        word = engine.respond_with(engine.handle, number, at, engine.wall(), hinted, hints, len(hints), body, len(body))
    else:
        word = engine.respond(engine.handle, number, at, status)
    return await _retain_answer(host, engine, call, word, at)


async def _retain_answer(host: Host[J, R], engine: Engine, call: J, word: int, at: int) -> tuple[int, int]:
    """Retains an answer unless it is delivered, and wakes other calls.

    `at`: when the answer was reported. Returns the word without its wakes, and when a wait that it asks for is over.
    """
    if word & codes.WAKES:
        # Before the body of a discarded answer is read.
        word ^= codes.WAKES
        engine.wake()
    kind = word & step_word.KIND
    if kind == codes.FAIL:
        await host.finish(call)
    elif kind != codes.DELIVER:
        # A body that stalls must not hold its connection for the whole wait.
        wait = word >> step_word.ARG if kind == codes.WAIT else _BODY_MS
        try:
            await host.retain(call, at + min(wait, _BODY_MS))
        except BaseException:
            if kind == codes.REFRESH:
                # The caller goes away before the token was asked for: another call asks.
                engine.token_failed(word >> step_word.ARG, codes.CANCELLED)
            raise
    return word, at + (word >> step_word.ARG)


def server_hints(raw: Sequence[tuple[bytes, bytes]], names: frozenset[bytes], required: WatchedHeaders | None) -> bytes:
    """Collects the header lines that the core watches, `name: value` each, at most 8 KiB in all.

    `required`: without one of these nothing is collected, since on success only a gauge is worth a crossing.
    """
    if required is not None:
        # A loop, since a generator costs half as much again on every success.
        for name, _ in raw:
            # Most headers differ in their length, which is compared first.
            if len(name) in required.lengths and name.lower() in required.names:
                break
        else:
            return b""
    lines: list[bytes] = []
    size = 0
    for name, value in raw:
        low = name.lower()
        if low in names:
            line = low + b": " + value.replace(b"\n", b" ") + b"\n"
            # A header that is too long counts as absent.
            if size + len(line) <= step_word.MOST_HINTS:
                size += len(line)
                lines.append(line)
    return b"".join(lines)
