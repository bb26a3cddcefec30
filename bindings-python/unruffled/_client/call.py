"""A logical call of a verb, the route it is on, and the request of each of its attempts."""

from __future__ import annotations

import datetime
from collections.abc import AsyncIterable, Iterable, Mapping
from typing import Any, TypedDict

import httpx2

from .._core import codes
from .._driver.call import Call, keeps_alive
from .._driver.credentials import Credential
from .._http.request_body import WatchedBody
from . import url as _url

Content = str | bytes | Iterable[bytes] | AsyncIterable[bytes]
Headers = Mapping[str, str] | Iterable[tuple[str, str]] | httpx2.Headers
RawPairs = list[tuple[bytes, bytes]]


class _WatchedBody(WatchedBody, httpx2.SyncByteStream, httpx2.AsyncByteStream):
    pass


class Options(TypedDict, total=False):
    """The options of a verb, beside the URL."""

    #: Values of the names in the URL's path: `get("/orders/{id}", path={"id": 7})`.
    path: Mapping[str, _url.Value]
    #: Added to the query in the URL. None is left out, a list repeats its name.
    query: _url.Query
    #: Headers. They win over the policy's and the client's.
    headers: Headers
    #: A body that is sent as JSON.
    json: Any
    #: A body that is sent as `application/x-www-form-urlencoded`. None is left out, a list repeats its name.
    form: _url.Query
    #: A body that is sent as it is. An iterable or a file cannot be sent again, so that the call is not retried.
    content: Content
    #: The time for the whole call with its waits, in seconds, instead of the policy's `timeouts.total`.
    deadline: float | datetime.timedelta
    #: True: send a key although the policy asks for none. A text: send that key.
    idempotency_key: str | bool
    #: False: a final status of 400 or above is returned instead of raised.
    raise_: bool


class Route:
    """A route's settings, ready for use."""

    __slots__ = (
        "alive",
        "attempt",
        "body_statuses",
        "connect",
        "correlation",
        "headers",
        "idle",
        "key_header",
        "key_quoted",
        "max_body",
        "query",
        "request_id",
        "total",
    )

    def __init__(self, settings: dict[str, Any], defaults: httpx2.Headers, own: httpx2.Headers) -> None:
        """Takes the route's settings. The policy's headers win over `defaults`, and `own` win over the policy's."""
        self.connect: float = settings["connect"] / 1000
        self.attempt: float = settings["attempt"] / 1000
        self.total: float = settings["total"] / 1000
        self.idle: float = settings["idle"] / 1000
        #: Seconds that an attempt may last after each piece of an upload. After the last one they are for the answer.
        self.alive: float = max(self.idle, self.attempt)
        self.max_body: int = settings["maxBody"]
        self.body_statuses = frozenset(settings["bodyStatuses"])
        self.query: list[tuple[str, str]] = list(settings["query"].items())
        headers = httpx2.Headers(defaults)
        agent = settings["userAgent"]
        if agent:
            headers["User-Agent"] = agent["value"]
        for name, value in settings["headers"].items():
            headers[name] = value
        version = settings["version"]
        if version and version["header"]:
            headers[version["header"]] = version["pin"]
        elif version and version["query"]:
            self.query.append((version["query"], version["pin"]))
        headers.update(own)
        self.headers: RawPairs = headers.raw
        self.request_id = _name(settings["requestId"])
        self.correlation = _name(settings["correlationId"])
        key = settings["idempotency"] or {"header": "Idempotency-Key", "format": "uuid"}
        self.key_header: bytes = key["header"].encode("ascii")
        self.key_quoted: bool = key["format"] == "sf-string"


def _name(setting: dict[str, Any] | None) -> bytes | None:
    return setting["name"].encode("ascii") if setting else None


class VerbCall(Call[httpx2.Response]):
    """A call of a verb."""

    __slots__ = (
        "content",
        "cookies",
        "credential",
        "ends",
        "method",
        "pairs",
        "raise_",
        "route",
        "sent",
        "stream",
        "timeouts",
        "token",
        "url",
    )

    method: str
    url: httpx2.URL
    route: Route
    raise_: bool
    credential: Credential | None
    #: Headers without the key and the token.
    pairs: RawPairs
    cookies: httpx2.Cookies
    #: The body, if it can be sent again; else `content` has it.
    stream: httpx2.ByteStream | None
    content: Content | None
    #: The token for the next attempt only.
    token: bytes | None
    #: When a body that is sent piece by piece must have been sent, in `time.monotonic`.
    ends: float
    # The state after the last attempt.
    timeouts: dict[str, float | None]
    #: The attempt's request, where redirects are followed.
    sent: httpx2.Request

    def request(self, word: int, token: bytes | None) -> httpx2.Request:
        """Makes a new request for an attempt; `token` goes into Authorization."""
        pairs = self.pairs
        if word & codes.KEY:
            pairs = [*pairs, self.keyed(self.route.key_header, self.route.key_quoted)]
        if token is not None:
            pairs = [*pairs, (b"Authorization", b"Bearer " + token)]
        if self.stream is None:
            request = httpx2.Request(
                self.method,
                self.url,
                headers=pairs,
                cookies=self.cookies,
                content=self.content,
                extensions={"timeout": self.timeouts},
            )
            request.stream = _WatchedBody(request.stream, keeps_alive(self, self.route.alive, self.ends))
            return request
        request = httpx2.Request(
            self.method,
            self.url,
            headers=pairs,
            cookies=self.cookies,
            stream=self.stream,
            extensions={"timeout": self.timeouts},
        )
        request.read()
        return request
