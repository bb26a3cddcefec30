"""The fault of an attempt's exception: one table for every library that sends. Decides nothing.

An exception of a library has the row of its class, or of the nearest base class. An exception without a row is the
caller's own: a hook raised, the URL is not valid.

A test compares the rows with the exceptions that the libraries have. Exceptions that a server or a machine can cause
are provoked over sockets (`test_faults`, `test_causes`, `test_h2`, `test_codings`). Those of a wrong use are not.
"""

from __future__ import annotations

import errno
import socket
import ssl
import sys
from collections.abc import Iterator
from typing import Any

from .._core import codes
from . import h2_faults as _h2_faults


class TooLargeError(Exception):
    """A buffered body that is larger than the policy's `maxBody`."""


class OwnError(Exception):
    """An exception of the caller's own code, of a body source or a hook, within an attempt. `error` has it."""

    def __init__(self, error: Exception) -> None:
        """Takes the caller's exception, which is raised again."""
        super().__init__()
        self.error = error


# In each line: the names of the exceptions, the fault, and why it is that fault.
_HTTPX: tuple[tuple[str, int, str], ...] = (
    ("ConnectTimeout", codes.CONNECT_TIMEOUT, "no connection in time: nothing was sent"),
    ("ConnectError", codes.UNSENT, "refused, no such host, TLS failed: nothing was sent"),
    ("ProxyError", codes.UNSENT, "the proxy did not connect to the server; with 407 it is the caller's"),
    ("PoolTimeout", codes.REFUSED, "the caller's own pool has no free place"),
    ("TimeoutException ReadTimeout WriteTimeout", codes.TIMEOUT, "the connection stood still for too long"),
    ("TransportError NetworkError ReadError WriteError CloseError", codes.LOST, "the connection broke"),
    ("ProtocolError RemoteProtocolError", codes.LOST, "the server closed or sent what is no HTTP"),
    ("DecodingError", codes.TRUNCATED, "the body cannot be decoded, or ends within its coding"),
    ("LocalProtocolError", codes.REFUSED, "the request cannot be written as HTTP"),
    ("UnsupportedProtocol InvalidURL", codes.REFUSED, "the URL cannot be called"),
    ("HTTPError RequestError HTTPStatusError TooManyRedirects", codes.REFUSED, "raised above the transport"),
    ("CookieConflict SSEError", codes.REFUSED, "raised above the transport"),
    ("StreamError StreamConsumed StreamClosed", codes.REFUSED, "the body was read in another place"),
    ("RequestNotRead ResponseNotRead", codes.REFUSED, "the body was not read where it should have been"),
)
_HTTPCORE: tuple[tuple[str, int, str], ...] = (
    ("ConnectTimeout", codes.CONNECT_TIMEOUT, "as in httpx2"),
    ("ConnectError", codes.UNSENT, "as in httpx2"),
    ("ConnectionNotAvailable", codes.UNSENT, "the connection took no further request"),
    ("ProxyError", codes.UNSENT, "as in httpx2"),
    ("PoolTimeout", codes.REFUSED, "as in httpx2"),
    ("TimeoutException ReadTimeout WriteTimeout", codes.TIMEOUT, "as in httpx2"),
    ("NetworkError ReadError WriteError", codes.LOST, "as in httpx2"),
    ("ProtocolError RemoteProtocolError", codes.LOST, "as in httpx2"),
    ("LocalProtocolError UnsupportedProtocol", codes.REFUSED, "as in httpx2"),
)
_H2: tuple[tuple[str, int, str], ...] = (
    ("H2Error ProtocolError", codes.LOST, "the state of the connection forbids the step"),
    ("FrameTooLargeError FrameDataMissingError", codes.LOST, "the server's frames are none"),
    ("FlowControlError InvalidSettingsValueError", codes.LOST, "the server broke the protocol"),
    ("StreamIDTooLowError NoSuchStreamError StreamClosedError", codes.LOST, "the stream was closed meanwhile"),
    ("InvalidBodyLengthError", codes.TRUNCATED, "the body has not the declared length"),
    ("DenialOfServiceError UnsupportedFrameError", codes.LOST, "the server broke the protocol"),
    ("TooManyStreamsError NoAvailableStreamIDError", codes.UNSENT, "the connection took no further stream"),
    ("RFC1122Error", codes.REFUSED, "not raised by a client"),
)
_REQUESTS: tuple[tuple[str, int, str], ...] = (
    ("ConnectTimeout", codes.CONNECT_TIMEOUT, "no connection in time: nothing was sent"),
    ("Timeout ReadTimeout", codes.TIMEOUT, "nothing came for too long"),
    ("ProxyError", codes.UNSENT, "the proxy did not connect to the server; with 407 it is the caller's"),
    ("ConnectionError SSLError", codes.LOST, "the connection broke; nothing was sent if nothing had been written"),
    ("ChunkedEncodingError ContentDecodingError", codes.TRUNCATED, "the body broke off or cannot be decoded"),
    ("RequestException HTTPError TooManyRedirects RetryError", codes.REFUSED, "raised above the adapter"),
    ("URLRequired MissingSchema InvalidSchema InvalidURL", codes.REFUSED, "the URL cannot be called"),
    ("InvalidProxyURL InvalidHeader", codes.REFUSED, "the call cannot be written as HTTP"),
    ("InvalidJSONError JSONDecodeError", codes.REFUSED, "raised above the adapter"),
    ("StreamConsumedError UnrewindableBodyError", codes.REFUSED, "the caller's body was read in another place"),
)
_URLLIB3: tuple[tuple[str, int, str], ...] = (
    ("ConnectTimeoutError", codes.CONNECT_TIMEOUT, "no connection in time: nothing was sent"),
    ("NewConnectionError NameResolutionError", codes.UNSENT, "refused, no such host: nothing was sent"),
    ("ProxyError", codes.UNSENT, "the proxy did not connect to the server; with 407 it is the caller's"),
    ("TimeoutError ReadTimeoutError", codes.TIMEOUT, "nothing came for too long"),
    ("HTTPError RequestError MaxRetryError", codes.LOST, "the connection broke"),
    ("ProtocolError SSLError", codes.LOST, "the connection broke"),
    ("HeaderParsingError InvalidHeader ResponseError", codes.LOST, "the answer is no HTTP"),
    ("IncompleteRead InvalidChunkLength", codes.TRUNCATED, "the body broke off"),
    ("DecodeError", codes.TRUNCATED, "the body cannot be decoded, or ends within its coding"),
    ("PoolError EmptyPoolError FullPoolError ClosedPoolError", codes.REFUSED, "the caller's own pool"),
    ("HostChangedError TimeoutStateError", codes.REFUSED, "urllib3 was used wrongly"),
    ("LocationValueError LocationParseError URLSchemeUnknown", codes.REFUSED, "the URL cannot be called"),
    ("ProxySchemeUnknown ProxySchemeUnsupported", codes.REFUSED, "the proxy's URL cannot be called"),
    ("UnrewindableBodyError", codes.REFUSED, "the caller's body was read in another place"),
    ("BodyNotHttplibCompatible ResponseNotChunked", codes.REFUSED, "the answer was read in a way that it lacks"),
)
_AIOHTTP: tuple[tuple[str, int, str], ...] = (
    ("ConnectionTimeoutError", codes.CONNECT_TIMEOUT, "no connection in time: nothing was sent"),
    ("ClientConnectorError ClientConnectorDNSError", codes.UNSENT, "refused, no such host: nothing was sent"),
    ("ClientSSLError ClientConnectorSSLError ClientConnectorCertificateError", codes.UNSENT, "TLS failed"),
    ("UnixClientConnectorError ServerFingerprintMismatch", codes.UNSENT, "nothing was sent"),
    ("ClientProxyConnectionError", codes.UNSENT, "the proxy cannot be reached"),
    ("ClientHttpProxyError", codes.UNSENT, "the proxy did not connect to the server; with 407 it is the caller's"),
    ("ServerTimeoutError SocketTimeoutError", codes.TIMEOUT, "nothing came for too long"),
    ("ClientPayloadError", codes.TRUNCATED, "the body broke off or cannot be decoded"),
    ("ContentEncodingError TransferEncodingError ContentLengthError", codes.TRUNCATED, "the body cannot be decoded"),
    ("PayloadEncodingError", codes.TRUNCATED, "the body cannot be decoded"),
    ("ClientError ClientConnectionError ClientConnectionResetError ClientOSError", codes.LOST, "the connection broke"),
    ("ServerConnectionError ServerDisconnectedError", codes.LOST, "the server closed the connection"),
    ("ClientResponseError", codes.LOST, "the answer is no HTTP"),
    ("HttpProcessingError BadHttpMessage BadHttpMethod BadStatusLine", codes.LOST, "the answer is no HTTP"),
    ("InvalidHeader LineTooLong InvalidURLError HttpBadRequest", codes.LOST, "the answer is no HTTP"),
    ("ContentTypeError WSServerHandshakeError TooManyRedirects", codes.REFUSED, "raised above the middleware"),
    ("WSMessageTypeError WebSocketError EofStream UploadAbortedError", codes.REFUSED, "raised above the middleware"),
    ("DecompressSizeError", codes.TRUNCATED, "the body cannot be decoded"),
    ("InvalidURL InvalidUrlClientError NonHttpUrlClientError", codes.REFUSED, "the URL cannot be called"),
    ("RedirectClientError InvalidUrlRedirectClientError", codes.REFUSED, "raised above the middleware"),
    ("NonHttpUrlRedirectClientError", codes.REFUSED, "raised above the middleware"),
)

ROWS: dict[str, tuple[tuple[str, int, str], ...]] = {
    "httpx2": _HTTPX,
    "httpx": _HTTPX,
    "httpcore2": _HTTPCORE,
    "httpcore": _HTTPCORE,
    "h2": _H2,
    "requests": _REQUESTS,
    "urllib3": _URLLIB3,
    "aiohttp": _AIOHTTP,
}
#: The fault by library and name of the class.
TABLE = {(library, name): fault for library, rows in ROWS.items() for names, fault, _ in rows for name in names.split()}

# The machine has no resources left, or does not allow it. No server can change that.
_LOCAL = frozenset(
    (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS, errno.EADDRNOTAVAIL, errno.EACCES, errno.EPERM)
)
_DEPTH = 8


def fault_of(error: Exception, reading: bool) -> int:
    """Returns the fault of an attempt's exception; REFUSED = the caller's own. `reading`: the head had arrived."""
    if own_of(error) is not None:
        return codes.REFUSED
    fault = _of_class(error)
    if fault == codes.UNSENT and (is_local(error) or wants_credentials(error)):
        return codes.REFUSED
    if fault == codes.LOST or fault == codes.REFUSED:
        over_h2 = _h2_faults.fault_of(error)
        if over_h2 is not None:
            fault = over_h2
    return codes.TRUNCATED if reading and fault in (codes.LOST, codes.UNSENT) else fault


def _of_class(error: Exception) -> int:
    if isinstance(error, TooLargeError):
        return codes.TOO_LARGE
    for kind in type(error).__mro__:
        fault = TABLE.get((kind.__module__.partition(".")[0], kind.__name__))
        if fault is not None:
            return fault
    return codes.TIMEOUT if isinstance(error, TimeoutError) else codes.REFUSED


def own_of(error: BaseException) -> Exception | None:
    """Returns the exception of the caller's own code, if it ended the attempt."""
    for one in chain(error):
        if isinstance(one, OwnError):
            return one.error
    return None


def is_local(error: BaseException) -> bool:
    """Returns whether this machine refused: no free descriptor, port or memory, or no permission."""
    for one in chain(error):
        # Errors of TLS and of names have error numbers of their own.
        if isinstance(one, OSError) and one.errno in _LOCAL and not isinstance(one, (ssl.SSLError, socket.gaierror)):
            return True
        if isinstance(one, BaseExceptionGroup) and one.exceptions:
            # A name has several addresses. This machine refused only if it refused all of them.
            return all(is_local(each) for each in one.exceptions)
    return False


def wants_credentials(error: BaseException) -> bool:
    """Returns whether a proxy refused the caller's credentials (407, or the same of SOCKS)."""
    for one in chain(error):
        if getattr(one, "status", None) == 407:
            return True
        if type(one).__name__ in ("ProxyError", "OSError"):
            said = str(one)
            if said.startswith("407") or "Tunnel connection failed: 407" in said or "Invalid username" in said:
                return True
    return False


def chain(error: BaseException) -> Iterator[BaseException]:
    """Yields an exception and its causes, but not the exception that the caller was handling at the call."""
    one: Any = error
    handled = sys.exc_info()[1]
    for _ in range(_DEPTH):
        if one is None or (one is handled and one is not error):
            return
        yield one
        inner = one.args[0] if one.args else None
        reason = getattr(one, "reason", None)
        one = (
            one.__cause__
            or one.__context__
            or next((each for each in (reason, inner) if isinstance(each, BaseException)), None)
        )
