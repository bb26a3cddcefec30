"""The running loop. Neither asyncio nor trio is imported for it: a program that runs a loop has imported it."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

    import trio


def running_loop() -> asyncio.AbstractEventLoop | trio.lowlevel.TrioToken:
    """Returns the asyncio loop or the trio run that the caller is in. Raises RuntimeError outside of both."""
    if "asyncio" in sys.modules:
        import asyncio

        loop = asyncio._get_running_loop()
        if loop is not None:
            return loop
    if "trio" in sys.modules:
        import trio

        with contextlib.suppress(RuntimeError):
            return trio.lowlevel.current_trio_token()
    raise RuntimeError("an AsyncClient needs a running event loop: asyncio's or trio's")
