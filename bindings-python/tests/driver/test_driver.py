"""The driver against the real core, without a network and without time."""

from __future__ import annotations

import pickle
from typing import Any

import httpx2
import pytest

import unruffled
from unruffled._client.call import VerbCall
from unruffled._core import codes
from unruffled._driver.loop import drive, run

from ..play.virtual import World


def test_a_success_is_two_crossings_and_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    crossed: list[str] = []
    for name in ("begin", "respond", "respond_with", "fault", "resume", "_abandon", "_wake"):
        inner = getattr(world.engine, name)

        def counted(*args: Any, name: str = name, inner: Any = inner) -> int:
            crossed.append(name)
            return int(inner(*args))

        monkeypatch.setattr(world.engine, name, counted)
    response = world.drive(world.script(200))
    assert response.status_code == 200
    assert crossed == ["begin", "respond"]
    assert world.live() == 0


def test_a_503_is_waited_out_and_explained() -> None:
    world = World()
    host = world.script(503, 200)
    response = world.drive(host)
    assert response.status_code == 200
    assert len(host.words) == 2
    assert 200 <= host.pauses[0] <= 400
    assert host.kept == 1
    table = unruffled.explain(response)
    assert "503" in table
    assert "backoff" in table
    assert world.live() == 0


def test_explain_of_a_call_that_went_well_at_once() -> None:
    world = World()
    assert "200" in unruffled.explain(world.drive(world.script(200)))


def test_explain_refuses_a_foreign_response() -> None:
    with pytest.raises(ValueError, match="not returned by"):
        unruffled.explain(httpx2.Response(200))


def test_the_wait_counts_from_the_word_not_from_the_end_of_the_kept_body() -> None:
    world = World({"retry": {"jitter": "none"}})
    host = world.script(503, 200)

    async def slow_keep(call: VerbCall, until: int | None) -> None:
        assert until is not None
        world.clock.ms += 150

    host.retain = slow_keep  # type: ignore[method-assign]
    world.drive(host)
    assert host.pauses == [50]


def test_attempts_used_up_raise_with_the_last_answer() -> None:
    world = World({"retry": {"attempts": 2}})
    with pytest.raises(unruffled.StatusError) as caught:
        world.drive(world.script(503))
    error = caught.value
    assert (error.reason, error.outcome, error.attempts, error.status) == ("retries-exhausted", "rejected", 2, 503)
    assert error.response.status_code == 503
    assert "503" in error.explain()
    assert world.live() == 0


def test_raise_false_returns_the_last_answer() -> None:
    world = World({"retry": {"attempts": 2}})
    response = world.drive(world.script(503), world.call(raise_=False))
    assert response.status_code == 503
    assert "503" in unruffled.explain(response)
    assert world.drive(world.script(404), world.call(raise_=False)).status_code == 404


def broken(policy: dict[str, Any]) -> World:
    """Returns a world whose breaker was opened by failed calls."""
    world = World(policy)
    for _ in range(20):
        with pytest.raises(unruffled.StatusError):
            world.drive(world.script(503, takes=100))
    assert world.engine.snapshot()["upstreams"][0]["breaker"] == "open"
    return world


def test_a_new_call_waits_for_an_open_breaker_and_is_its_probe() -> None:
    world = broken({"retry": {"attempts": 1}, "breaker": {"wait": "2s"}})
    host = world.script(200)
    assert world.drive(host).status_code == 200
    # The next probe is due a second after the opening.
    assert sum(host.pauses) == 1000
    assert world.engine.snapshot()["upstreams"][0]["breaker"] == "closed"
    assert world.live() == 0


@pytest.mark.parametrize(("breaker", "waits"), [({}, [500]), ({"wait": 0}, [])], ids=["unwritten", "0"])
def test_a_call_that_waited_in_vain_or_must_not_wait_fails_with_circuit_open(
    breaker: dict[str, Any], waits: list[int]
) -> None:
    # Its own retries would last one backoff of at most 400 ms and an attempt of 100 ms.
    world = broken({"retry": {"attempts": 2}, "breaker": breaker})
    host = world.script(200)
    with pytest.raises(unruffled.CallError) as caught:
        world.drive(host)
    assert (caught.value.reason, caught.value.outcome, caught.value.attempts) == ("circuit-open", "not-sent", 0)
    assert (host.pauses, host.words) == (waits, [])
    # The next probe is due two seconds after the first that failed, the last call's retry.
    assert caught.value.retry_after_ms == 2000 - sum(waits)
    assert world.live() == 0


def test_a_final_404_is_a_status_error() -> None:
    world = World()
    with pytest.raises(unruffled.StatusError) as caught:
        world.drive(world.script(404))
    assert (caught.value.reason, caught.value.outcome, caught.value.attempts) == ("status", "rejected", 1)
    assert world.live() == 0


def test_a_lost_post_is_unknown_and_keeps_its_cause() -> None:
    world = World()
    lost = httpx2.ReadError("gone")
    with pytest.raises(unruffled.CallError) as caught:
        world.drive(world.script(lost), world.call("POST", json={"a": 1}))
    assert (caught.value.reason, caught.value.outcome) == ("not-replayable", "unknown")
    assert caught.value.__cause__ is lost
    assert caught.value.fault == "lost"


def test_an_unsent_post_is_retried() -> None:
    world = World()
    host = world.script(httpx2.ConnectError("refused"), 201)
    assert world.drive(host, world.call("POST", json={})).status_code == 201
    assert len(host.words) == 2


def test_the_key_is_made_once_and_is_the_same_on_every_attempt() -> None:
    world = World({"idempotency": {"header": "Idempotency-Key"}})
    keys: list[str] = []

    def answer(call: VerbCall, word: int) -> httpx2.Response:
        request = call.request(word, None)
        keys.append(request.headers["idempotency-key"])
        return httpx2.Response(503 if len(keys) < 3 else 200, content=b"", request=request)

    world.drive(world.script(answer), world.call("POST", json={}))
    assert len(keys) == 3
    assert len(set(keys)) == 1
    world.drive(world.script(answer), world.call("POST", json={}))
    assert keys[-1] != keys[0]


def test_the_callers_own_error_comes_back_untouched() -> None:
    world = World()
    mine = RuntimeError("my hook")
    with pytest.raises(RuntimeError) as caught:
        world.drive(world.script(mine))
    assert caught.value is mine
    assert world.live() == 0


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_in_a_wait_abandons_the_call(kind: type[BaseException]) -> None:
    world = World()
    host = world.script(503)

    def interrupt(number: int) -> None:
        raise kind

    host.before_pause = interrupt
    with pytest.raises(kind):
        world.drive(host)
    assert world.live() == 0


def test_an_interrupt_in_an_attempt_abandons_the_call() -> None:
    world = World()

    def interrupt(call: VerbCall, word: int) -> httpx2.Response:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        world.drive(world.script(interrupt))
    assert world.live() == 0


def test_closing_ends_a_wait_with_closed() -> None:
    world = World()
    host = world.script(503)
    host.before_pause = lambda number: world.engine.close()
    with pytest.raises(unruffled.CallError) as caught:
        world.drive(host)
    assert caught.value.reason == "closed"
    with pytest.raises(unruffled.CallError) as later:
        world.drive(world.script(200))
    assert (later.value.reason, later.value.outcome, later.value.attempts) == ("closed", "not-sent", 0)


def test_a_deadline_that_leaves_no_room_fails_before_anything_is_sent() -> None:
    world = World()
    host = world.script(200)
    with pytest.raises(unruffled.CallError) as caught:
        world.drive(host, world.call(deadline=0.01))
    assert (caught.value.reason, caught.value.outcome) == ("deadline", "not-sent")
    assert host.words == []


def test_an_hour_of_retry_after_fails_at_once_and_says_when() -> None:
    world = World()
    host = world.script(lambda call, word: httpx2.Response(503, headers={"Retry-After": "3600"}, content=b""))
    with pytest.raises(unruffled.CallError) as caught:
        world.drive(host)
    assert caught.value.retry_after_ms == 3_600_000
    assert caught.value.retry_at is not None
    assert caught.value.retry_at.timestamp() * 1000 == world.clock.wall() + 3_600_000


def test_a_number_in_use_is_skipped() -> None:
    world = World()
    world.engine.begin(world.engine.handle, 0, 0, 0, 0, codes.REPEATABLE, 0)
    assert world.drive(world.script(200)).status_code == 200
    assert world.live() == 1


def test_numbers_wrap_at_32_bits() -> None:
    world = World()
    world.engine.numbers = iter(range((1 << 32) - 1, (1 << 32) + 5))  # type: ignore[assignment]
    for _ in range(3):
        assert world.drive(world.script(200)).status_code == 200


def test_a_body_rule_sees_the_first_bytes() -> None:
    rule = {"status": 429, "json": "/error/code", "is": ["insufficient_quota"], "as": "fail"}
    world = World({"classify": [rule]})
    body = b'{"error":{"code":"insufficient_quota"}}'
    with pytest.raises(unruffled.StatusError) as caught:
        world.drive(world.script(lambda call, word: httpx2.Response(429, content=body)))
    assert (caught.value.reason, caught.value.attempts) == ("status", 1)


def test_a_host_that_suspends_is_told() -> None:
    world = World()

    async def suspends(call: VerbCall, word: int) -> httpx2.Response:
        import asyncio

        await asyncio.sleep(0)
        raise AssertionError

    host = world.script(200)
    host.attempt = suspends  # type: ignore[method-assign]
    with pytest.raises(RuntimeError, match="suspended"):
        run(drive(host, world.call()))
    assert world.live() == 0


def test_a_refresh_is_asked_once_and_its_token_kept() -> None:
    world = World()
    asked: list[int] = []

    def ask() -> unruffled.Token:
        asked.append(1)
        return unruffled.Token("t1", None)

    call = world.call(ask=ask)
    assert world.drive(world.script(200), call).status_code == 200
    again = world.call(ask=ask)
    again.credential = call.credential
    host = world.script(200)
    world.drive(host, again)
    assert asked == [1]
    assert host.words[0] & codes.TOKEN


def test_failures_can_be_pickled() -> None:
    world = World({"retry": {"attempts": 2}})
    with pytest.raises(unruffled.CallError) as caught:
        world.drive(world.script(503))
    copy = pickle.loads(pickle.dumps(caught.value))
    assert type(copy) is unruffled.StatusError
    assert (copy.reason, copy.outcome, copy.attempts, copy.status) == ("retries-exhausted", "rejected", 2, 503)
    assert copy.explain() == caught.value.explain()
    assert copy.response.status_code == 503
    assert str(copy) == str(caught.value)
