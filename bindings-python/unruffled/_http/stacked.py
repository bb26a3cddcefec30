"""Retries of an SDK around us, by the header in which it counts them."""

from __future__ import annotations

from collections.abc import Mapping

# Headers in which SDKs count their retries; 0 proves nothing, since retries may be switched off.
_AMAZON = b"amz-sdk-request"
#: All in lower case.
RETRY_COUNTS = frozenset((b"x-stainless-retry-count", b"x-retry-count", b"x-retry-attempt", b"retry-attempt", _AMAZON))


def is_stacked(sent: Mapping[bytes, bytes]) -> bool:
    """Whether the caller's own headers, by lower-case name, say that this is a retry of an outer client."""
    if RETRY_COUNTS.isdisjoint(sent):
        return False
    for name in RETRY_COUNTS & sent.keys():
        value = sent[name]
        if value.isdigit() and int(value) >= 1:
            return True
    # AWS: `attempt=2; max=3`, counted from 1.
    count = sent.get(_AMAZON, b"").partition(b";")[0].partition(b"=")[2].strip()
    return count.isdigit() and int(count) >= 2
