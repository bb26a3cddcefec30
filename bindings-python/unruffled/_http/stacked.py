"""Recognizes the retries of an SDK that calls us, by the headers in which SDKs count them."""

from __future__ import annotations

import re
from collections.abc import Mapping

_NUMBER = re.compile(rb"[0-9]+")
#: A number of more digits is larger than every least number, and too long for `int`.
_MOST_DIGITS = 18


class RetryCounts:
    """The headers in which SDKs count their retries, and the least number in each that proves a retry."""

    __slots__ = ("_least", "names")

    def __init__(self, counts: Mapping[str, int]) -> None:
        """Takes the settings' `retryCounts`: the least number by lower-case header name."""
        self._least = {name.encode("ascii"): least for name, least in counts.items()}
        #: In lower case.
        self.names = frozenset(self._least)

    def prove_retry(self, sent: Mapping[bytes, bytes]) -> bool:
        """Returns whether the caller's own headers, by lower-case name, prove that the call is an SDK's retry.

        A header's number is the first run of digits in its value.
        """
        if self.names.isdisjoint(sent):
            return False
        return any(_number_in(sent[name]) >= least for name, least in self._least.items() if name in sent)


def _number_in(value: bytes) -> int:
    """Returns the first run of digits in a value, or -1 if it has none."""
    found = _NUMBER.search(value)
    return -1 if found is None else int(found[0].lstrip(b"0")[: _MOST_DIGITS + 1] or b"0")
