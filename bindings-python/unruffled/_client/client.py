"""`Client` and `AsyncClient`: the verbs. Both share all rooms below; only the hosts wait in different ways."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Self, Unpack

import httpx2

from .._driver.credentials import Ask, AskAsync, Credential
from .._driver.engine import Listener, kinds_of
from .._driver.loop import drive, run
from .._driver.open import Policy, UnknownKeys
from .call import Options
from .state import ClientState, EngineState

Correlation = Callable[[], str | None]


def _checked_function(credentials: AskAsync, awaits: bool) -> AskAsync:
    """Returns the credentials function. Raises TypeError if it is no function."""
    if not callable(credentials):
        raise TypeError('credentials is a function that gives the token: credentials=lambda: os.environ["TOKEN"]')
    if not awaits and inspect.iscoroutinefunction(credentials):
        raise TypeError("credentials of a Client is no async function; use AsyncClient, or a plain function")
    return credentials


class _Shared:
    """The part that both clients share."""

    def __init__(
        self,
        policy: Policy,
        *,
        credentials: AskAsync | None = None,
        correlation_id: Correlation | None = None,
        base_url: str | None = None,
        unknown_keys: UnknownKeys = "error",
        **httpx2_options: Any,
    ) -> None:
        awaits = isinstance(self, AsyncClient)
        self._state = ClientState(policy, base_url, unknown_keys, httpx2_options, awaits=awaits)
        self._credential = None if credentials is None else Credential(_checked_function(credentials, awaits), "")
        self._correlation = correlation_id

    def _live(self) -> EngineState:
        return self._state.live or self._state.reopen()

    def _view(self, credentials: AskAsync) -> Self:
        view = object.__new__(type(self))
        view._state = self._state
        view._credential = self._state.view(_checked_function(credentials, isinstance(self, AsyncClient)))
        view._correlation = self._correlation
        return view

    def on(self, listener: Listener, kinds: Iterable[str] | None = None) -> Callable[[], None]:
        """Calls `listener` with events as plain dicts: `{"at": ms, "kind": "wait", "rule": "backoff", "ms": 312, …}`.

        `kinds` chooses among `attempt wait breaker limiter refresh call stacked warning`; None = all. Events are handed
        over when a call ends, in order, in that call's thread or task. Returns a function that ends the subscription.
        Events of `breaker` and `limiter` name their `endpoint` or `route`. Without either they are about the whole API.
        """
        return self._live().engine.listen(listener, kinds_of(kinds))

    def snapshot(self) -> dict[str, Any]:
        """Returns counters, the worst breaker, retry budgets, limits and queues at this moment, as plain values.

        Without `limits` in the policy, the list has the API's own limit and those of endpoints that answered 429.
        The latter name their `endpoint` or `route`.
        """
        return self._live().engine.snapshot()

    @property
    def base_url(self) -> str | None:
        """Returns the base URL of relative paths, or None."""
        return self._live().engine.base_url


class Client(_Shared):
    """A client for one upstream API, safe for any number of threads.

    Parameters
    ----------
    policy:
        A mapping, the path of a policy file, or a base URL. Checked whole: `PolicyError` names every wrong place.
    credentials:
        A function that returns the bearer token. A text is asked for at every attempt and never retained. A `Token`
        is retained until its expiry, and renewed once for all calls. A function with an argument receives the `Need`.
        It is called in a thread of its own, and may take as long as an attempt. One that returns texts is called in the
        calling thread from the second time on, so it must not block.
    correlation_id:
        A function that is called for each call, in the caller's context. Its result is sent as `X-Correlation-Id`.
    base_url:
        The base URL, instead of the policy's `baseUrl`.
    unknown_keys:
        `"warn"` ignores keys that this version does not know; the default `"error"` refuses them.
    httpx2_options:
        All others go to `httpx2.Client`: `verify`, `cert`, `proxy`, `mounts`, `limits`, `http2`, `event_hooks`, …
    """

    def __init__(
        self,
        policy: Policy,
        *,
        credentials: Ask | None = None,
        correlation_id: Correlation | None = None,
        base_url: str | None = None,
        unknown_keys: UnknownKeys = "error",
        **httpx2_options: Any,
    ) -> None:
        """Checks the policy. Connects at the first call."""
        super().__init__(
            policy,
            credentials=credentials,
            correlation_id=correlation_id,
            base_url=base_url,
            unknown_keys=unknown_keys,
            **httpx2_options,
        )

    def as_(self, credentials: Ask) -> Client:
        """Returns a view with credentials of its own on the same engine: one user's token never serves another.

        A view needs no closing: its state is freed with the view and its last call. `close()` of a view closes the
        client.
        """
        return self._view(credentials)

    def request(self, method: str, url: str, **options: Unpack[Options]) -> httpx2.Response:
        """Makes a call and returns its answer, read whole.

        `url` is a path template under the base URL, such as `/orders/{id}`, or an absolute URL of its origin.
        Raises `StatusError` for a final status of 400 or above (`raise_=False` returns the answer), `CallError` for
        every other failure, `UsageError` for a call that cannot be built.
        """
        return self._call(method.upper(), url, options)

    def _call(self, method: str, url: str, options: Options) -> httpx2.Response:
        live = self._state.live or self._state.reopen()
        call = live.builder.build(method, url, options, self._credential, self._correlation)
        try:
            return run(drive(live.host, call))
        finally:
            if live.engine.closed:
                _finish(live)

    def get(self, url: str, **options: Unpack[Options]) -> httpx2.Response:
        """Makes a GET call; see `request`."""
        return self._call("GET", url, options)

    def head(self, url: str, **options: Unpack[Options]) -> httpx2.Response:
        """Makes a HEAD call; see `request`."""
        return self._call("HEAD", url, options)

    def post(self, url: str, **options: Unpack[Options]) -> httpx2.Response:
        """Makes a POST call; see `request`."""
        return self._call("POST", url, options)

    def put(self, url: str, **options: Unpack[Options]) -> httpx2.Response:
        """Makes a PUT call; see `request`."""
        return self._call("PUT", url, options)

    def patch(self, url: str, **options: Unpack[Options]) -> httpx2.Response:
        """Makes a PATCH call; see `request`."""
        return self._call("PATCH", url, options)

    def delete(self, url: str, **options: Unpack[Options]) -> httpx2.Response:
        """Makes a DELETE call; see `request`."""
        return self._call("DELETE", url, options)

    def query(self, url: str, **options: Unpack[Options]) -> httpx2.Response:
        """Makes a QUERY call (RFC 10008: safe, with a body); see `request`."""
        return self._call("QUERY", url, options)

    def stream(self, method: str, url: str, **options: Unpack[Options]) -> Stream:
        """Makes a call whose answer is delivered at its headers: `with client.stream("GET", "/export") as response:`.

        The policy's `idle` bounds the time between two pieces of the body. Nothing is retried after the headers.
        """
        return Stream(self, method.upper(), url, options)

    def _open(self, method: str, url: str, options: Options) -> httpx2.Response:
        live = self._live()
        call = live.builder.build(method, url, options, self._credential, self._correlation, streamed=True)
        return run(drive(live.host, call))

    def close(self) -> None:
        """Ends every wait with `closed`. Closes the connections after the attempts in flight. May be called again."""
        live = self._live()
        live.engine.close()
        _finish(live)

    def __enter__(self) -> Self:
        """Returns the client."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes the client."""
        self.close()


def _finish(live: EngineState) -> None:
    """Closes the connections of a closed client once nothing is in flight."""
    if not live.host.http.is_closed and not live.engine.busy():
        live.host.http.close()


class Stream:
    """A streamed answer as a context manager, which closes the answer at its end."""

    def __init__(self, client: Client, method: str, url: str, options: Options) -> None:
        """Takes the call. `Client.stream` makes this object."""
        self._client = client
        self._call = (method, url, options)
        self._response: httpx2.Response | None = None

    def __enter__(self) -> httpx2.Response:
        """Makes the call."""
        self._response = self._client._open(*self._call)
        return self._response

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes the answer."""
        if self._response is not None:
            self._response.close()


class AsyncClient(_Shared):
    """A client for asyncio and trio; see `Client`. It has one engine, and one httpx2 client for each running loop.

    `credentials` may be an async function. A plain function runs in the loop and must not block it: give
    `lambda: asyncio.to_thread(fetch)`, or trio's or anyio's way to do that.
    """

    def as_(self, credentials: AskAsync) -> AsyncClient:
        """Returns a view with credentials of its own on the same engine; see `Client.as_`."""
        return self._view(credentials)

    async def request(self, method: str, url: str, **options: Unpack[Options]) -> httpx2.Response:
        """Makes a call and returns its answer, read whole; see `Client.request`.

        A cancellation passes through untouched and at once, during a wait as well.
        """
        return await self._call(method.upper(), url, options)

    async def _call(self, method: str, url: str, options: Options, streamed: bool = False) -> httpx2.Response:
        state = self._state
        live = state.live or state.reopen()
        _, host, builder = state.here(live)
        call = builder.build(method, url, options, self._credential, self._correlation, streamed)
        return await drive(host, call)

    async def get(self, url: str, **options: Unpack[Options]) -> httpx2.Response:
        """Makes a GET call; see `request`."""
        return await self._call("GET", url, options)

    async def head(self, url: str, **options: Unpack[Options]) -> httpx2.Response:
        """Makes a HEAD call; see `request`."""
        return await self._call("HEAD", url, options)

    async def post(self, url: str, **options: Unpack[Options]) -> httpx2.Response:
        """Makes a POST call; see `request`."""
        return await self._call("POST", url, options)

    async def put(self, url: str, **options: Unpack[Options]) -> httpx2.Response:
        """Makes a PUT call; see `request`."""
        return await self._call("PUT", url, options)

    async def patch(self, url: str, **options: Unpack[Options]) -> httpx2.Response:
        """Makes a PATCH call; see `request`."""
        return await self._call("PATCH", url, options)

    async def delete(self, url: str, **options: Unpack[Options]) -> httpx2.Response:
        """Makes a DELETE call; see `request`."""
        return await self._call("DELETE", url, options)

    async def query(self, url: str, **options: Unpack[Options]) -> httpx2.Response:
        """Makes a QUERY call (RFC 10008: safe, with a body); see `request`."""
        return await self._call("QUERY", url, options)

    def stream(self, method: str, url: str, **options: Unpack[Options]) -> AsyncStream:
        """Makes a call whose answer is delivered at its headers: `async with client.stream("GET", "/x") as response:`.

        The policy's `idle` bounds the time between two pieces of the body. Nothing is retried after the headers.
        """
        return AsyncStream(self, method.upper(), url, options)

    async def aclose(self) -> None:
        """Ends every wait with `closed` and closes the connections of the running loop. May be called again."""
        live = self._live()
        live.engine.close()
        _, host, _ = self._state.here(live)
        await host.close_when_idle(live.engine)

    async def __aenter__(self) -> Self:
        """Returns the client."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes the client."""
        await self.aclose()


class AsyncStream:
    """A streamed answer as an async context manager, which closes the answer at its end."""

    def __init__(self, client: AsyncClient, method: str, url: str, options: Options) -> None:
        """Takes the call. `AsyncClient.stream` makes this object."""
        self._client = client
        self._call = (method, url, options)
        self._response: httpx2.Response | None = None

    async def __aenter__(self) -> httpx2.Response:
        """Makes the call."""
        self._response = await self._client._call(*self._call, streamed=True)
        return self._response

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes the answer."""
        if self._response is not None:
            await self._response.aclose()
