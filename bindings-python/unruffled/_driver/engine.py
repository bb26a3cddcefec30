"""One engine as its clients share it: handle, clock, settings, call numbers, the calls that wait, the events.

Everything here is safe for any number of threads.
"""

from __future__ import annotations

import itertools
import logging
import os
import threading
import weakref
from collections.abc import Callable, Iterable
from typing import Any

from .._core import boundary, codes, step_word
from .._core.errors import InternalError, Issue, PolicyError
from .clock import Clock, Waiting

LOGGER = logging.getLogger("unruffled")
# Silent unless the program sets logging up.
LOGGER.addHandler(logging.NullHandler())

#: An event as the core reports it: `{"at": ms, "kind": "wait", …}`.
Event = dict[str, Any]
Listener = Callable[[Event], object]

_BIT = {kind: 1 << place for place, kind in enumerate(codes.EVENT_KINDS)}
ALL_KINDS = (1 << len(codes.EVENT_KINDS)) - 1
_WARNINGS = _BIT["breaker"] | _BIT["stacked"] | _BIT["warning"]
_INFOS = _WARNINGS | _BIT["wait"] | _BIT["limiter"] | _BIT["refresh"] | _BIT["call"]
# The most texts whose targets are remembered. The core remembers 1,024 endpoints and forgets the least recently used.
# With fewer here, an endpoint in use is looked up again before the core forgets it.
_MOST_TARGETS = 1000
# The most seconds that a call waits for listeners in another thread.
_LISTENERS_SECONDS = 1.0
# The most origins whose scopes are remembered. Beyond that they are looked up again.
_MOST_ORIGINS = 4096


def kinds_of(names: Iterable[str] | None) -> int:
    """Returns the bit set of event kinds; None = all. Raises ValueError for an unknown name."""
    if names is None:
        return ALL_KINDS
    bits = 0
    for name in names:
        if name not in _BIT:
            raise ValueError(f"{name!r} is no kind of event; the kinds are {', '.join(codes.EVENT_KINDS)}")
        bits |= _BIT[name]
    return bits


class WatchedHeaders:
    """Header names that make the hints of a success worth collecting: it must have one of them."""

    __slots__ = ("lengths", "names")

    def __init__(self, names: frozenset[bytes]) -> None:
        """Takes the names in lower case."""
        self.names = names
        self.lengths = frozenset(map(len, names))


class Engine:
    """A live engine of the core: its handle, clock, settings and the calls that wait."""

    def __init__(
        self, policy: str, *, lenient: bool = False, base_url: str | None = None, clock: Clock | None = None
    ) -> None:
        """Checks the policy (`PolicyError`), resolves its base URL, takes a seed from the system."""
        native = boundary.per_call()
        self.handle = boundary.open_engine(policy, lenient)
        # Not at exit: the process frees the memory itself.
        weakref.finalize(self, native.unruffled_release, self.handle).atexit = False
        self.clock = clock or Clock()
        self.now = self.clock.now
        self.wall = self.clock.wall
        self.begin = native.unruffled_begin
        self.respond = native.unruffled_respond
        self.respond_with = native.unruffled_respond_with
        self.fault = native.unruffled_fault
        self.resume = native.unruffled_resume
        self._abandon = native.unruffled_abandon
        self._token = native.unruffled_token
        self._token_failed = native.unruffled_token_failed
        self._renew = native.unruffled_renew
        self._free = native.unruffled_free
        self._wake = native.unruffled_wake
        self._close = native.unruffled_close
        self.numbers = itertools.count()
        self.waiting = Waiting()
        self.closed = False
        self._forked = False
        self.eager = False
        self.listeners: list[tuple[int, Listener]] = []
        self._notifying = threading.Lock()
        self._order = threading.Lock()
        #: The thread that hands events over, and whether more events have come for it.
        self._notifier = 0
        self._more = False
        self._targets: dict[str, int] = {}
        self._scopes: dict[str, int] = {}
        self._origins: dict[str, int] = {}
        #: The places of requests that drop-ins remember. Cleared whenever the numbers in them are forgotten.
        self.places: dict[Any, Any] = {}
        self._verbose = LOGGER.isEnabledFor(logging.INFO)
        self.settings: dict[str, Any] = boundary.settings(self.handle)
        self.base_url = self._resolve(base_url)
        self.watch_success = WatchedHeaders(_names(self.settings["watchSuccess"]))
        self.watch_error = self.watch_success.names | _names(self.settings["watchError"])
        self._subscribe()
        if self.settings["warnings"]:
            self.notify()

    def _resolve(self, option: str | None) -> str | None:
        url = option if option is not None else self.settings["baseUrl"]
        if isinstance(url, dict):
            name = url["env"]
            url = os.environ.get(name)
            if not url:
                text = f"baseUrl: the environment variable {name} is not set; set it, or give base_url="
                raise PolicyError([Issue("baseUrl", text, 0, 0)])
        elif option is None:
            return url and url.rstrip("/")
        boundary.set_base(self.handle, url)
        self.settings = boundary.settings(self.handle)
        return str(self.settings["baseUrl"]).rstrip("/")

    def target(self, text: str) -> int:
        """Returns the number that `begin` takes for `METHOD /template` or `METHOD https://origin/path`.

        Its low 16 bits (`step_word.ROUTE`) are the route: the place in `settings["routes"]`. Where no route fits they
        are 0, and the endpoint is above them.
        """
        known = self._targets.get(text)
        if known is None:
            if len(self._targets) >= _MOST_TARGETS:
                self._targets.clear()
                self.places.clear()
            known = self._targets[text] = boundary.route(self.handle, text)
        return known

    def scope(self, credential: str) -> int:
        """Returns the number of the base URL's scope with a credential's name; "" = the client's own."""
        if not credential:
            return 0
        known = self._scopes.get(credential)
        if known is None:
            known = self._scopes[credential] = boundary.scope(self.handle, "", credential)
        return known

    def free(self, credential: str) -> None:
        """Frees the scope of a credential that no call will use any more.

        Takes no lock: the garbage collector may call it anywhere. The next word repeats its wakes and events.
        """
        scope = self._scopes.pop(credential, None)
        if scope is not None:
            self._free(self.handle, self.now(), scope)

    def origin_scope(self, origin: str) -> int:
        """Returns the number of an origin's scope (`https://host[:port]`): breaker, budget and limits of a drop-in."""
        known = self._origins.get(origin)
        if known is None:
            if len(self._origins) >= _MOST_ORIGINS:
                self._origins.clear()
                self.places.clear()
            known = self._origins[origin] = boundary.scope(self.handle, origin, "")
        return known

    def wake(self) -> None:
        """Wakes the calls that the core reports as ready. For any word with WAKES."""
        while True:
            word = self._wake(self.handle)
            number = word >> step_word.ARG
            if word & step_word.KIND != codes.DONE or number == 0:
                return
            self.waiting.wake(number - 1)

    def settle(self, word: int) -> None:
        """Handles a word without a step: its wakes and events."""
        if word & codes.WAKES:
            self.wake()
        if word & codes.EVENTS:
            self.notify()

    def abandon(self, call: int) -> None:
        """Abandons a call that did not end by itself. May be called again, also for a call that has ended."""
        self.settle(self._abandon(self.handle, call, self.now()))

    def token(self, generation: int, expires_in: int, retain: Callable[[], object]) -> bool:
        """Reports a token that lives so many milliseconds; 0 = one attempt. Calls `retain` if the core accepts it.

        The core refuses a late token of an older generation: it must not replace a newer one. Returns whether it was
        accepted.
        """
        word = self._token(self.handle, self.now(), generation, expires_in)
        if word & step_word.KIND == codes.MISUSE:
            return False
        # Before the calls that wait for it are woken.
        retain()
        self.settle(word)
        return True

    def token_failed(self, generation: int, fault: int) -> None:
        """Reports that no token could be fetched."""
        self.settle(self._token_failed(self.handle, self.now(), generation, fault, 0))

    def renew(self, scope: int) -> int:
        """Asks to fetch the next token of a scope beside the calls: a Refresh word, or Done if it is not needed."""
        word = self._renew(self.handle, self.now(), scope)
        self.settle(word)
        return word

    def close(self) -> None:
        """Ends every wait with `closed`. Calls begun later fail with `closed`. May be called again."""
        self.closed = True
        self.settle(self._close(self.handle, self.now()))
        self.notify()

    def busy(self) -> bool:
        """Returns whether attempts are in flight."""
        return bool(self.snapshot().get("inFlight"))

    def snapshot(self) -> dict[str, Any]:
        """Returns breakers, budgets, limits and queues at this moment."""
        return boundary.snapshot(self.handle, self.now())  # type: ignore[no-any-return]

    def report(self, call: int) -> dict[str, Any]:
        """Takes the record of an ended call out of the core."""
        return boundary.report(self.handle, call)  # type: ignore[no-any-return]

    def forked(self) -> None:
        """Closes this engine in a forked child. The core has forgotten it, and a parent's thread may hold its locks."""
        self._forked = True
        self._notifying = threading.Lock()
        self._order = threading.Lock()
        self._notifier = 0
        self.waiting.forked()

    def refused(self, word: int) -> InternalError:
        """Returns the exception for a Misuse word."""
        if self._forked:
            return InternalError("the process was forked while this call was made; it goes on in the parent alone")
        code = word >> step_word.ARG
        name = codes.MISUSES[code] if code < len(codes.MISUSES) else str(code)
        return InternalError(f"the core refused an input of this package ({name}); this is a bug of unruffled")

    # Events.

    def listen(self, listener: Listener, kinds: int) -> Callable[[], None]:
        """Calls `listener` with each event of these kinds; returns what ends that."""
        entry = (kinds, listener)
        with self._notifying:
            self.listeners.append(entry)
        self._subscribe()
        if kinds & _BIT["warning"]:
            # The policy's warnings were logged as the engine opened.
            for issue in self.settings["warnings"]:
                listener({"at": 0, "kind": "warning", "text": issue["text"]})

        def end() -> None:
            with self._notifying:
                if entry in self.listeners:
                    self.listeners.remove(entry)
            self._subscribe()

        return end

    def check_logging(self) -> None:
        """Follows a change of the logger's level. Called as each call begins."""
        if LOGGER.isEnabledFor(logging.INFO) is not self._verbose:
            self._subscribe()

    def _subscribe(self) -> None:
        self._verbose = LOGGER.isEnabledFor(logging.INFO)
        kinds = 0
        for wanted, _ in self.listeners:
            kinds |= wanted
        # The core sets EVENTS for changes of a breaker. Other kinds are pulled after each call.
        self.eager = bool(kinds) or self._verbose
        if LOGGER.isEnabledFor(logging.DEBUG):
            kinds = ALL_KINDS
        elif self._verbose:
            kinds |= _INFOS
        else:
            kinds |= _WARNINGS
        boundary.subscribe(self.handle, kinds)

    def notify(self) -> None:
        """Pulls the events and hands them to the listeners and the logger in order, one thread at a time."""
        own = threading.get_ident()
        # Set before the lock is taken, so that the thread that holds it hands over what comes meanwhile: events of a
        # listener's own call, or of another thread that a slow listener would hold up.
        self._more = True
        while self._notifier != own and self._order.acquire(timeout=_LISTENERS_SECONDS):
            try:
                self._notifier = own
                while self._more:
                    self._more = False
                    self._hand_over()
            finally:
                self._notifier = 0
                self._order.release()
            # Another thread may have set it between the last check and the release.
            if not self._more:
                return

    def _hand_over(self) -> None:
        with self._notifying:
            batch = boundary.events(self.handle)
            listeners = list(self.listeners)
        for event in batch.get("events", ()):
            _log(event)
            bit = _BIT.get(event["kind"], 0)
            for kinds, listener in listeners:
                if kinds & bit:
                    try:
                        listener(event)
                    except Exception:
                        LOGGER.exception("a listener raised on an event of kind %s", event["kind"])
        dropped = batch.get("dropped")
        if dropped:
            LOGGER.info("%d events were dropped: nobody pulled them in time", dropped)


def _log(event: Event) -> None:
    kind = event["kind"]
    if kind in ("breaker", "stacked", "warning"):
        level = logging.WARNING
    elif kind == "attempt" or (kind == "call" and event.get("reason") is None):
        level = logging.DEBUG
    else:
        level = logging.INFO
    if LOGGER.isEnabledFor(level):
        rest = " ".join(f"{key}={value!r}" for key, value in event.items() if key not in ("kind", "at"))
        LOGGER.log(level, "%s %s", kind, rest)


def _names(names: list[str]) -> frozenset[bytes]:
    return frozenset(name.encode("ascii") for name in names)
