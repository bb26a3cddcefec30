"""Exceptions: `PolicyError` for a policy's author, `CallError` and its subclasses for callers.

No text of theirs shows a token, a query value or a body.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any

import httpx2

from .codes import Outcome, Reason


@dataclass(frozen=True, slots=True)
class Issue:
    """One mistake in a policy.

    `path` names the place (`limits[1].per`). `text` says what was found and what is allowed. `line` and `column` count
    from 1; they are 0 if the policy was not a text.
    """

    path: str
    text: str
    line: int
    column: int


class PolicyError(ValueError):
    """A policy that the core rejects. `issues` has every mistake, in the order of the text."""

    issues: list[Issue]

    def __init__(self, issues: list[Issue]) -> None:
        """Takes the issues; the message is their texts, one a line."""
        super().__init__("\n".join(issue.text for issue in issues) or "the policy was rejected")
        self.issues = issues

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles by its issues."""
        return type(self), (self.issues,)


class CallError(Exception):
    """The end of a call without an answer for the caller.

    Attributes
    ----------
    reason:
        The rule that ended the call, as a stable word such as `"deadline"`, `"circuit-open"`, `"retries-exhausted"`.
    outcome:
        "Was the card charged?" `"not-sent"`: no attempt reached the server. `"rejected"`: the server did not do it.
        `"unknown"`: it may have been done.
    attempts:
        How many attempts were made, the first included.
    elapsed:
        Time from the call to its end, waits included.
    status:
        The last HTTP status, if any attempt got one.
    fault:
        How the last attempt broke, if it had no answer: `"timeout"`, `"lost"`, `"unsent"`, …
    retry_after_ms, retry_at:
        When a new call makes sense, where the server or a limit said so: milliseconds from the end of this call, and
        the same on the wall clock (UTC).
    advice:
        One sentence of what to do.
    response:
        The last answer, with at most 64 KiB of its body, if there was one.
    maybe_applied:
        A 404, 410 or 412 that may be the echo of an earlier attempt which did the work.

    The platform's own exception, where there was one, is the `__cause__`.
    """

    reason: Reason
    outcome: Outcome
    attempts: int
    elapsed: datetime.timedelta
    status: int | None
    fault: str | None
    retry_after_ms: int | None
    retry_at: datetime.datetime | None
    advice: str
    response: httpx2.Response | None
    maybe_applied: bool

    def __init__(
        self,
        target: str,
        reason: Reason,
        outcome: Outcome,
        report: dict[str, Any] | None = None,
        *,
        retry_at: datetime.datetime | None = None,
        response: httpx2.Response | None = None,
        maybe_applied: bool = False,
    ) -> None:
        """Takes the call's target (`GET /orders/{id}`, without its values), the core's verdict and its record."""
        report = report or {}
        self.target = target
        self.report = report
        self.reason = reason
        self.outcome = outcome
        self.attempts = int(report.get("attempts") or 0)
        self.elapsed = datetime.timedelta(milliseconds=report.get("elapsed") or 0)
        self.status = report.get("status")
        self.fault = report.get("fault")
        self.retry_after_ms = report.get("retryAfterMs")
        self.retry_at = retry_at
        self.advice = report.get("advice") or ""
        self.response = response
        self.maybe_applied = maybe_applied
        super().__init__(f"{target}: {report['message']}" if "message" in report else self._summary())

    def explain(self) -> str:
        """Returns a table of every attempt, every wait and the rule that asked for it."""
        return str(self.report.get("text") or self)

    def _summary(self) -> str:
        """Returns the explanation of a call that the core never saw: nothing was sent."""
        return f"{self.target}: nothing was sent ({self.reason}, outcome {self.outcome}). {self.advice}".rstrip()

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles with its record and the retained part of the response."""
        return _restored, (
            type(self),
            self.target,
            self.reason,
            self.outcome,
            self.report,
            self.retry_at,
            self.response,
            self.maybe_applied,
        )


class StatusError(CallError):
    """A final answer with a status of 400 or above, or with one that the policy calls a failure.

    `status` is never None and `response` has the answer with at most 64 KiB of its body.
    """

    status: int
    response: httpx2.Response


class UsageError(CallError, ValueError):
    """A call that cannot be built: a path value is missing or is `.`, a URL has another origin. Nothing was sent."""

    def __init__(self, target: str, advice: str) -> None:
        """Takes the call's target and what to write instead."""
        super().__init__(target, "misuse", "not-sent", {"advice": advice})

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles by its two texts."""
        return type(self), (self.target, self.advice)


class InternalError(RuntimeError):
    """An input that the core refused: the process was forked within the call, or unruffled has a bug."""


def _restored(
    kind: type[CallError],
    target: str,
    reason: Reason,
    outcome: Outcome,
    report: dict[str, Any],
    retry_at: datetime.datetime | None,
    response: httpx2.Response | None,
    maybe_applied: bool,
) -> CallError:
    return kind(target, reason, outcome, report, retry_at=retry_at, response=response, maybe_applied=maybe_applied)
