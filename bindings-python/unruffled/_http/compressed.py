"""Bodies with a Content-Encoding: whether one ended within its coding, and an error's body that cannot be decoded.

The libraries take half a gzip stream for the whole. What they decode with is asked for its end: the decoders have no
public name, tests guard them, and where one is missing its body counts as whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

CUT = "the body ends within its content coding"
# Where a library's decoder has what decodes for it.
_INNER = ("decompressor", "_obj", "_decompressor", "decompressor")


def is_whole(decoder: Any) -> bool:
    """Whether a decoder has seen the end of its coding."""
    several = getattr(decoder, "children", None) or getattr(decoder, "_decoders", None)
    if several:
        return all(is_whole(each) for each in several)
    if getattr(decoder, "_state", 0):
        # urllib3: the first member of a gzip file was whole, and what follows may be anything.
        return True
    inner = decoder
    for name in _INNER:
        inner = getattr(inner, name, inner)
    finished = getattr(inner, "is_finished", None)
    return bool(finished()) if finished is not None else bool(getattr(inner, "eof", True))


class Checked:
    """A decoder of httpx2, httpx or urllib3 around their own. A body that ends within its coding raises `cut`."""

    def __init__(self, inner: Any, cut: Callable[[], Exception]) -> None:
        """Takes the decoder, and what makes the exception."""
        self._inner = inner
        self._cut = cut
        self._seen = False

    def __getattr__(self, name: str) -> Any:
        """The decoder's own."""
        return getattr(self._inner, name)

    def decode(self, data: bytes) -> Any:
        """As httpx2's and httpx's."""
        self._seen = self._seen or bool(data)
        return self._inner.decode(data)

    def decompress(self, data: bytes, *arguments: Any, **options: Any) -> Any:
        """As urllib3's."""
        self._seen = self._seen or bool(data)
        return self._inner.decompress(data, *arguments, **options)

    def flush(self) -> Any:
        """As the decoder's. Raises if its coding has not ended; a body of no bytes has none."""
        self.end()
        return self._inner.flush() if self._seen else b""

    def end(self) -> None:
        """Raises if its coding has not ended."""
        if self._seen and not is_whole(self._inner):
            raise self._cut()


class Lenient:
    """A decoder for the body of an error: where it cannot be decoded, there is no more of it."""

    def __init__(self, inner: Any) -> None:
        """Takes the decoder."""
        self._inner = inner
        self._broken = False

    def __getattr__(self, name: str) -> Any:
        """The decoder's own."""
        return getattr(self._inner, name)

    def decode(self, data: bytes) -> Any:
        """As httpx's, which gives bytes, and httpx2's, which gives parts."""
        given = self._or_nothing(lambda: self._inner.decode(data))
        # Of nothing there are no parts either.
        return given if isinstance(given, bytes) else self._parts(given)

    def _parts(self, given: Any) -> Iterator[bytes]:
        try:
            yield from given
        except Exception:
            self._broken = True

    def decompress(self, data: bytes, *arguments: Any, **options: Any) -> Any:
        """As urllib3's."""
        return self._or_nothing(lambda: self._inner.decompress(data, *arguments, **options))

    def flush(self) -> Any:
        """As the decoder's."""
        return self._or_nothing(self._inner.flush)

    @property
    def has_unconsumed_tail(self) -> bool:
        """Of urllib3."""
        return not self._broken and bool(self._inner.has_unconsumed_tail)

    def _or_nothing(self, made: Callable[[], Any]) -> Any:
        if self._broken:
            return b""
        try:
            return made()
        except Exception:
            self._broken = True
            return b""
