"""The body of a request that cannot be read before it is sent: an iterator, a file, a form with files.

Its exceptions are the caller's own, not the network's. Each piece shows that the attempt is alive.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator
from typing import Any

from .faults import OwnError


def pieces(source: Iterable[Any], alive: Callable[[], object]) -> Iterator[Any]:
    """Yields the pieces of a source. Calls `alive` after each; what the source raises comes out as `OwnError`."""
    try:
        for piece in source:
            alive()
            yield piece
    except Exception as error:
        raise OwnError(error) from None


async def pieces_async(source: Any, alive: Callable[[], object]) -> AsyncIterator[Any]:
    """Yields the pieces of an asynchronous source; see `pieces`."""
    each = aiter(source)
    try:
        async for piece in each:
            alive()
            yield piece
    except Exception as error:
        raise OwnError(error) from None
    finally:
        if isinstance(each, AsyncGenerator):
            # The garbage collector would close it outside of any task.
            await each.aclose()


class WatchedBody:
    """A stream of httpx2 or httpx around another. Each library adds its own base classes."""

    def __init__(self, stream: Any, alive: Callable[[], object]) -> None:
        """Takes the stream, and the function that is called after each piece."""
        self._stream = stream
        self._alive = alive

    def __iter__(self) -> Iterator[bytes]:
        """Yields the pieces."""
        return pieces(self._stream, self._alive)

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Yields the pieces."""
        return pieces_async(self._stream, self._alive)

    def close(self) -> None:
        """Closes the stream."""
        self._stream.close()

    async def aclose(self) -> None:
        """Closes the stream."""
        await self._stream.aclose()


class _Iterated:
    """A body that a synchronous client iterates. Its other attributes are the source's."""

    def __init__(self, source: Any, alive: Callable[[], object]) -> None:
        self._source = source
        self._alive = alive

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    def __iter__(self) -> Iterator[Any]:
        return pieces(self._source, self._alive)


class _Read(_Iterated):
    """A body that a synchronous client reads as a file."""

    def read(self, *arguments: Any) -> Any:
        try:
            piece = self._source.read(*arguments)
        except Exception as error:
            raise OwnError(error) from None
        self._alive()
        return piece


def source_of(source: Any, alive: Callable[[], object]) -> Any:
    """Wraps a body that is read or iterated as it is sent."""
    return (_Read if hasattr(source, "read") else _Iterated)(source, alive)
