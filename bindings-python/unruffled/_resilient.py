"""The transports and clients that users see of httpx2 and httpx, but for the class of the family that each is."""

from __future__ import annotations

from types import TracebackType
from typing import Any, ClassVar, Self

from ._driver import drive, run
from ._dropin import DropIn, Offers
from ._family import Family
from ._home import Policy, UnknownKeys
from ._transport import AsyncSender, SyncSender


class _Beneath(Offers):
    _family: ClassVar[Family]
    _own: ClassVar[str]

    def _placed(self, policy: Policy | DropIn, inner: Any, unknown_keys: UnknownKeys) -> Any:
        """Opens the policy, or shares what is open; returns what sends."""
        self._dropin = policy if isinstance(policy, DropIn) else DropIn(policy, unknown_keys=unknown_keys)
        self._inner = getattr(self._family.module, self._own)() if inner is None else inner
        return self._inner


class SyncTransport(_Beneath):
    """A transport around another."""

    _own = "HTTPTransport"

    def __init__(self, policy: Policy | DropIn, inner: Any = None, *, unknown_keys: UnknownKeys = "error") -> None:
        """Checks the policy."""
        inner = self._placed(policy, inner, unknown_keys)
        self._host = SyncSender(self._family, self._dropin, inner)

    def handle_request(self, request: Any) -> Any:
        """Makes the call. Raises the last attempt's exception; `ConnectError` or `PoolTimeout` where none was sent."""
        host = self._host
        return run(drive(host, host.call(request)))

    def close(self) -> None:
        """Ends every wait, then closes the inner transport."""
        self._dropin.engine.close()
        self._inner.close()

    def __enter__(self) -> Self:
        """Enters the inner transport."""
        self._inner.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        """Ends every wait, then leaves the inner transport."""
        self._dropin.engine.close()
        self._inner.__exit__(kind, error, trace)


class AsyncTransport(_Beneath):
    """An asynchronous transport around another."""

    _own = "AsyncHTTPTransport"

    def __init__(self, policy: Policy | DropIn, inner: Any = None, *, unknown_keys: UnknownKeys = "error") -> None:
        """Checks the policy."""
        inner = self._placed(policy, inner, unknown_keys)
        self._host = AsyncSender(self._family, self._dropin, inner)

    async def handle_async_request(self, request: Any) -> Any:
        """Makes the call. Raises the last attempt's exception; `ConnectError` or `PoolTimeout` where none was sent."""
        host = self._host
        return await drive(host, host.call(request))

    async def aclose(self) -> None:
        """Ends every wait, then closes the inner transport."""
        self._dropin.engine.close()
        await self._inner.aclose()

    async def __aenter__(self) -> Self:
        """Enters the inner transport."""
        await self._inner.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        """Ends every wait, then leaves the inner transport."""
        self._dropin.engine.close()
        await self._inner.__aexit__(kind, error, trace)


class Resilient(Offers):
    """A client of the family, each of whose transports is beneath one policy: also those for proxies and mounts."""

    _around: ClassVar[type[SyncTransport] | type[AsyncTransport]]
    _transport: Any
    _mounts: dict[Any, Any]

    def __init__(self, policy: Policy, *, unknown_keys: UnknownKeys = "error", **options: Any) -> None:
        """Checks the policy, then makes the client as its class does with these options."""
        self._dropin = DropIn(policy, unknown_keys=unknown_keys)
        super().__init__(**options)
        around = self._around
        # Only the class itself knows how to make them of proxies, the environment, TLS and limits.
        self._transport = around(self._dropin, self._transport)
        mounts = self._mounts.items()
        self._mounts = {pattern: inner and around(self._dropin, inner) for pattern, inner in mounts}
