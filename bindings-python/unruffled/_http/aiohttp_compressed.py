"""A check whether a body that aiohttp decodes as it arrives has ended within its content coding.

aiohttp keeps the decoder to itself and looks at its end for `deflate` alone. `DeflateBuffer` is therefore extended:
it marks the stream that it fills. For a session without the middleware nothing changes.
"""

from __future__ import annotations

from typing import Any

from aiohttp import StreamReader, http_parser
from aiohttp.http_exceptions import ContentEncodingError

from .compressed import CUT, is_whole


class _Cut(StreamReader):
    """A stream whose body has ended within its coding. Its class says so, since streams have no attributes of ours."""

    __slots__ = ()


class _Strict(StreamReader):
    """A stream that raises if its body ends within its coding."""

    __slots__ = ()


def install() -> None:
    """Extends the class, once. Where it is missing or has another form, every body counts as whole."""
    own: Any = getattr(http_parser, "DeflateBuffer", None)
    if own is None or getattr(own, "_unruffled", False) or not hasattr(own, "feed_eof"):
        return
    feeds, ends = own.feed_data, own.feed_eof

    def feed_data(self: Any, chunk: bytes, *arguments: Any) -> Any:
        before = _inner(self)
        try:
            return feeds(self, chunk, *arguments)
        finally:
            after = _inner(self)
            if after is not before:
                # A member of the coding has ended: aiohttp has made another decompressor for what may follow.
                self._unruffled_unused = after
            elif chunk:
                self._unruffled_unused = None

    def feed_eof(self: Any) -> None:
        unused = getattr(self, "_unruffled_unused", None)
        if self.size and (unused is None or _inner(self) is not unused) and not is_whole(self.decompressor):
            if type(self.out) is _Strict:
                raise ContentEncodingError(CUT)
            if type(self.out) is StreamReader:
                self.out.__class__ = _Cut
        ends(self)

    own.feed_data = feed_data
    own.feed_eof = feed_eof
    own._unruffled = True


def _inner(buffer: Any) -> Any:
    return getattr(buffer.decompressor, "_decompressor", None)


def is_cut(content: Any) -> bool:
    """Returns whether a stream's body has ended within its coding."""
    return type(content) is _Cut


def be_strict(content: Any) -> None:
    """Makes a stream that is still being filled raise if its body ends within its coding."""
    if type(content) is StreamReader:
        content.__class__ = _Strict
