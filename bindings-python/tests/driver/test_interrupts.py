"""A KeyboardInterrupt at each bytecode of the driver in turn, since a signal may arrive between any two."""

from __future__ import annotations

import dis
import inspect
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import CodeType, FrameType
from typing import Any, TypeVar

import httpx2
import pytest

import unruffled
import unruffled.httpx2
from unruffled._client.endings import Verbs
from unruffled._driver import loop as _driver
from unruffled._under import transport as _transport

from ..play.virtual import World

T = TypeVar("T")
NOP = dis.opmap["NOP"]


def codes() -> set[CodeType]:
    """Returns the code of the driver's functions that run while a call is live."""
    functions = [
        _driver.drive,
        _driver._wait,
        _driver._report_fault,
        _driver._report_answer,
        _driver.server_hints,
        Verbs.finish,
    ]
    return {function.__code__ for function in functions}


def last_line() -> int:
    """Returns the line where `drive` begins to clean up. Python offers no protection from an interrupt there."""
    lines, first = inspect.getsourcelines(_driver.drive)
    return first + max(number for number, line in enumerate(lines) if line.startswith("    finally:"))


def interrupting(at: int) -> tuple[Callable[[FrameType, str, Any], Any], list[int]]:
    """Returns a tracer that interrupts at the bytecode of this number, and the count of the bytecodes that it saw."""
    wanted, end = codes(), last_line()
    seen = [0]

    def opcode(frame: FrameType, event: str, arg: Any) -> Any:
        line: int | None = frame.f_lineno
        # Without a line: what the interpreter does by itself. A NOP (a `try:`) asks for no signals.
        if event != "opcode" or line is None or frame.f_code.co_code[frame.f_lasti] == NOP:
            return opcode
        if frame.f_code is not _driver.drive.__code__ or line < end:
            seen[0] += 1
            if seen[0] == at:
                raise KeyboardInterrupt
        return opcode

    def called(frame: FrameType, event: str, arg: Any) -> Any:
        if frame.f_code not in wanted:
            return None
        frame.f_trace_opcodes = True
        return opcode

    return called, seen


def apart(work: Callable[..., T], *arguments: Any) -> T:
    """Runs the work in a thread of its own; returns its result.

    A tracer may interrupt between the catch of an exception and its handler, where no signal can: Python then takes the
    exception for one that is being handled, in that thread for good.
    """
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work, *arguments).result()


def play(attempts: list[Any], at: int) -> tuple[World, int, bool]:
    """Returns the world after a call interrupted there, the bytecodes seen, and whether the interrupt came out."""
    world = World({"retry": {"attempts": 3}})
    host, call = world.script(*attempts), world.call()
    tracer, seen = interrupting(at)
    interrupted = False
    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        world.drive(host, call)
    except KeyboardInterrupt:
        interrupted = True
    except unruffled.CallError:
        pass
    finally:
        sys.settrace(before)
    return world, seen[0], interrupted


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
@pytest.mark.parametrize(
    "attempts",
    [[200], [503, 200], [httpx2.ReadError("gone"), 200]],
    ids=["success", "retried", "lost"],
)
def test_an_interrupt_at_any_bytecode_leaves_nothing(attempts: list[Any]) -> None:
    count = apart(play, attempts, 0)[1]
    assert count > 100
    for at in range(1, count + 1):
        world, _, interrupted = apart(play, attempts, at)
        now = world.engine.snapshot()
        assert interrupted, at
        assert (now["inFlight"], now["live"], now["waiting"]) == (0, 0, 0), at


class _Answering(httpx2.HTTPTransport):
    """A transport that answers by a list, without a network."""

    def __init__(self, *answers: Any) -> None:
        super().__init__()
        self.answers = list(answers)
        self.requests: list[httpx2.Request] = []

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx2.Response(answer, content=b"{}")


def drop_in(answers: list[Any], at: int) -> tuple[dict[str, Any], int, bool]:
    """Returns the snapshot after a drop-in's interrupted call, the bytecodes seen, whether the interrupt came out."""
    policy = {"retry": {"attempts": 2, "base": "1ms", "cap": "1ms"}}
    transport = unruffled.httpx2.Transport(policy, _Answering(200, *answers))
    request = httpx2.Request("GET", "https://api.example.com/x")
    # The request's place is known from then on.
    transport.handle_request(request)
    send = _transport.SyncSender.send
    lines, first = inspect.getsourcelines(send)
    end = first + max(number for number, line in enumerate(lines) if line == "        finally:\n")
    begun = first + next(number for number, line in enumerate(lines) if line == "        try:\n")
    seen, interrupted = 0, False

    def opcode(frame: FrameType, event: str, arg: Any) -> Any:
        nonlocal seen
        line: int | None = frame.f_lineno
        if event != "opcode" or line is None or frame.f_code.co_code[frame.f_lasti] == NOP or not begun < line < end:
            return opcode
        seen += 1
        if seen == at:
            raise KeyboardInterrupt
        return opcode

    def called(frame: FrameType, event: str, arg: Any) -> Any:
        if frame.f_code is not send.__code__:
            return None
        frame.f_trace_opcodes = True
        return opcode

    before = sys.gettrace()
    sys.settrace(called)
    try:
        transport.handle_request(request)
    except KeyboardInterrupt:
        interrupted = True
    finally:
        sys.settrace(before)
    return transport.snapshot(), seen, interrupted


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
@pytest.mark.parametrize(
    "answers", [[200], [503, 200], [httpx2.ReadError("gone"), 200]], ids=["success", "retried", "lost"]
)
def test_an_interrupt_at_any_bytecode_of_a_drop_ins_usual_course_leaves_nothing(answers: list[Any]) -> None:
    count = apart(drop_in, answers, 0)[1]
    assert count > 100
    for at in range(1, count + 1):
        now, _, interrupted = apart(drop_in, answers, at)
        assert interrupted, at
        assert (now["inFlight"], now["live"], now["waiting"]) == (0, 0, 0), at


def test_a_first_attempt_sends_the_callers_own_request_and_the_next_a_copy() -> None:
    inner = _Answering(503, 200)
    policy = {"retry": {"attempts": 2, "base": "1ms", "cap": "1ms"}, "timeouts": {"attempt": "10s"}}
    transport = unruffled.httpx2.Transport(policy, inner)
    with httpx2.Client(transport=transport) as client:
        assert client.get("https://api.example.com/x").status_code == 200
        assert client.get("https://api.example.com/x").status_code == 200
    first, second, third = inner.requests
    assert first.extensions["timeout"] == {"connect": 5.0, "read": 5.0, "write": 5.0, "pool": 5.0}
    assert second is not first
    assert third.extensions["timeout"] == first.extensions["timeout"]


def test_a_first_attempt_with_less_time_than_the_clients_own_sends_a_copy() -> None:
    inner = _Answering(200)
    transport = unruffled.httpx2.Transport({"timeouts": {"attempt": "2s"}}, inner)
    request = httpx2.Client().build_request("GET", "https://api.example.com/x")
    for _ in range(2):
        transport.handle_request(request)
    assert [sent.extensions["timeout"]["connect"] for sent in inner.requests] == [2.0, 2.0]
    assert request.extensions["timeout"]["connect"] == 5.0
