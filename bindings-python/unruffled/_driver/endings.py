"""The end of a call without an answer for its caller: the core's verdict as a `CallError`."""

from __future__ import annotations

import datetime
from typing import Any

from .._core import codes, step_word
from .._core.errors import CallError, StatusError
from .call import Call

#: The advice for a call beyond the most that the core has at a time.
_UNRECORDED = "Too many calls are under way already; start fewer at once."


def failure(
    call: Call[Any],
    number: int,
    word: int,
    started: int,
    *,
    response: Any,
) -> CallError:
    """Makes the error of a Fail. `response`: the retained last answer, or None."""
    engine = call.engine
    arg = word >> step_word.ARG
    why = codes.REASONS[arg & 63]
    outcome = codes.OUTCOMES[arg >> 6 & 3]
    after: int | None = arg >> 8
    if after == step_word.NO_TIME:
        after = None
    report: dict[str, Any]
    if word & codes.REPORT:
        report = engine.report(number)
    else:
        report = {"attempts": 0, "elapsed": engine.now() - started, "advice": _UNRECORDED}
    report["retryAfterMs"] = after
    retry_at = None
    if after is not None:
        retry_at = datetime.datetime.fromtimestamp((engine.wall() + after) / 1000, datetime.UTC)
    if response is not None:
        return StatusError(call.target, why, outcome, report, retry_at=retry_at, response=response)
    return CallError(call.target, why, outcome, report, retry_at=retry_at)
