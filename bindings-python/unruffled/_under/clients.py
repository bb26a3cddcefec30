"""Transports and clients for httpx2 and httpx. The public modules add the base classes of each library."""

from __future__ import annotations

from types import TracebackType
from typing import Any, ClassVar

from .._driver.open import Policy, UnknownKeys
from .._http.variant import HttpxVariant
from .drop_in import DropIn, DropInControls
from .transport import AsyncSender, SyncSender


class _Transport(DropInControls):
    _variant: ClassVar[HttpxVariant]
    _own: ClassVar[str]

    def __init__(self, policy: Policy | DropIn, inner: Any = None, *, unknown_keys: UnknownKeys = "error") -> None:
        """Checks the policy.

        Parameters
        ----------
        policy:
            A mapping, the path of a policy file, or a base URL. Checked whole: `PolicyError` names every wrong place.
        inner:
            The transport that sends. The default is a new `HTTPTransport()` or `AsyncHTTPTransport()` of the library.
            It does not use the environment's proxies and the options of the client around it; `client()` does.
        unknown_keys:
            `"warn"` ignores keys that this version does not know; the default `"error"` refuses them.
        """
        self._dropin = policy if isinstance(policy, DropIn) else DropIn(policy, unknown_keys=unknown_keys)
        self._inner = getattr(self._variant.module, self._own)() if inner is None else inner
        self._under_way: set[object] = set()
        #: Whether it was closed while calls were running.
        self._closing = False
        self._make_host()

    def _make_host(self) -> None:
        """Makes the host that sends the calls."""
        raise NotImplementedError


class SyncTransport(_Transport):
    """A transport that follows a policy and sends by another transport."""

    _own = "HTTPTransport"

    def _make_host(self) -> None:
        self._host = SyncSender(self._variant, self._dropin, self._inner)

    def handle_request(self, request: Any) -> Any:
        """Makes the call. Raises the last attempt's exception; `ConnectError` or `PoolTimeout` where none was sent."""
        mark = object()
        try:
            self._under_way.add(mark)
            return self._host.send(request)
        finally:
            self._under_way.discard(mark)
            if self._closing:
                self.close()

    def close(self) -> None:
        """Closes the inner transport once no call is running. Like httpx2's own it can be used again.

        The engine stays open, since some libraries make a client per request around one transport.
        """
        self._closing = bool(self._under_way)
        if not self._closing:
            self._inner.close()


class AsyncTransport(_Transport):
    """An asynchronous transport that follows a policy and sends by another transport."""

    _own = "AsyncHTTPTransport"

    def _make_host(self) -> None:
        self._host = AsyncSender(self._variant, self._dropin, self._inner)

    async def handle_async_request(self, request: Any) -> Any:
        """Makes the call. Raises the last attempt's exception; `ConnectError` or `PoolTimeout` where none was sent."""
        mark = object()
        try:
            self._under_way.add(mark)
            return await self._host.send(request)
        finally:
            self._under_way.discard(mark)
            if self._closing:
                await self.aclose()

    async def aclose(self) -> None:
        """Closes the inner transport once no call is running. Like httpx2's own it can be used again.

        The engine stays open, since some libraries make a client per request around one transport.
        """
        self._closing = bool(self._under_way)
        if not self._closing:
            await self._inner.aclose()


class _Resilient(DropInControls):
    _around: ClassVar[type[_Transport]]
    _transport: Any
    _mounts: dict[Any, Any]

    def __init__(self, policy: Policy, *, unknown_keys: UnknownKeys = "error", **options: Any) -> None:
        """Checks the policy, then makes the client as its class does with these options."""
        self._dropin = DropIn(policy, unknown_keys=unknown_keys)
        super().__init__(**options)
        # The class itself makes them of proxies, the environment, TLS and limits.
        self._transport = self._placed(self._transport)
        self._mounts = {pattern: self._placed(inner) for pattern, inner in self._mounts.items()}

    def _placed(self, inner: Any) -> Any:
        return None if inner is None else self._around(self._dropin, inner)


class SyncResilient(_Resilient):
    """A client of the library whose transports all follow one policy, also those for proxies and mounts."""

    def close(self) -> None:
        """Ends every wait, then closes the connections."""
        self._dropin.engine.close()
        super().close()  # type: ignore[misc]

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        """Closes the client."""
        self._dropin.engine.close()
        super().__exit__(kind, error, trace)  # type: ignore[misc]


class AsyncResilient(_Resilient):
    """An asynchronous client of the library whose transports all follow one policy."""

    async def aclose(self) -> None:
        """Ends every wait, then closes the connections."""
        self._dropin.engine.close()
        await super().aclose()  # type: ignore[misc]

    async def __aexit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        """Closes the client."""
        self._dropin.engine.close()
        await super().__aexit__(kind, error, trace)  # type: ignore[misc]
