"""The deadline of the calling thread's attempt. `_http.clipped` and `_http.urllib3` apply it to connections."""

from __future__ import annotations

import threading

from .time import TIME


class _ThreadDeadline(threading.local):
    """The calling thread's deadline in seconds of `time.monotonic`; None = no deadline."""

    at: float | None = None


THREAD_DEADLINE = _ThreadDeadline()


def remaining(timeout: float | None, late: type[Exception]) -> float | None:
    """Clips an operation's timeout to the thread's deadline. Raises `late` when that is over."""
    at = THREAD_DEADLINE.at
    if at is None:
        return timeout
    left = at - TIME.monotonic()
    if left <= 0.0:
        raise late("timed out: the attempt's time is up")
    return left if timeout is None or left < timeout else timeout
