"""Hostile input at the boundary: `Misuse` or a clear exception, never a crash."""

from __future__ import annotations

import ctypes
import itertools
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

import unruffled
from unruffled._core import boundary, codes, step_word

from ..hostile import INTEGERS, hostile
from ..play.words import text_of

core = boundary.per_call()


@pytest.fixture
def handle() -> Iterator[int]:
    opened = boundary.open_engine("{}", lenient=False)
    yield opened
    core.unruffled_release(opened)


def begun(handle: int, call: int = 1, now: int = 0) -> str:
    return text_of(core.unruffled_begin(handle, call, now, 0, 0, codes.REPEATABLE, 0))


@pytest.mark.parametrize("value", INTEGERS)
def test_any_integer_is_legal_anywhere(handle: int, value: int) -> None:
    for engine in (handle, value):
        words = [
            core.unruffled_begin(engine, value, 0, 0, 0, value, 0),
            core.unruffled_begin(engine, 7, 0, value, value, codes.REPEATABLE, value),
            core.unruffled_respond(engine, value, value, value),
            core.unruffled_respond_with(engine, value, value, value, value, b"", 0, b"", 0),
            core.unruffled_fault(engine, value, value, value),
            core.unruffled_resume(engine, value, value),
            core.unruffled_token(engine, value, value, value),
            core.unruffled_token_failed(engine, value, value, value, value),
            core.unruffled_renew(engine, value, value),
            core.unruffled_reset(engine, value, value),
            core.unruffled_online(engine, value),
            core.unruffled_wake(engine),
            core.unruffled_abandon(engine, value, value),
        ]
        for word in words:
            assert word < 2**52
            assert word & step_word.KIND <= codes.DONE


@pytest.mark.parametrize("value", [1.5, float("nan"), float("inf"), "1", None, b"1", object()])
def test_what_is_no_integer_is_an_argument_error(handle: int, value: Any) -> None:
    with pytest.raises(ctypes.ArgumentError):
        core.unruffled_resume(handle, value, 0)


def test_the_table_of_misuse(handle: int) -> None:
    assert begun(handle + 1) == "Misuse unknown"
    assert begun(0) == "Misuse unknown"
    assert begun(handle) == "Send 10000"
    assert begun(handle) == "Misuse live"
    assert text_of(core.unruffled_resume(handle, 1, 0)) == "Misuse state"
    assert text_of(core.unruffled_resume(handle, 2, 0)) == "Misuse unknown"
    assert text_of(core.unruffled_fault(handle, 1, 0, 99)) == "Misuse range"
    assert text_of(core.unruffled_respond(handle, 1, 0, 70_000)) == "Misuse range"
    assert text_of(core.unruffled_respond(handle, 1, 0, 200)) == "Deliver"
    assert text_of(core.unruffled_respond(handle, 1, 0, 200)) == "Misuse unknown"
    assert text_of(core.unruffled_abandon(handle, 1, 0)) == "Misuse unknown"
    assert text_of(core.unruffled_token(handle, 0, 5, 0)) == "Misuse generation"
    assert text_of(core.unruffled_close(handle, 0)) == "Done 0"
    assert begun(handle, 3) == "Fail closed not-sent REPORT"
    assert core.unruffled_release(handle) == 1
    assert core.unruffled_release(handle) == 0
    assert begun(handle, 4) == "Misuse unknown"


def test_questions_about_an_engine_that_is_gone(handle: int) -> None:
    core.unruffled_release(handle)
    assert boundary.settings(handle) == {"misuse": "unknown"}
    assert boundary.events(handle) == {"misuse": "unknown"}
    assert boundary.report(handle, 1) == {"misuse": "unknown"}
    assert boundary.snapshot(handle, 0) == {"misuse": "unknown"}
    assert boundary.route(handle, "GET /x") == 0
    assert boundary.scope(handle, "", "") == 0
    boundary.subscribe(handle, 255)
    boundary.set_seed(handle, 1)
    with pytest.raises(unruffled.PolicyError):
        boundary.set_base(handle, "https://a.example")


@pytest.mark.parametrize("value", [-1, 2**64, 2**70])
def test_the_generated_module_refuses_integers_out_of_range(value: int) -> None:
    with pytest.raises((ValueError, OverflowError)):
        boundary.settings(value)


def test_a_second_engine_knows_nothing_of_the_first(handle: int) -> None:
    other = boundary.open_engine("{}", lenient=False)
    assert begun(handle) == "Send 10000"
    assert text_of(core.unruffled_respond(other, 1, 0, 200)) == "Misuse unknown"
    assert begun(other) == "Send 10000"
    core.unruffled_release(other)
    assert text_of(core.unruffled_respond(handle, 1, 0, 200)) == "Deliver"


def test_both_ways_into_the_library_are_one_engine(handle: int) -> None:
    assert begun(handle) == "Send 10000"
    assert boundary.snapshot(handle, 0)["inFlight"] == 1


def test_hints_and_bodies_of_any_bytes(handle: int) -> None:
    noise = bytes(range(256)) * 300
    kinds = (b"", noise, b"\n" * 9000, b"retry-after:" + noise)
    for call, (hints, body) in enumerate(itertools.product(kinds, repeat=2)):
        assert begun(handle, call) == "Send 10000"
        word = core.unruffled_respond_with(handle, call, 0, 0, 503, hints, len(hints), body, len(body))
        assert word & step_word.KIND in (codes.WAIT, codes.PARK, codes.FAIL)


def test_a_handle_is_not_guessed(handle: int) -> None:
    slot = handle >> 32 << 32
    assert {begun(slot | guess) for guess in range(50) if slot | guess != handle} == {"Misuse unknown"}


@pytest.mark.parametrize("seed", range(4))
def test_any_sequence_of_calls_with_any_integers(handle: int, seed: int) -> None:
    """Gets step words for any inputs in any order. Calls abandoned afterwards leave nothing."""
    assert hostile(handle, seed, 5000) == []


def test_each_input_twice(handle: int) -> None:
    """Repeats each input, which then fits no state and changes nothing."""
    assert begun(handle) == "Send 10000"
    assert text_of(core.unruffled_respond(handle, 1, 0, 503)).startswith("Wait")
    assert text_of(core.unruffled_respond(handle, 1, 0, 503)) == "Misuse state"
    assert text_of(core.unruffled_fault(handle, 1, 0, codes.LOST)) == "Misuse state"
    assert text_of(core.unruffled_resume(handle, 1, 1000)) == "Send 10000"
    assert text_of(core.unruffled_resume(handle, 1, 1000)) == "Misuse state"
    assert text_of(core.unruffled_respond(handle, 1, 1000, 200)) == "Deliver REPORT"
    assert boundary.report(handle, 1)["attempts"] == 2
    assert boundary.report(handle, 1) == {"misuse": "unknown"}
    assert text_of(core.unruffled_close(handle, 1000)) == "Done 0"
    assert text_of(core.unruffled_close(handle, 1000)) == "Done 0"
    now = boundary.snapshot(handle, 1000)
    assert (now["inFlight"], now["live"], now["waiting"]) == (0, 0, 0)


def test_eight_threads_make_a_hundred_thousand_calls_each_on_one_engine(handle: int) -> None:
    wrong: list[str] = []
    begin, respond = core.unruffled_begin, core.unruffled_respond

    def work(thread: int) -> None:
        first = thread * 1_000_000
        for call in range(first, first + 100_000):
            word = begin(handle, call, 0, 0, 0, codes.REPEATABLE, 0)
            if word & step_word.KIND == codes.SEND:
                word = respond(handle, call, 0, 200)
            if word & step_word.KIND != codes.DELIVER:
                wrong.append(text_of(word))

    threads = [threading.Thread(target=work, args=(thread,)) for thread in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    now = boundary.snapshot(handle, 0)
    assert (now["begun"], now["inFlight"], now["live"], now["waiting"]) == (800_000, 0, 0, 0)


def test_threads_that_call_and_look_on_one_engine(handle: int) -> None:
    wrong: list[str] = []

    def work(thread: int) -> None:
        for turn in range(2000):
            call = thread * 1_000_000 + turn
            word = core.unruffled_begin(handle, call, turn, 0, 0, codes.REPEATABLE, 0)
            if word & step_word.KIND == codes.SEND:
                word = core.unruffled_respond(handle, call, turn, 200)
            if word & step_word.KIND not in (codes.DELIVER, codes.PARK):
                wrong.append(text_of(word))
            if turn % 100 == 0:
                json.dumps(boundary.snapshot(handle, turn))

    threads = [threading.Thread(target=work, args=(thread,)) for thread in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    now = boundary.snapshot(handle, 5000)
    assert (now["begun"], now["live"]) == (16_000, 0)
