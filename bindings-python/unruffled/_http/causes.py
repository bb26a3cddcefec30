"""The cause of a fault, as far as the platform says one. Read after a failure only."""

from __future__ import annotations

import errno
import http.client
import socket
import ssl

from .._core import codes, step_word
from .faults import chain

_ERRNO = {
    errno.ECONNREFUSED: codes.CAUSE_CONNECTION_REFUSED,
    errno.EHOSTUNREACH: codes.CAUSE_UNREACHABLE,
    errno.ENETUNREACH: codes.CAUSE_UNREACHABLE,
    errno.EHOSTDOWN: codes.CAUSE_UNREACHABLE,
    errno.ENETDOWN: codes.CAUSE_UNREACHABLE,
    errno.ECONNRESET: codes.CAUSE_RESET,
    errno.ECONNABORTED: codes.CAUSE_RESET,
    errno.EPIPE: codes.CAUSE_RESET,
}
# Not EAI_AGAIN: a name service that does not answer does not say that there is no such name.
_NO_NAME = frozenset(getattr(socket, name) for name in ("EAI_NONAME", "EAI_NODATA") if hasattr(socket, name))
# OpenSSL's reasons for bytes that are no TLS record. The last is that of newer versions.
_NO_TLS = frozenset(("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE"))
# By library and name, so that no library is imported for them.
_NAMED = {
    ("aiohttp", "ServerFingerprintMismatch"): codes.CAUSE_CERTIFICATE,
    ("aiohttp", "ServerDisconnectedError"): codes.CAUSE_RESET,
    ("urllib3", "CertificateError"): codes.CAUSE_CERTIFICATE,
    ("urllib3", "InvalidHeader"): codes.CAUSE_PROTOCOL,
    ("aiohttp", "BadHttpMessage"): codes.CAUSE_PROTOCOL,
    ("aiohttp", "BadStatusLine"): codes.CAUSE_PROTOCOL,
    ("aiohttp", "InvalidHeader"): codes.CAUSE_PROTOCOL,
}
_FINAL = frozenset((codes.CAUSE_CERTIFICATE, codes.CAUSE_NO_TLS))
#: The text of httpx2 and httpx for a server that ends the connection before it has answered.
_DISCONNECTED = "Server disconnected"
#: The beginning of h11's text for a body that ends too early.
_CLOSED = "peer "


def with_cause(fault: int, error: BaseException) -> int:
    """Adds the cause to a fault. A fault that would come at each attempt becomes `PERMANENT`."""
    if fault != codes.LOST and fault != codes.UNSENT:
        return fault
    cause = cause_of(error)
    final = cause in _FINAL or (cause == codes.CAUSE_PROTOCOL and not any(map(_is_no_http, chain(error))))
    return (codes.PERMANENT if final else fault) | cause * step_word.CAUSE


def _is_no_http(one: BaseException) -> bool:
    """Returns whether the answer was no HTTP at all, which a proxy may send once. Broken framing comes each time."""
    if isinstance(one, (http.client.BadStatusLine, http.client.UnknownProtocol)):
        return True
    return type(one).__name__ == "BadStatusLine" or "status line" in str(one).lower()


def cause_of(error: BaseException) -> int:
    """Returns the cause that the platform says; 0 = none."""
    for one in chain(error):
        cause = _of(one)
        if cause:
            return cause
    return 0


def _of(one: BaseException) -> int:
    if isinstance(one, BaseExceptionGroup):
        # A name has several addresses. The cause counts if it is the same for all of them.
        causes = {cause_of(each) for each in one.exceptions}
        return causes.pop() if len(causes) == 1 else 0
    if isinstance(one, ssl.SSLError):
        if isinstance(one, ssl.SSLCertVerificationError):
            return codes.CAUSE_CERTIFICATE
        return codes.CAUSE_NO_TLS if getattr(one, "reason", None) in _NO_TLS else 0
    if isinstance(one, socket.gaierror):
        return codes.CAUSE_NO_SUCH_NAME if one.errno in _NO_NAME else 0
    if isinstance(one, OSError) and one.errno in _ERRNO:
        return _ERRNO[one.errno]
    if isinstance(one, http.client.RemoteDisconnected):
        return codes.CAUSE_RESET
    if isinstance(one, (http.client.BadStatusLine, http.client.UnknownProtocol)):
        return codes.CAUSE_PROTOCOL
    return _by_name(one)


def _by_name(one: BaseException) -> int:
    kind = type(one)
    library, name = kind.__module__.partition(".")[0], kind.__name__
    if name == "RemoteProtocolError":
        if library == "h11":
            # An answer that is too long for this client breaks no protocol.
            final = getattr(one, "error_status_hint", 0) != 431 and not str(one).startswith(_CLOSED)
            return codes.CAUSE_PROTOCOL if final else 0
        return codes.CAUSE_RESET if str(one).startswith(_DISCONNECTED) else 0
    return _NAMED.get((library, name), 0)
