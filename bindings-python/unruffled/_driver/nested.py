"""Who retries above us: an SDK says so in a header, another unruffled leaves a mark.

Two loops on top of each other multiply attempts, so that the lower one makes a single one.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar

import httpx2

#: Set while a client sends by a transport that somebody else made: the end of that attempt, in `time.monotonic`.
NESTED: ContextVar[float | None] = ContextVar("unruffled_nested", default=None)

# Headers in which SDKs count their retries; 0 proves nothing, since they may be told not to retry.
_AMAZON = b"amz-sdk-request"
#: All in lower case.
TELLING = frozenset((b"x-stainless-retry-count", b"x-retry-count", b"x-retry-attempt", b"retry-attempt", _AMAZON))


def is_foreign(http: httpx2.Client | httpx2.AsyncClient) -> bool:
    """Whether a transport that httpx2 did not make sends for this client: another unruffled may be behind it."""
    from .._http.pool import pools

    return any(pool is None for pool in pools(http))


def is_stacked(sent: Mapping[bytes, bytes]) -> bool:
    """Whether the caller's own headers, by lower-case name, say that this is somebody's retry."""
    if TELLING.isdisjoint(sent):
        return False
    for name in TELLING & sent.keys():
        value = sent[name]
        if value.isdigit() and int(value) >= 1:
            return True
    # AWS: `attempt=2; max=3`, counted from 1.
    count = sent.get(_AMAZON, b"").partition(b";")[0].partition(b"=")[2].strip()
    return count.isdigit() and int(count) >= 2
