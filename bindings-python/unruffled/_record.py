"""What a delivered call can tell afterwards: `explain(response)`. The record is pulled from the core when asked for."""

from __future__ import annotations

from typing import Any

import httpx2

from . import _boundary as boundary
from . import _codes as codes
from ._engine import Engine

_PLACE = "unruffled"


class Record:
    """Where the story of a delivered call lies."""

    __slots__ = ("_elapsed", "_engine", "_number", "_told", "_word")

    def __init__(self, engine: Engine, number: int, word: int, started: int) -> None:
        """`word` ended the call: REPORT says whether the core kept its record."""
        self._engine = engine
        self._number = number
        self._word = word
        self._elapsed = engine.now() - started
        self._told: dict[str, Any] | None = None

    @property
    def maybe_applied(self) -> bool:
        """Whether a 404, 410 or 412 may be the echo of an earlier attempt that did the work."""
        return bool(self._word & codes.APPLIED)

    def report(self, status: int = 0) -> dict[str, Any]:
        """The record; asked of the core once."""
        if self._told is None:
            if self._word & codes.REPORT:
                self._told = self._engine.report(self._number)
            if not self._told or "text" not in self._told:
                self._told = boundary.brief(status, self._elapsed)
        return self._told


def attach(response: httpx2.Response, record: Record) -> httpx2.Response:
    """Leaves the record with the response. An empty body parses to None, as in the other languages."""
    response.extensions[_PLACE] = record
    if not getattr(response, "_content", True):
        response.json = _nothing  # type: ignore[method-assign]
    return response


def _nothing(**kwargs: Any) -> None:
    """`Response.json` of an empty body."""


def explain(response: httpx2.Response) -> str:
    """Why a call took as long as it did: a table of each attempt, each wait and the rule that asked for it.

    Raises ValueError for a response that no client of this package returned (or that was pickled since).
    """
    record = response.extensions.get(_PLACE)
    if not isinstance(record, Record):
        raise ValueError("this response was not returned by an unruffled client")
    return str(record.report(response.status_code)["text"])
