"""The part that all drop-ins share: a policy's engine, and the route, scope and endpoint of each request.

An adapter has a `DropIn` for its policy. For each request `prepare()` fills a `DropInCall`: the scope by the origin,
the route and the endpoint by method and path, and the flags. `drive(host, call)` makes the call. The host is a
`ThreadHost` or a `LoopHost` of `hosts`. It sends, reads bodies and makes exceptions as the adapter's client does.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar
from urllib.parse import urlsplit

from .._core import codes, step_word
from .._driver.call import Call, keeps_alive
from .._driver.engine import Engine, Listener, kinds_of
from .._driver.forks import on_fork
from .._driver.nested import NESTED
from .._driver.open import Policy, UnknownKeys, text_of
from .._driver.time import TIME
from .._http.stacked import RetryCounts

R = TypeVar("R")
Lines = Sequence[tuple[bytes, bytes]]

_PIECE = 64 * 1024
_MOST_CACHED = 1024
#: The headers that decide whether an answer's body is read before the answer counts.
_BODY = frozenset((b"content-length", b"content-type", b"content-encoding"))
_NOTHING: dict[bytes, bytes] = {}
_PORTS = {"http": 80, "https": 443}


class Route:
    """A route's settings for drop-ins. A limit of None: the policy does not set it, and the client's own applies."""

    __slots__ = (
        "alive",
        "body_statuses",
        "buffer_up_to",
        "connect",
        "idle",
        "key",
        "key_header",
        "key_quoted",
        "native",
        "stream_type",
        "total",
    )

    def __init__(self, settings: dict[str, Any], stream_type: str) -> None:
        """Takes the route's settings, and the media type of event streams."""
        #: The media type, in lower case, of answers whose bodies are never read before the answer counts.
        self.stream_type = stream_type
        self.body_statuses = frozenset(settings["bodyStatuses"])
        #: The most bytes of a body that is read before its answer counts. Its status is below 400, its length declared.
        self.buffer_up_to: int = settings["bufferUpTo"]
        #: Seconds for a new connection.
        self.connect: float | None = settings["connect"] / 1000 if settings["connectWritten"] else None
        #: Whether the client's own limits for connecting and reading hold.
        self.native = not (settings["connectWritten"] or settings["idleWritten"])
        #: Seconds that an attempt may last after each piece of an upload. After the last one they are for the answer.
        self.alive: float = max(settings["idle"], settings["attempt"]) / 1000
        self.idle: float | None = settings["idle"] / 1000 if settings["idleWritten"] else None
        #: Seconds for the whole call; infinity if the policy does not set them.
        self.total: float = settings["total"] / 1000 if settings["totalWritten"] else math.inf
        self.key_header: bytes = settings["idempotency"]["header"].encode("ascii")
        self.key = self.key_header.lower()
        self.key_quoted: bool = settings["idempotency"]["format"] == "sf-string"


class Place:
    """The route, scope and endpoint of all requests with the same method, origin and path."""

    __slots__ = ("flags", "number", "route", "scope", "target")

    def __init__(self, engine: Engine, routes: Sequence[Route], method: str, origin: str, path: str) -> None:
        """Takes the numbers from the engine."""
        self.target = target = f"{method} {origin}{path}"
        self.scope = engine.origin_scope(origin)
        self.number = number = engine.target(target if path else f"{target}/")
        self.route = routes[number & step_word.ROUTE]
        #: The flags of a call whose body can be sent again.
        self.flags = codes.DROPIN | codes.METHODS.get(method, codes.OTHER_METHOD) | codes.REPEATABLE


class DropInCall(Call[R]):
    """A request of the client above, as one call. `request` is the client's own object."""

    __slots__ = ("body", "coded", "request", "rewind", "route", "timeouts")

    request: Any
    #: The body that every attempt sends.
    body: Any
    #: Whether the last answer has a Content-Encoding.
    coded: bool
    route: Route
    #: Rewinds the body before each attempt but the first; None = that is not needed.
    rewind: Callable[[], object] | None
    #: The attempt's time limits, if the adapter's client takes them as a dict; None = the caller's own apply.
    timeouts: dict[str, float | None] | None

    def alive(self) -> Callable[[], None]:
        """Returns a function that a body calls after each piece that it sends."""
        left = self.deadline / 1000 or self.route.total
        return keeps_alive(self, self.route.alive, TIME.monotonic() + left)

    def key_line(self, word: int) -> tuple[bytes, bytes] | None:
        """Returns the header line that the word asks for. A drop-in adds no other."""
        if not word & codes.KEY or self.flags & codes.KEYED:
            return None
        return self.keyed(self.route.key_header, self.route.key_quoted)

    def buffers(self, status: int, lines: Iterable[tuple[bytes, bytes, bytes]], dropin: DropIn) -> bool:
        """Returns whether the body is read before the answer counts. Sets `coded` and `hinted`."""
        short, self.coded, self.hinted = dropin.look(self.route, status, lines)
        return short

    def short(self, status: int, length: str | None, kind: str | None) -> bool:
        """Returns what `buffers` does, by Content-Length and Content-Type."""
        if status >= 400 or length is None or not length.isdigit() or int(length) > self.route.buffer_up_to:
            return False
        return kind is None or not kind.lower().startswith(self.route.stream_type)


class DropIn:
    """A policy under a client of another library: one engine for any number of transports. It survives a fork."""

    def __init__(
        self, policy: Policy, *, unknown_keys: UnknownKeys = "error", forked: Callable[[], object] | None = None
    ) -> None:
        """Checks the policy. Raises `PolicyError`. `forked`: the first function of `on_fork`."""
        if unknown_keys not in ("error", "warn"):
            raise ValueError('unknown_keys is "error" or "warn"')
        self._text = text_of(policy)
        self._lenient = unknown_keys == "warn"
        self._lock = threading.Lock()
        #: Functions that drop the parent's connections in a forked child.
        self.on_fork: list[Callable[[], object]] = [] if forked is None else [forked]
        self._listeners: list[tuple[int, Listener]] = []
        self._live: Engine | None = None
        self._reopen()
        on_fork(self)

    def _reopen(self) -> Engine:
        with self._lock:
            if self._live is None:
                engine = Engine(self._text, lenient=self._lenient)
                for kinds, listener in self._listeners:
                    engine.listen(listener, kinds)
                stream_type = engine.settings["streamType"]
                self._stream_type: bytes = stream_type.encode("ascii")
                self._stream_type_length = len(stream_type)
                self._routes = [Route(settings, stream_type) for settings in engine.settings["routes"]]
                self.retry_counts = RetryCounts(engine.settings["retryCounts"])
                self._origins: dict[str, str] = {}
                #: The request headers that `prepare` reads, in lower case.
                self.request_headers = self.retry_counts.names | {b"content-length", *(r.key for r in self._routes)}
                #: The same as text.
                self.request_names = frozenset(name.decode() for name in self.request_headers)
                #: The headers that make the hints of a success worth collecting.
                self.hint_headers = engine.watch_success.names
                #: The answer headers that `look` reads.
                self.answer_headers = _BODY | self.hint_headers
                #: The answer headers that the loop reads, as text.
                self.answer_names = frozenset(name.decode() for name in engine.watch_error | {b"content-encoding"})
                self._live = engine
            return self._live

    def forked(self) -> None:
        """Drops the parent's engine, connections and locks in a forked child."""
        self._lock = threading.Lock()
        if self._live is not None:
            self._live.forked()
            self._listeners = self._live.listeners
        self._live = None
        for drop in self.on_fork:
            drop()

    @property
    def engine(self) -> Engine:
        """Returns the engine, a new one after a fork."""
        return self._live or self._reopen()

    def place(self, key: Any, method: str, origin: str, path: str) -> Place:
        """Finds a request's place, and stores it by `key` in `engine.places`, where adapters look first.

        `origin`: scheme, host and port. `path`: as it is sent, without the query.
        """
        engine = self.engine
        place = Place(engine, self._routes, method, origin, path)
        if len(engine.places) >= _MOST_CACHED:
            engine.places.clear()
        engine.places[key] = place
        return place

    def prepare(
        self, call: DropInCall[R], place: Place, lines: Iterable[tuple[object, bytes, bytes]], *, repeatable: bool
    ) -> DropInCall[R]:
        """Fills a call.

        `lines`: the request's headers, at least those in `request_headers`: name, name in lower case, value.
        `repeatable`: whether the body can be sent again byte for byte, after `call.rewind` if that is set.
        """
        call.engine = self.engine
        call.target = place.target
        call.scope = place.scope
        call.target_number = place.number
        call.route = route = place.route
        call.body_statuses = route.body_statuses
        flags = place.flags if repeatable else place.flags & ~codes.REPEATABLE
        names = self.request_headers
        sent = _NOTHING
        for _, low, value in lines:
            if low in names:
                if sent is _NOTHING:
                    sent = {}
                sent[low] = value
        if sent:
            flags |= self._flags_of(sent, route)
        call.deadline = 0
        above = NESTED.get()
        if above is not None:
            flags |= codes.STACKED
            if above < math.inf:
                call.deadline = max(1, math.ceil((above - TIME.monotonic()) * 1000))
        call.flags = flags
        call.streamed = call.hinted = True
        call.reading = call.over = False
        call.key = call.response = call.error = call.pieces = None
        call.limit_at = math.inf
        return call

    def _flags_of(self, sent: dict[bytes, bytes], route: Route) -> int:
        """Returns flags and the size of the body, by a request's own headers."""
        flags = codes.KEYED if route.key in sent else 0
        if self.retry_counts.prove_retry(sent):
            flags |= codes.STACKED
        size = sent.get(b"content-length", b"0")
        if size.isdigit() and int(size) > _PIECE:
            flags |= min(65535, -(-int(size) // _PIECE)) << 16
        return flags

    def look(self, route: Route, status: int, lines: Iterable[tuple[bytes, bytes, bytes]]) -> tuple[bool, bool, bool]:
        """Reads the header lines of an answer: the name, the name in lower case, the value.

        Returns three facts. Whether the body is read before the answer counts, so that a body that breaks off is a
        failed attempt: status below 400, a declared length that the route allows, no event stream. Whether the body is
        coded. Whether the core watches one of the lines.
        """
        short = coded = hinted = False
        events = status >= 400
        answer_headers = self.answer_headers
        for _, low, value in lines:
            if low in answer_headers:
                if low == b"content-length":
                    short = value.isdigit() and int(value) <= route.buffer_up_to
                elif low == b"content-type":
                    events = events or value[: self._stream_type_length].lower() == self._stream_type
                elif low == b"content-encoding":
                    coded = True
                if low in self.hint_headers:
                    hinted = True
        return short and not events, coded, hinted

    def place_of(self, url: str) -> tuple[str, str]:
        """Returns origin and path of an absolute URL in text form."""
        end = url.find("/", 8)
        if end < 0 or "?" in url[:end] or "#" in url[:end]:
            # Only a query, or nothing, follows the authority.
            end = min((at for at in (url.find(mark) for mark in "?#") if at >= 0), default=len(url))
        written = url[:end]
        origin = self._origins.get(written)
        if origin is None:
            if len(self._origins) >= _MOST_CACHED:
                self._origins.clear()
            parts = urlsplit(written)
            host, port = parts.hostname or "", parts.port
            host = f"[{host}]" if ":" in host else host
            shown = "" if port is None or port == _PORTS.get(parts.scheme) else f":{port}"
            origin = self._origins[written] = f"{parts.scheme}://{host}{shown}"
        path = url[end:]
        if "?" in path or "#" in path:
            path = path.partition("?")[0].partition("#")[0]
        return origin, path


class DropInControls:
    """Events and counters of a drop-in, the same as those of this package's clients."""

    _dropin: DropIn

    def on(self, listener: Listener, kinds: Iterable[str] | None = None) -> Callable[[], None]:
        """Calls `listener` with events as plain dicts: `{"at": ms, "kind": "wait", "rule": "backoff", "ms": 312, …}`.

        `kinds` chooses among `attempt wait breaker limiter refresh call stacked warning`; None = all. Events are handed
        over when a call ends, in order, in that call's thread or task. Returns a function that ends the subscription.
        """
        return self._dropin.engine.listen(listener, kinds_of(kinds))

    def snapshot(self) -> dict[str, Any]:
        """Returns counters, and per origin the worst breaker, the budget, limits and queues, as plain values."""
        return self._dropin.engine.snapshot()
