"""Bodies with a Content-Encoding: whether one ended within its coding, and an error's body that cannot be decoded.

The libraries take half a gzip stream for the whole. Their decoders are therefore asked whether they have seen the end.
Decoders have no public name: tests guard them, and where one is missing its body counts as whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

CUT = "the body ends within its content coding"
# The attributes in which the libraries' decoders have the decompressor.
_INNER = ("decompressor", "_obj", "_decompressor", "decompressor")


def is_whole(decoder: Any) -> bool:
    """Returns whether a decoder has seen the end of its coding."""
    several = getattr(decoder, "children", None) or getattr(decoder, "_decoders", None)
    if several:
        return all(is_whole(each) for each in several)
    if getattr(decoder, "_state", 0):
        # urllib3: the first member of a gzip file was whole. Anything may follow it.
        return True
    inner = decoder
    for name in _INNER:
        inner = getattr(inner, name, inner)
    finished = getattr(inner, "is_finished", None)
    return bool(finished()) if finished is not None else bool(getattr(inner, "eof", True))


class Checked:
    """A decoder around one of httpx2's, httpx's or urllib3's. Raises `cut` for a body that ends within its coding."""

    def __init__(self, inner: Any, cut: Callable[[], Exception]) -> None:
        """Takes the decoder, and the function that makes the exception."""
        self._inner = inner
        self._cut = cut
        self._seen = False

    def __getattr__(self, name: str) -> Any:
        """Returns the decoder's own attribute."""
        return getattr(self._inner, name)

    def decode(self, data: bytes) -> Any:
        """Decodes, for httpx2 and httpx."""
        self._seen = self._seen or bool(data)
        return self._inner.decode(data)

    def decompress(self, data: bytes, *arguments: Any, **options: Any) -> Any:
        """Decodes, for urllib3."""
        self._seen = self._seen or bool(data)
        return self._inner.decompress(data, *arguments, **options)

    def flush(self) -> Any:
        """Flushes the decoder. Raises if its coding has not ended; an empty body has no coding."""
        self.end()
        return self._inner.flush() if self._seen else b""

    def end(self) -> None:
        """Raises if its coding has not ended."""
        if self._seen and not is_whole(self._inner):
            raise self._cut()


class Lenient:
    """A decoder for the body of an error answer: the body ends where it cannot be decoded."""

    def __init__(self, inner: Any) -> None:
        """Takes the decoder."""
        self._inner = inner
        self._broken = False

    def __getattr__(self, name: str) -> Any:
        """Returns the decoder's own attribute."""
        return getattr(self._inner, name)

    def decode(self, data: bytes) -> Any:
        """Decodes, for httpx (bytes) and httpx2 (an iterator of parts)."""
        given = self._or_nothing(lambda: self._inner.decode(data))
        # httpx2 gives an iterator, which raises later.
        return given if isinstance(given, bytes) else self._parts(given)

    def _parts(self, given: Any) -> Iterator[bytes]:
        try:
            yield from given
        except Exception:
            self._broken = True

    def decompress(self, data: bytes, *arguments: Any, **options: Any) -> Any:
        """Decodes, for urllib3."""
        return self._or_nothing(lambda: self._inner.decompress(data, *arguments, **options))

    def flush(self) -> Any:
        """Flushes the decoder."""
        return self._or_nothing(self._inner.flush)

    @property
    def has_unconsumed_tail(self) -> bool:
        """Returns whether the decoder has undecoded bytes, for urllib3."""
        return not self._broken and bool(self._inner.has_unconsumed_tail)

    def _or_nothing(self, made: Callable[[], Any]) -> Any:
        if self._broken:
            return b""
        try:
            return made()
        except Exception:
            self._broken = True
            return b""
