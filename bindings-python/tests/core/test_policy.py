"""The policy's types have the core's keys. The core lists its keys when a policy has an unknown one."""

from __future__ import annotations

import typing

import pytest

import unruffled
from unruffled import policy

FOREIGN = "zzzzzzzzzzzzzzzzzzzz"
PLACES: dict[str, typing.Callable[[object], object]] = {
    "Policy": lambda foreign: foreign,
    "Version": lambda foreign: {"version": foreign},
    "Timeouts": lambda foreign: {"timeouts": foreign},
    "ClientRetry": lambda foreign: {"retry": foreign},
    "Budget": lambda foreign: {"retry": {"budget": foreign}},
    "Idempotency": lambda foreign: {"idempotency": foreign},
    "Rule": lambda foreign: {"classify": [foreign]},
    "ClientBreaker": lambda foreign: {"breaker": foreign},
    "Limit": lambda foreign: {"limits": [foreign]},
    "Gauge": lambda foreign: {"limits": [{"headers": foreign}]},
    "RoutePolicy": lambda foreign: {"routes": {"GET /x": foreign}},
    "Retry": lambda foreign: {"routes": {"GET /x": {"retry": foreign}}},
    "Breaker": lambda foreign: {"breaker": {"scope": "route"}, "routes": {"GET /x": {"breaker": foreign}}},
}


def known(text: object) -> list[str]:
    with pytest.raises(unruffled.PolicyError) as caught:
        unruffled.Client(typing.cast("dict[str, object]", text))
    (line,) = [issue.text for issue in caught.value.issues if f"{FOREIGN}: unknown key; " in issue.text]
    return sorted(line.split("; ")[1].replace(" or ", ", ").split(", "))


@pytest.mark.parametrize("name", PLACES)
def test_each_type_has_the_cores_keys(name: str) -> None:
    typed = set(typing.get_type_hints(getattr(policy, name))) - {"note", "$schema"}
    assert sorted(typed) == known(PLACES[name]({FOREIGN: 1}))


def test_no_type_is_left_out() -> None:
    assert sorted(policy.__all__) == sorted(PLACES)


def test_a_typed_policy_is_taken() -> None:
    typed: policy.Policy = {"baseUrl": "https://api.example.com", "retry": {"attempts": 3}}
    with unruffled.Client(typed) as client:
        assert client.snapshot()["begun"] == 0
