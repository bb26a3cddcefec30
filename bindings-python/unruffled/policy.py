"""The policy file as types, for policies written in code: a type checker then finds a mistyped key.

    from unruffled.policy import Policy

    ORDERS: Policy = {"baseUrl": "https://api.example.com", "retry": {"attempts": 3}}

The types check the keys. The core checks the values when a client is made. Times are text (`"200ms"`, `"3s"`, `"5m"`,
`"1h"`) or whole milliseconds, sizes text (`"64KiB"`, `"8MiB"`) or bytes. Every key may be left out; `None` is the same.
Nothing else of the package imports this module.
"""

from collections.abc import Mapping, Sequence
from typing import TypedDict

__all__ = [
    "Breaker",
    "Budget",
    "ClientBreaker",
    "ClientRetry",
    "Gauge",
    "Idempotency",
    "Limit",
    "Policy",
    "Retry",
    "RoutePolicy",
    "Rule",
    "Timeouts",
    "Version",
]

Duration = str | int
Size = str | int


class Version(TypedDict, total=False):
    """The API's version, pinned: `pin`, and the `header` or `query` that carries it."""

    note: str | None
    pin: str | None
    header: str | None
    query: str | None


class Timeouts(TypedDict, total=False):
    """Time limits: `connect` 3 s, `idle` 10 s between two pieces of a body, `attempt` 10 s, `total` 60 s.

    `wait`, 2 s, is for OkHttp interceptors: how long a call waits between two attempts.
    """

    note: str | None
    connect: Duration | None
    idle: Duration | None
    attempt: Duration | None
    total: Duration | None
    wait: Duration | None


class Retry(TypedDict, total=False):
    """Retries and backoff: 4 `attempts`, the first included; waits from `base` 200 ms up to `cap` 30 s.

    `patience`: how long a retry waits in the queue for a token or for the breaker. It begins anew with each success of
    the endpoint. The default is the longest of 5 s, ten mean latencies, and the time its own retries would go on.
    """

    note: str | None
    attempts: int | None
    base: Duration | None
    cap: Duration | None
    jitter: str | None
    maxRetryAfter: Duration | None
    patience: Duration | None


class Budget(TypedDict, total=False):
    """How many retries the API is worth, in tokens."""

    note: str | None
    capacity: int | float | None
    perCall: int | float | None
    perSecond: int | float | None


class ClientRetry(Retry, total=False):
    """Retries of the whole API."""

    budget: Budget | None


class Idempotency(TypedDict, total=False):
    """Automatic idempotency keys: the `header`, which `methods` (POST, PATCH), `uuid` or `sf-string`."""

    note: str | None
    header: str | None
    methods: Sequence[str] | None
    format: str | None


# `is` and `as` are keywords of Python.
Rule = TypedDict(
    "Rule",
    {
        "note": str | None,
        "status": int | Sequence[int] | None,
        "header": str | None,
        "json": str | None,
        "is": Sequence[str | int | bool] | None,
        "as": str | None,
    },
    total=False,
)
Rule.__doc__ = "What an answer means where the status alone does not say it: `fail`, `retry` or `rate-limited`."


class Breaker(TypedDict, total=False):
    """When to stop asking an endpoint for a while. A breaker counts calls, not attempts.

    `wait`: how long a new call waits while the breaker is open. 0: it fails at once with `circuit-open`. The default is
    as long as its own retries would go on at most: 2.8 s with 4 attempts on a server that fails at once.

    `latestProbe`, 5 s: the longest time from a failed probe to the next one.
    """

    note: str | None
    window: Duration | None
    failureRate: int | float | None
    minimumCalls: int | None
    run: int | None
    coolDown: Duration | None
    latestProbe: Duration | None
    probes: int | None
    wait: Duration | None
    slowAfter: Duration | None


class ClientBreaker(Breaker, total=False):
    """The API's breakers.

    `scope`: `route` is a breaker for each endpoint, `api` one for all of them. `both`, the default, has the two kinds:
    one broken endpoint holds back no other. An endpoint is a route of the policy, or else a method and a path without
    its values.
    """

    scope: str | None


class Gauge(TypedDict, total=False):
    """The names of the server's rate limit headers."""

    note: str | None
    remaining: str | None
    limit: str | None
    reset: str | None
    unit: str | None


class Limit(TypedDict, total=False):
    """One documented or learned rate limit: `rate` calls `per` time."""

    note: str | None
    name: str | None
    rate: int | float | None
    per: Duration | None
    burst: int | float | None
    headroom: int | float | None
    cost: int | float | None
    headers: str | Gauge | None


class RoutePolicy(TypedDict, total=False):
    """What a route may override."""

    note: str | None
    headers: Mapping[str, str] | None
    query: Mapping[str, str] | None
    timeouts: Timeouts | None
    maxBody: Size | None
    bufferUpTo: Size | None
    retry: Retry | None
    repeatable: bool | None
    idempotency: bool | Idempotency | None
    classify: Sequence[Rule] | None
    breaker: bool | Breaker | None
    cost: Mapping[str, int | float] | None


# `$schema` is no name in Python.
Policy = TypedDict(
    "Policy",
    {
        "unruffled": int | None,
        "$schema": str | None,
        "note": str | None,
        "name": str | None,
        "baseUrl": str | Mapping[str, str] | None,
        "headers": Mapping[str, str] | None,
        "query": Mapping[str, str] | None,
        "userAgent": str | bool | None,
        "requestId": str | bool | None,
        "correlationId": str | bool | None,
        "version": Version | None,
        "preset": str | None,
        "timeouts": Timeouts | None,
        "maxBody": Size | None,
        "bufferUpTo": Size | None,
        "concurrency": int | None,
        "maxWaiting": int | None,
        "retry": ClientRetry | None,
        "idempotency": bool | Idempotency | None,
        "classify": Sequence[Rule] | None,
        "breaker": bool | ClientBreaker | None,
        "limits": Sequence[Limit] | None,
        "routes": Mapping[str, RoutePolicy] | None,
    },
    total=False,
)
Policy.__doc__ = """One policy file; see the policy reference for what each key does.

`maxWaiting`, 10,000: calls that wait in all queues together. One more fails with `overloaded`.
"""
