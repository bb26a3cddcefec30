"""The end of a verb's call: an answer with its record, or an exception."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any, cast

import httpx2

from .._core import codes, step_word
from .._core.codes import Outcome, Reason
from .._core.errors import CallError, StatusError
from .._driver.credentials import CredentialsFailedError
from .._driver.endings import failure
from .._driver.record import PLACE, Record
from .._http.causes import with_cause
from .._http.faults import TooLargeError, fault_of, own_of
from .call import RawPairs, VerbCall


def attach(response: httpx2.Response, record: Record) -> httpx2.Response:
    """Attaches the record to the response of a verb. An empty body parses to None, as in the other languages."""
    response.extensions[PLACE] = record
    if not getattr(response, "_content", True):
        response.json = _nothing  # type: ignore[method-assign]
    return response


def _nothing(**kwargs: Any) -> None:
    """Replaces `Response.json` of an empty body."""


def _why(error: Exception) -> Reason:
    """Returns the reason why the body of an answer broke off."""
    return "timeout" if isinstance(error, httpx2.TimeoutException) else "network"


def _bodiless(call: VerbCall, report: dict[str, Any], outcome: Outcome, cause: Exception) -> CallError:
    """Makes the error for an answer whose status is known and whose body broke off."""
    reason = _why(cause)
    status = str(report.get("message") or report.get("status")).partition(" (")[0]
    failed = {**report, "advice": _BODILESS}
    failed["message"] = f"{status}, but its body broke off ({reason}, outcome {outcome}). {_BODILESS}"
    return CallError(call.target, reason, outcome, failed)


_BODILESS = "The status is final; call again for the body."


def _is_redirected(call: VerbCall, error: Exception) -> bool:
    """Returns whether a request behind a redirect broke: the call's own request had its answer.

    Requests are compared by identity, since a redirect may lead to the same URL by the same method.
    """
    request = getattr(error, "_request", None)
    return request is not None and request is not call.sent


def _behind_redirect(fault: int) -> int:
    """Returns the fault for the call's own request, which was answered, so that it may have done its work."""
    kind = fault & step_word.FAULT
    if kind == codes.PERMANENT:
        return codes.PERMANENT
    return codes.LOST if kind in (codes.UNSENT, codes.CONNECT_TIMEOUT) else fault


class Verbs:
    """The part of a host that ends the calls of verbs: it raises a final status, except with `raise_=False`."""

    #: Whether the client follows redirects.
    follows = False
    status: Callable[[httpx2.Response], int] = attrgetter("status_code")
    lines: Callable[[httpx2.Response], RawPairs] = attrgetter("headers.raw")

    async def retain(self, call: VerbCall, until: int | None) -> None:
        """Retains at most 64 KiB of the last response's body and closes it."""
        raise NotImplementedError

    async def read(self, call: VerbCall) -> None:
        """Reads the last response's whole body, at most `maxBody`. Raises as httpx2 does."""
        raise NotImplementedError

    def fault(self, call: VerbCall, error: Exception) -> int:
        """Returns the fault of an attempt's exception, with its cause."""
        if isinstance(error, CredentialsFailedError):
            return codes.REFUSED | codes.CAUSE_CREDENTIAL * step_word.CAUSE
        fault = with_cause(fault_of(error, call.reading), error)
        return _behind_redirect(fault) if self.follows and _is_redirected(call, error) else fault

    def by(self, call: VerbCall, response: httpx2.Response) -> int:
        """Returns the scope of the origin that answered, if a redirect was followed."""
        # The history also has the answers within an authentication.
        if not any(each.has_redirect_location for each in response.history):
            return 0
        url = response.url
        origin = f"{url.scheme}://{url.netloc.decode('ascii')}"
        return codes.REDIRECTED | call.engine.origin_scope(origin) << 16

    def mistaken(self, call: VerbCall, error: Exception) -> Exception:
        """Returns the caller's own exception."""
        return own_of(error) or error

    async def deliver(self, call: VerbCall, number: int, word: int, started: int) -> httpx2.Response:
        """Returns the answer with its record. Raises `StatusError` for a status of 400 or above."""
        response = cast(httpx2.Response, call.response)
        record = Record(call.engine, number, word, call.engine.now() - started)
        status = response.status_code
        if status >= 400:
            outcome = codes.OUTCOMES[word >> step_word.ARG]
            if call.raise_:
                await self.retain(call, None)
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
                    raise _bodiless(call, record.report(status), outcome, error) from error
        return attach(response, record)

    async def finish(self, call: VerbCall) -> None:
        """Reads the body: a part for a `StatusError`, all of it if the caller gets the response (`raise_=False`)."""
        if call.raise_:
            await self.retain(call, None)
        else:
            call.error = await self._read_on(call)

    async def fail(self, call: VerbCall, number: int, word: int, started: int) -> httpx2.Response:
        """Raises `StatusError` if there is a last answer, or returns that answer. Else raises `CallError`."""
        response = call.response if word & codes.RESPONSE else None
        if response is not None and not call.raise_ and call.error is None:
            return attach(response, Record(call.engine, number, word, call.engine.now() - started))
        failed = failure(call, number, word, started, response=response)
        cause = call.error
        if response is not None and cause is not None:
            raise _bodiless(call, failed.report, failed.outcome, cause) from cause
        if isinstance(cause, CredentialsFailedError):
            raise failed from cause.__cause__
        if failed.reason == "auth" and call.credential is not None and call.credential.error is not None:
            cause = call.credential.error
        raise failed from cause

    async def _read_on(self, call: VerbCall) -> Exception | None:
        """Reads the body of an error answer that is returned. Returns the exception if it broke off."""
        try:
            await self.read(call)
        except httpx2.DecodingError:
            # The status is known, although its body cannot be read.
            cast(httpx2.Response, call.response)._content = b""
        except (httpx2.HTTPError, TooLargeError) as error:
            return error
        return None
