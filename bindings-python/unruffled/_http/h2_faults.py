"""Whether an exception over HTTP/2 proves that the server did not process the request (RFC 9113, section 8.7).

httpcore2 and httpcore have the number of the stream and the server's GOAWAY in the exception and in the frame that
raised it. They are read after a failure only: a call that succeeds pays nothing.
"""

from __future__ import annotations

from types import FrameType
from typing import Any

from .._core import codes

_REFUSED_STREAM = 7
_SENDERS = ("handle_request", "handle_async_request")
_HEADERS = "_send_request_headers"
#: h2 queues a request's headers at the end of this step. If the step fails, nothing is sent.
_TO_H2 = "send_headers"


def fault_of(error: BaseException) -> int | None:
    """Returns UNSENT if the request was proven not to be processed, LOST if it may have been.

    None: it was not over HTTP/2, or the caller's own headers are to blame.
    """
    for one in _chain(error):
        said = one.args[0] if one.args else None
        if type(said).__name__ == "StreamReset":
            return codes.UNSENT if getattr(said, "error_code", None) == _REFUSED_STREAM else codes.LOST
    found = _sender(error)
    if found is None:
        return codes.LOST if _raised_by_h2(error) or _broke_connection(error) else None
    frame, steps = found
    connection, stream = frame.f_locals.get("self"), frame.f_locals.get("stream_id")
    ended: Any = getattr(connection, "_connection_terminated", None)
    if ended is not None and isinstance(stream, int) and stream > (ended.last_stream_id or 0):
        return codes.UNSENT
    if not _raised_by_h2(error):
        # A thread may change the tables of a shared connection while another reads them.
        return codes.UNSENT if isinstance(error, RuntimeError) and _TO_H2 in steps else codes.LOST
    if stream is None or _HEADERS in steps:
        return codes.UNSENT if _is_over(connection, ended) or not _blames_headers(error) else None
    return codes.LOST


def _is_over(connection: Any, ended: Any) -> bool:
    """Returns whether the connection takes no further stream. If it does, the headers themselves were refused."""
    state = getattr(getattr(connection, "_h2_state", None), "state_machine", None)
    return ended is not None or getattr(getattr(state, "state", None), "name", "") == "CLOSED"


def _blames_headers(error: BaseException) -> bool:
    """Returns whether h2 refused the headers because of their content.

    Else the stream or the connection could take no headers. Threads share a connection, and httpcore does not lock
    between its choice of a stream and its first frame. h2 then takes the headers of the second thread for trailers,
    which are never sent on purpose.
    """
    for one in _chain(error):
        if type(one).__module__.startswith("h2."):
            trace = one.__traceback__
            while trace is not None and trace.tb_next is not None:
                trace = trace.tb_next
            checked = trace is not None and trace.tb_frame.f_globals.get("__name__") == "h2.utilities"
            return checked and "trailer" not in str(one)
    return False


def _raised_by_h2(error: BaseException) -> bool:
    return any(type(one).__module__.startswith("h2.") for one in _chain(error))


def _broke_connection(error: BaseException) -> bool:
    """Returns whether httpcore itself failed while it read a body: two threads may close one stream of a connection."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return isinstance(error, (KeyError, RuntimeError)) and (
        trace is not None and trace.tb_frame.f_code.co_filename.endswith("http2.py")
    )


def _sender(error: BaseException) -> tuple[FrameType, list[str]] | None:
    """Returns the frame of the HTTP/2 connection that sent the request, and the names of the steps below it."""
    for one in _chain(error):
        trace = one.__traceback__
        found: FrameType | None = None
        steps: list[str] = []
        while trace is not None:
            code = trace.tb_frame.f_code
            if code.co_name in _SENDERS and code.co_filename.endswith("http2.py"):
                found, steps = trace.tb_frame, []
            elif found is not None:
                steps.append(code.co_name)
            trace = trace.tb_next
        if found is not None:
            if one.__context__ is not None and not steps:
                # httpcore replaced h2's exception, which has the steps.
                steps = _steps(one.__context__)
            return found, steps
    return None


def _steps(error: BaseException) -> list[str]:
    names = []
    trace = error.__traceback__
    while trace is not None:
        names.append(trace.tb_frame.f_code.co_name)
        trace = trace.tb_next
    return names


def _chain(error: BaseException) -> list[BaseException]:
    """Returns the exceptions from the last raised to the first raised."""
    found: list[BaseException] = []
    one: BaseException | None = error
    while one is not None and one not in found and len(found) < 8:
        found.append(one)
        inner = one.args[0] if one.args and isinstance(one.args[0], BaseException) else None
        one = one.__cause__ or one.__context__ or inner
    return found
