"""The end of a drop-in's call, which never raises for a status.

The last answer is returned, unread if nothing had to be read. Without an answer the last native exception is raised.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any, Generic, TypeVar, cast

from .._core import codes, step_word
from .._core.errors import CallError
from .._driver.endings import failure
from .._driver.engine import Engine
from .._driver.record import PLACE, Record, remember
from .._http.faults import own_of
from .drop_in import DropInCall, Lines

D = TypeVar("D", bound=DropInCall[Any])
R = TypeVar("R")


class Endings(Generic[D, R]):
    """The part of a host that ends the calls of a drop-in."""

    def late(self, call: D) -> Exception:
        """Makes the client's exception for an attempt, or its body, that our limit ended."""
        raise NotImplementedError

    def unsent(self, call: D, failed: CallError) -> Exception:
        """Makes the client's exception for a call that was never sent; its cause will be `failed`.

        Its class depends on `failed.reason`: `deadline` and `timeout` are time limits, all others a failed connection.
        """
        raise NotImplementedError

    def restore(self, call: D, parts: list[bytes], rest: Any) -> None:
        """Restores a body that was read in part: these pieces, then those of `rest`; None = there are no more."""
        raise NotImplementedError

    #: Returns the header lines of an answer.
    lines: Callable[[R], Lines]
    #: Whether `body` yields pieces as they come from the wire, still encoded.
    wire = True

    def plain(self, call: D, read: bytes, most: int) -> bytes:
        """Decodes the beginning of a body, for the policy's body rules; empty for an unknown coding."""
        if self.wire:
            for name, value in self.lines(cast(R, call.response)):
                if name.lower() == b"content-encoding" and value.lower() not in (b"", b"identity"):
                    try:
                        return zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(read, most)
                    except zlib.error:
                        return b""
        return read

    def attach(self, response: R, record: Record) -> None:
        """Attaches the record to the response, for `explain`."""
        vars(response)[PLACE] = record

    #: Each hop of a redirect is a call of its own.
    follows = False

    def by(self, call: D, response: R) -> int:
        """Returns 0: see `follows`."""
        return 0

    def mistaken(self, call: D, error: Exception) -> Exception:
        """Returns the caller's own exception."""
        return own_of(error) or error

    async def finish(self, call: D) -> None:
        """Leaves the last response open and unread."""

    async def refresh(self, engine: Engine, call: D, number: int, word: int) -> None:
        """Raises: credentials are the client's own, so that the core never asks for any."""
        raise NotImplementedError

    async def deliver(self, call: D, number: int, word: int, started: int) -> R:
        """Returns the answer, whatever its status."""
        response = cast(R, call.response)
        if call.pieces is not None:
            rest, parts = call.pieces
            call.pieces = None
            self.restore(call, parts, rest)
        self.attach(response, Record(call.engine, number, word, call.engine.now() - started))
        return response

    async def fail(self, call: D, number: int, word: int, started: int) -> R:
        """Returns the last answer. Else raises the last native exception, or the client's own if nothing was sent."""
        if word & codes.RESPONSE and call.response is not None:
            return await self.deliver(call, number, word, started)
        error = call.error
        if error is not None:
            remember(error, Record(call.engine, number, word, call.engine.now() - started))
            raise error
        call.target = _shown(call)
        failed = failure(call, number, word, started, response=None)
        raise self.unsent(call, failed) from failed


def _shown(call: DropInCall[Any]) -> str:
    """Returns the name of a call in texts: its route's pattern, or the origin, since the path may hold a secret."""
    pattern: str = call.engine.settings["routes"][call.target_number & step_word.ROUTE]["pattern"]
    if pattern:
        return pattern
    method, _, url = call.target.partition(" ")
    scheme, _, rest = url.partition("://")
    return f"{method} {scheme}://{rest.partition('/')[0]}"
