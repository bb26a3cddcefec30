"""The mark that a client of this package sets while it sends by a transport that it did not make.

Another client of this package may be in that transport. It makes one attempt then: two loops would multiply attempts.
"""

from __future__ import annotations

from contextvars import ContextVar

#: The end of the outer client's attempt in `time.monotonic`; None = there is no outer client.
NESTED: ContextVar[float | None] = ContextVar("unruffled_nested", default=None)
