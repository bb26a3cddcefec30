"""How a call ends: the core's verdict as a `CallError`, and what the verbs of a client make of it."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from operator import attrgetter
from typing import Any, cast

import httpx2

from . import _codes as codes
from ._call import Call, RawPairs
from ._credentials import CredentialsFailedError
from ._errors import CallError, Reason, StatusError
from ._faults import TooLargeError, fault_of, own_of
from ._job import Job
from ._record import Record, attach


def failure(
    call: Job[Any],
    number: int,
    word: int,
    started: int,
    *,
    response: httpx2.Response | None,
    reason: Reason | None = None,
) -> CallError:
    """The error that a Fail is; `response`: the last answer, as far as it is kept. `reason`: instead of the core's."""
    engine = call.engine
    arg = word >> codes.ARG
    why = reason or codes.REASONS[arg & 63]
    outcome = codes.OUTCOMES[arg >> 6 & 3]
    after: int | None = arg >> 8
    if after == codes.NO_TIME:
        after = None
    report: dict[str, Any]
    report = engine.report(number) if word & codes.REPORT else {"attempts": 0, "elapsed": engine.now() - started}
    report["retryAfterMs"] = after
    if why == "closed" and not report.get("attempts"):
        _say(report, "The client is closed; make a new one.")
    retry_at = None
    if after is not None:
        retry_at = datetime.datetime.fromtimestamp((engine.wall() + after) / 1000, datetime.UTC)
    if response is not None:
        return StatusError(call.target, why, outcome, report, retry_at=retry_at, response=response)
    return CallError(call.target, why, outcome, report, retry_at=retry_at)


def _why(error: Exception) -> Reason:
    """Why the body of an answer is not there."""
    return "timeout" if isinstance(error, httpx2.TimeoutException) else "network"


NO_CREDENTIAL = "No credential could be had; check the credentials function."


def _say(report: dict[str, Any], advice: str) -> None:
    """Puts another advice into a report."""
    before = report.get("advice")
    report["advice"] = advice
    if before and "text" in report:
        report["text"] = report["text"].replace(before, advice)


class Verbs:
    """The part of a host that ends the calls of verbs: a final status is raised, but for a caller's `raise_=False`."""

    status: Callable[[httpx2.Response], int] = attrgetter("status_code")
    lines: Callable[[httpx2.Response], RawPairs] = attrgetter("headers.raw")

    async def keep(self, call: Call, until: int | None) -> None:
        """Keeps at most 64 KiB of the last response's body and closes it."""
        raise NotImplementedError

    async def read(self, call: Call) -> None:
        """Reads the last response's whole body, at most `maxBody`. Raises as httpx2 does."""
        raise NotImplementedError

    def fault(self, call: Call, error: Exception) -> int:
        """The fault of an attempt's exception."""
        return fault_of(error, call.reading)

    def mistaken(self, call: Call, number: int, word: int, started: int) -> Exception:
        """The caller's own exception, or what his credentials function raised as its cause."""
        error = cast(Exception, call.error)
        if isinstance(error, CredentialsFailedError):
            told = failure(call, number, word, started, response=None, reason="auth")
            _say(told.report, NO_CREDENTIAL)
            told = CallError(told.target, told.reason, told.outcome, told.report, retry_at=told.retry_at)
            told.__cause__ = error.__cause__
            return told
        return own_of(error) or error

    async def deliver(self, call: Call, number: int, word: int, started: int) -> httpx2.Response:
        """The answer with its record. Raises `StatusError` for a status of 400 or above."""
        response = cast(httpx2.Response, call.response)
        record = Record(call.engine, number, word, started)
        status = response.status_code
        if status >= 400:
            outcome = codes.OUTCOMES[word >> codes.ARG]
            if call.raise_:
                await self.keep(call, None)
                raise StatusError(
                    call.target,
                    "status",
                    outcome,
                    record.report(status),
                    response=response,
                    maybe_applied=bool(word & codes.APPLIED),
                )
            if not call.streamed:
                error = await self._read_on(call)
                if error is not None:
                    raise CallError(call.target, _why(error), outcome, record.report(status)) from error
        return attach(response, record)

    async def last(self, call: Call) -> None:
        """Part of the body for the one who catches it, all of it for the one who asked for that."""
        if call.raise_:
            await self.keep(call, None)
        else:
            call.error = await self._read_on(call)

    async def fail(self, call: Call, number: int, word: int, started: int) -> httpx2.Response:
        """Raises `CallError`; with the last answer, if there is one, `StatusError`, or returns that."""
        response = call.response if word & codes.RESPONSE else None
        if response is not None and not call.raise_ and call.error is None:
            return attach(response, Record(call.engine, number, word, started))
        told = failure(call, number, word, started, response=response)
        cause = call.error
        if response is not None and cause is not None:
            told = CallError(call.target, _why(cause), told.outcome, told.report, retry_at=told.retry_at)
        if told.reason == "auth" and call.credential is not None and call.credential.error is not None:
            cause = call.credential.error
        raise told from cause

    async def _read_on(self, call: Call) -> Exception | None:
        """Reads the body of an answer that is returned although it is an error; what broke it off, if something did."""
        try:
            await self.read(call)
        except httpx2.DecodingError:
            # A status is known though its body is none.
            cast(httpx2.Response, call.response)._content = b""
        except (httpx2.HTTPError, TooLargeError) as error:
            return error
        return None
