"""A signal may arrive between any two bytecodes: a KeyboardInterrupt at each of the driver's, one after the other."""

from __future__ import annotations

import dis
import inspect
import sys
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any

import httpx2
import pytest

import unruffled
from unruffled import _driver
from unruffled._endings import Verbs

from .virtual import World

NOP = dis.opmap["NOP"]


def codes() -> set[CodeType]:
    """The functions of the driver that run while a call is live."""
    functions = [_driver.drive, _driver._broke, _driver._answered, _driver.watched, Verbs.last]
    return {function.__code__ for function in functions}


def last_line() -> int:
    """Where `drive` begins to give back: an interrupt there is beyond what Python lets anybody promise."""
    lines, first = inspect.getsourcelines(_driver.drive)
    return first + max(number for number, line in enumerate(lines) if line.startswith("    finally:"))


def interrupting(at: int) -> tuple[Callable[[FrameType, str, Any], Any], list[int]]:
    """A tracer that interrupts at the bytecode of this number, and the count of those that it saw."""
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


def play(attempts: list[Any], at: int) -> tuple[World, int, bool]:
    """The world after a call that was interrupted there; the bytecodes seen; whether it came out."""
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
    count = play(attempts, 0)[1]
    assert count > 100
    for at in range(1, count + 1):
        world, _, interrupted = play(attempts, at)
        now = world.engine.snapshot()
        assert interrupted, at
        assert (now["inFlight"], now["live"], now["waiting"]) == (0, 0, 0), at
