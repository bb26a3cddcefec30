"""The state that a client and its views share: the policy, one engine, and the httpx2 clients that send."""

from __future__ import annotations

import inspect
import itertools
import threading
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import httpx2

from .._driver.credentials import AskAsync, Credential
from .._driver.engine import Engine, Listener
from .._driver.forks import on_fork
from .._driver.open import Policy, UnknownKeys, text_of
from .._driver.running import running_loop
from .._http.faults import OwnError
from .aliases import CLIENT, unknown
from .request import Builder

if TYPE_CHECKING:
    from .asynchronous import AsyncHost
    from .sync import SyncHost

# Options that the policy has instead: httpx2 must not decide them.
_NOT_OURS = {
    "timeout": "write timeouts into the policy",
    "params": "write query into the policy",
}
_OURS = ("credentials", "correlation_id", "base_url", "unknown_keys")


def _own(hook: Callable[..., Any]) -> Callable[..., Any]:
    """Wraps a caller's hook. Its exceptions are the caller's own, also if they look like the network's."""
    if inspect.iscoroutinefunction(hook) or inspect.iscoroutinefunction(getattr(hook, "__call__", None)):  # noqa: B004

        async def awaited(about: Any) -> None:
            try:
                await hook(about)
            except Exception as error:
                raise OwnError(error) from None

        return awaited

    def called(about: Any) -> Any:
        try:
            return hook(about)
        except Exception as error:
            raise OwnError(error) from None

    return called


class EngineState:
    """The part that a fork replaces: an engine with its clock, and its connections."""

    def __init__(self, engine: Engine) -> None:
        """Begins without a connection."""
        self.engine = engine
        self.builder: Builder
        self.host: SyncHost
        #: The hosts and builders of an AsyncClient by running loop, and those used last.
        self.hosts: dict[Any, tuple[AsyncHost, Builder]] = {}
        self.last: tuple[Any, AsyncHost, Builder] = (None, None, None)  # type: ignore[assignment]
        #: An httpx2 client that is in no loop yet.
        self.spare: httpx2.AsyncClient | None = None


class ClientState:
    """The shared state of a client and its views. It survives a fork."""

    def __init__(
        self, policy: Policy, base_url: str | None, unknown_keys: UnknownKeys, kwargs: dict[str, Any], *, awaits: bool
    ) -> None:
        """Checks the policy, opens the engine, prepares to send. Raises `PolicyError`."""
        for name, instead in _NOT_OURS.items():
            if name in kwargs:
                raise TypeError(f"{name}= is not taken: {instead}")
        known = httpx2.Client.__init__.__kwdefaults__ or {}
        for name in kwargs:
            if name not in known:
                raise TypeError(unknown(name, {*known, *_OURS} - _NOT_OURS.keys(), CLIENT))
        if unknown_keys not in ("error", "warn"):
            raise ValueError('unknown_keys is "error" or "warn"')
        self._text = text_of(policy)
        self._base_url = base_url
        self._lenient = unknown_keys == "warn"
        self._own = httpx2.Headers(kwargs.get("headers"))
        self._kwargs = kwargs
        self._awaits = awaits
        self._lock = threading.Lock()
        self._views = itertools.count(1)
        self._listeners: list[tuple[int, Listener]] = []
        self.live: EngineState | None = self._open()
        on_fork(self)

    def _open(self) -> EngineState:
        live = EngineState(Engine(self._text, lenient=self._lenient, base_url=self._base_url))
        for kinds, listener in self._listeners:
            live.engine.listen(listener, kinds)
        if self._awaits:
            live.spare = httpx2.AsyncClient(**self._options(live.engine))
            return live
        from .sync import SyncHost

        http = httpx2.Client(**self._options(live.engine))
        live.builder = Builder(live.engine, http, self._own)
        live.host = SyncHost(http)
        return live

    def _options(self, engine: Engine) -> dict[str, Any]:
        # The core limits the attempts in flight, so that the pool must not be a second queue.
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=engine.settings["concurrency"])
        options = {"limits": limits, "timeout": None, **self._kwargs}
        hooks = options.get("event_hooks")
        if hooks:
            options["event_hooks"] = {kind: [_own(hook) for hook in each] for kind, each in hooks.items()}
        return options

    def view(self, ask: AskAsync) -> Credential:
        """Makes a view's credential. Its name is never used twice.

        The core forgets the name once no view and no call under way holds the credential.
        """
        made = Credential(ask, f"view-{next(self._views)}")
        weakref.finalize(made, self._ended, made.name).atexit = False
        return made

    def _ended(self, name: str) -> None:
        live = self.live
        if live is not None:
            live.engine.free(name)

    def reopen(self) -> EngineState:
        """Returns the engine and its host; new ones after a fork."""
        with self._lock:
            if self.live is None:
                self.live = self._open()
            return self.live

    def here(self, live: EngineState) -> tuple[Any, AsyncHost, Builder]:
        """Returns the running loop, its host and its builder."""
        loop = running_loop()
        last = live.last
        if last[0] is loop:
            return last
        known = live.hosts.get(loop)
        if known is None:
            from .._driver.event_loops import is_over, loop_of
            from .asynchronous import AsyncHost

            with self._lock:
                # Connections refer to their loop: those of a loop that is over would never be freed.
                for gone in [other for other in live.hosts if is_over(other)]:
                    del live.hosts[gone]
                http, live.spare = live.spare or httpx2.AsyncClient(**self._options(live.engine)), None
                known = live.hosts[loop] = (AsyncHost(http, loop_of(loop)), Builder(live.engine, http, self._own))
        live.last = last = (loop, *known)
        return last

    def forked(self) -> None:
        """Drops the parent's engine, connections and locks in a forked child."""
        self._lock = threading.Lock()
        if self.live is not None:
            from .._http.pool import forget

            self.live.engine.forked()
            self._listeners = self.live.engine.listeners
            for transport in (self._kwargs.get("transport"), *(self._kwargs.get("mounts") or {}).values()):
                forget(transport)
        self.live = None
