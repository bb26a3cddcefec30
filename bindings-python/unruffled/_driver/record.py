"""The record of a delivered call, for `explain(response)`. It is taken out of the core when it is needed."""

from __future__ import annotations

import contextlib
import weakref
from typing import Any

from .._core import boundary, codes
from .._core.errors import CallError
from .engine import Engine

PLACE = "unruffled"
NO_RECORD = (
    "The record of this call was dropped: many calls have ended since, or the client is gone. "
    "Ask for it as soon as the call has ended."
)


class Record:
    """The record of a delivered call. Its content is taken out of the core when it is first needed."""

    __slots__ = ("_elapsed", "_engine", "_number", "_report", "_word")

    def __init__(self, engine: Engine, number: int, word: int, elapsed: int) -> None:
        """Takes the call's last word; its REPORT says whether the core has a record. `elapsed`: milliseconds."""
        self._engine = engine
        self._number = number
        self._word = word
        self._elapsed = elapsed
        self._report: dict[str, Any] | None = None

    @property
    def maybe_applied(self) -> bool:
        """Returns whether a 404, 410 or 412 may be the echo of an earlier attempt that did the work."""
        return bool(self._word & codes.APPLIED)

    def report(self, status: int = 0) -> dict[str, Any]:
        """Returns the record's content."""
        if self._report is None:
            retained = bool(self._word & codes.REPORT)
            self._report = self._engine.report(self._number) if retained else boundary.brief(status, self._elapsed)
            if retained and "text" not in self._report:
                self._report = {"elapsed": self._elapsed, "status": status or None, "text": NO_RECORD}
        return self._report


# Records of exceptions. An attribute would be pickled with the exception.
_RECORDS: weakref.WeakKeyDictionary[Any, Record] = weakref.WeakKeyDictionary()


def remember(ended: object, record: Record) -> None:
    """Retains the record for as long as what a drop-in returned or raised."""
    # Python's own exceptions have no weak references.
    with contextlib.suppress(TypeError):
        _RECORDS[ended] = record


def explain(ended: object) -> str:
    """Explains why a call took as long as it did: a table of each attempt, each wait and the rule that asked for it.

    `ended`: a response or an exception of this package, or of a client above it. Also the exception of an SDK that
    was raised because of one.

    Raises ValueError for anything else, and for what was pickled since.
    """
    text = _text_of(ended)
    error = ended
    # An SDK wraps what the transport raised, some SDKs twice.
    for _ in range(8):
        if text is not None or not isinstance(error, BaseException):
            break
        text = _text_of(getattr(error, "response", None))
        error = error.__cause__ or error.__context__
        text = text or _text_of(error)
    if text is None:
        raise ValueError("this was not returned by an unruffled client, nor raised by one")
    return text


def _text_of(ended: object) -> str | None:
    if isinstance(ended, CallError):
        return ended.explain()
    extensions = getattr(ended, "extensions", None)
    record = extensions.get(PLACE) if isinstance(extensions, dict) else getattr(ended, PLACE, None)
    if record is None:
        try:
            record = _RECORDS.get(ended)
        except TypeError:
            return None
    if not isinstance(record, Record):
        return None
    return str(record.report(getattr(ended, "status_code", getattr(ended, "status", 0)))["text"])
