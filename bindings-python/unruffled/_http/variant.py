"""The classes of httpx2 and httpx: the same names, but they do not mix. Which bodies can be sent again; decoding."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx2

from .._driver.pauses import Limit
from .compressed import CUT, Checked, Lenient, is_whole
from .request_body import WatchedBody


class HttpxVariant:
    """The classes of httpx2, or of httpx."""

    def __init__(self, module: Any, limit: Callable[[float], Limit] | None = None) -> None:
        """Takes the module. `limit`: makes an attempt's time limit, instead of the loop."""
        self.module = module
        self.limit = limit
        name = module.__name__
        # They have no public names. Where one is missing, its bodies count as ones that cannot be sent again.
        self.multipart = getattr(sys.modules.get(f"{name}._multipart"), "MultipartStream", ())
        self.iterated = getattr(sys.modules.get(f"{name}._content"), "IteratorByteStream", ())
        self.identity = getattr(sys.modules.get(f"{name}._decoders"), "IdentityDecoder", ())
        self.watched: Callable[..., Any] = type(
            "Watched", (WatchedBody, module.SyncByteStream, module.AsyncByteStream), {}
        )
        self.restored: Callable[..., Any] = type("Restored", (_Restored, module.SyncByteStream), {})
        self.restored_async: Callable[..., Any] = type("Restored", (_RestoredAsync, module.AsyncByteStream), {})

    def decoder(self, response: Any) -> Any:
        """Returns the decoder of a response; None = it needs none, or httpx has no such method."""
        make = getattr(response, "_get_content_decoder", None)
        made = None if make is None else make()
        return None if made is None or isinstance(made, self.identity) else made

    def cut(self) -> Exception:
        """Makes the library's exception for a body that ends within its coding."""
        error: Exception = self.module.DecodingError(CUT)
        return error

    def end(self, response: Any) -> None:
        """Checks the decoder of a response that was read whole. Raises DecodingError if its coding has not ended."""
        decoder = getattr(response, "_decoder", None)
        if decoder is None or isinstance(decoder, self.identity):
            return
        if response.num_bytes_downloaded and not is_whole(decoder):
            raise self.cut()

    def check(self, response: Any) -> None:
        """Makes an unread coded body raise if it ends within its coding, or end there if it is an error's."""
        decoder = self.decoder(response)
        if decoder is not None:
            lenient = response.status_code >= 400
            response._decoder = Lenient(decoder) if lenient else Checked(decoder, self.cut)

    def verify(self, response: Any, body: bytes) -> None:
        """Decodes a copy of a whole body. Raises DecodingError if that fails or the body ends within its coding."""
        coding = [line for line in response.headers.raw if line[0].lower() == b"content-encoding"]
        decoder = self.decoder(self.module.Response(200, headers=coding))
        if decoder is not None and body:
            for _ in decoder.decode(body):
                pass
            for _ in decoder.flush():
                pass
            if not is_whole(decoder):
                raise self.cut()

    def replay(self, stream: Any) -> tuple[bool, Callable[[], object] | None]:
        """Returns whether a request's body can be sent again byte for byte, and what to call before each time."""
        if isinstance(stream, self.module.ByteStream):
            return True, None
        if isinstance(stream, self.multipart):
            files = [field.file for field in stream.fields if hasattr(field, "file")]
            return all(isinstance(file, (bytes, str)) or _seeks(file) for file in files), None
        source: Any = getattr(stream, "_stream", None) if isinstance(stream, self.iterated) else None
        if isinstance(source, (list, tuple)):
            return True, None
        if hasattr(source, "read") and _seeks(source):
            begin = source.tell()
            return True, lambda: source.seek(begin)
        return False, None

    @staticmethod
    def sends_body(request: Any) -> bool:
        """Returns whether the stream is sent: without either header it is not (RFC 9112, section 6.3)."""
        return "transfer-encoding" in request.headers or request.headers.get("content-length", "0") != "0"


def _seeks(file: Any) -> bool:
    return hasattr(file, "seekable") and bool(file.seekable())


class _Restored:
    """A body of which a part was read already."""

    def __init__(self, parts: list[bytes], rest: Iterator[bytes], stream: Any) -> None:
        self._parts = parts
        self._rest = rest
        self.close = stream.close

    def __iter__(self) -> Iterator[bytes]:
        yield from self._parts
        yield from self._rest


class _RestoredAsync:
    def __init__(self, parts: list[bytes], rest: AsyncIterator[bytes], stream: Any) -> None:
        self._parts = parts
        self._rest = rest
        self.aclose = stream.aclose

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self._parts:
            yield part
        async for part in self._rest:
            yield part


#: The classes of this package's clients and of the transports for httpx2.
HTTPX2 = HttpxVariant(httpx2)
