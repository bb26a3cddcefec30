"""The `VerbCall` of a verb's arguments: route, scope, flags, URL, headers and body, once for all its attempts."""

from __future__ import annotations

import datetime
import json as jsonlib
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import httpx2

from .._core import boundary, codes, step_word
from .._core.errors import UsageError
from .._driver.call import make_uuid
from .._driver.credentials import Credential
from .._driver.engine import Engine
from .._driver.nested import NESTED
from .._driver.time import TIME
from .._http.stacked import RetryCounts
from . import url as _url
from .aliases import CALL, unknown
from .call import Content, Options, RawPairs, Route, VerbCall

_URLS_CACHED = 1024
_EMPTY = httpx2.ByteStream(b"")
_PIECE = 64 * 1024


class Builder:
    """A maker of calls for one engine and one set of client options."""

    def __init__(self, engine: Engine, http: httpx2.Client | httpx2.AsyncClient, own: httpx2.Headers) -> None:
        """`http`: the client with the default headers and cookies. `own`: the headers that the client was made with."""
        self.engine = engine
        self.http = http
        defaults = httpx2.Headers(http.headers)
        self.routes = [Route(settings, defaults, own) for settings in engine.settings["routes"]]
        self._retry_counts = RetryCounts(engine.settings["retryCounts"])
        self._urls: dict[str, tuple[httpx2.URL, bytes]] = {}

    def build(
        self,
        method: str,
        url: str,
        options: Options,
        credential: Credential | None,
        correlation: Callable[[], str | None] | None,
        streamed: bool = False,
    ) -> VerbCall:
        """Makes the call of a verb. Raises `UsageError` (a `ValueError`) for what cannot be sent."""
        engine = self.engine
        call = VerbCall()
        call.method = method
        call.target = target = f"{method} {url.partition('?')[0]}"
        call.engine = engine
        if not _KNOWN.issuperset(options):
            name = next(name for name in options if name not in _KNOWN)
            raise UsageError(call.target, unknown(name, _KNOWN, CALL))
        try:
            template = _url.template(url)
            if template.origin is not None:
                # The origin in its normal form.
                target = f"{method} {template.target}"
            call.target_number = number = engine.target(target)
            call.route = route = self.routes[number & step_word.ROUTE]
            text = _url.build(engine.base_url, template, options.get("path"), options.get("query"), route.query)
        except _url.WrongUrlError as error:
            raise UsageError(call.target, str(error)) from None
        call.body_statuses = route.body_statuses
        call.url, host = self._parsed(call.target, text)
        pairs = [(b"Host", host), *route.headers]
        if route.request_id is not None:
            pairs.append((route.request_id, make_uuid()))
        if correlation is not None and route.correlation is not None:
            value = correlation()
            if value is not None:
                pairs.append((route.correlation, value.encode("ascii", "replace")))
        flags = codes.METHODS.get(method, codes.OTHER_METHOD)
        flags |= self._body(call, options.get("json", _NONE), options.get("form"), options.get("content"), pairs)
        flags |= _key(call, options.get("idempotency_key"))
        call.pairs = pairs
        call.credential = credential
        headers = options.get("headers")
        if headers is not None:
            flags |= _own_headers(call, _checked(call.target, headers), self._retry_counts)
        call.cookies = self.http.cookies
        call.scope = 0
        if call.credential is not None:
            flags |= codes.CREDENTIALS
            call.scope = engine.scope(call.credential.name)
        call.streamed = streamed
        if streamed:
            flags |= codes.STREAMED
        call.flags = flags | _times(call, options.get("deadline"))
        if call.stream is None:
            call.ends = TIME.monotonic() + (call.deadline / 1000 or call.route.total)
        call.raise_ = options.get("raise_", True)
        call.token = call.response = call.error = call.pieces = None
        call.reading = call.over = False
        call.hinted = True
        call.limit_at = 0.0
        call.timeouts = {}
        return call

    def _parsed(self, target: str, text: str) -> tuple[httpx2.URL, bytes]:
        known = self._urls.get(text)
        if known is None:
            try:
                url = httpx2.URL(text)
            except httpx2.InvalidURL as error:
                raise UsageError(target, f"the URL cannot be read: {type(error).__name__}") from None
            if len(self._urls) >= _URLS_CACHED:
                self._urls.clear()
            known = self._urls[text] = (url, url.netloc)
        return known

    @staticmethod
    def _body(call: VerbCall, json: Any, form: _url.Query | None, content: Content | None, pairs: RawPairs) -> int:
        """Sets the body and its headers. Returns the flags, with the size of the body."""
        kind: bytes | None = None
        call.content = None
        if (json is not _NONE) + (form is not None) + (content is not None) > 1:
            raise UsageError(call.target, "json, form and content exclude each other; give one")
        if json is not _NONE:
            body = jsonlib.dumps(json, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
            kind = b"application/json"
        elif form is not None:
            body = _url.form(form).encode()
            kind = b"application/x-www-form-urlencoded"
        elif content is None:
            call.stream = _EMPTY
            if call.method in ("POST", "PUT", "PATCH", "QUERY"):
                pairs.append((b"Content-Length", b"0"))
            return codes.REPEATABLE
        elif isinstance(content, (bytes, bytearray, memoryview)):
            body = bytes(content)
        elif isinstance(content, str):
            body = content.encode()
        else:
            call.content = content
            call.stream = None
            return 0
        call.stream = httpx2.ByteStream(body)
        if kind is not None:
            pairs.append((b"Content-Type", kind))
        size = len(body)
        pairs.append((b"Content-Length", str(size).encode()))
        # The core gives the attempt more time for each piece beyond the first.
        pieces = min(65535, -(-size // _PIECE)) if size > _PIECE else 0
        return codes.REPEATABLE | pieces << 16


_NONE: Any = object()
_KNOWN = frozenset(Options.__annotations__)
# RFC 9110, section 5.6.2.
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def _key(call: VerbCall, key: str | bool | None) -> int:
    """Sets the caller's idempotency key. Returns the flags."""
    call.key = None
    if not key:
        return 0
    if key is not True:
        given = boundary.header_key(key, call.route.key_quoted) if isinstance(key, str) else ""
        if not given:
            raise UsageError(
                call.target, "idempotency_key: 1 to 255 printable ASCII characters without a space at the ends, or True"
            )
        call.key = given.encode("ascii")
    return codes.KEYED


def _checked(target: str, headers: Any) -> RawPairs:
    """Returns the caller's headers. Raises `UsageError` for one that cannot be sent: with its name, not its value."""
    try:
        pairs = httpx2.Headers(headers).raw
    except (TypeError, ValueError, AttributeError):
        raise UsageError(target, _wrong_header(headers)) from None
    for name, value in pairs:
        if _TOKEN.fullmatch(name) is None:
            shown = name.decode("ascii", "replace")
            raise UsageError(target, f"headers: {shown!r} is no name of a header; letters, digits and - are")
        if b"\n" in value or b"\r" in value or b"\0" in value or value != value.strip(b" \t"):
            shown = name.decode("ascii")
            raise UsageError(target, f"headers: the value of {shown} has a line break, or a space at its end")
    return pairs


def _wrong_header(headers: Any) -> str:
    given = headers.items() if isinstance(headers, Mapping) else headers
    try:
        for name, value in given:
            if not isinstance(name, (str, bytes)):
                return f"headers: a name is a text, not {type(name).__name__}"
            if not isinstance(value, (str, bytes)):
                shown = name if isinstance(name, str) else name.decode("ascii", "replace")
                return f"headers: the value of {shown} is a text, not {type(value).__name__}"
            if isinstance(name, str) and not name.isascii():
                return f"headers: {name!r} is no name of a header; letters, digits and - are"
    except (TypeError, ValueError):
        return "headers: a mapping of names to texts, or pairs of them"
    return "headers: one of the values cannot be written as bytes"


def _own_headers(call: VerbCall, own: RawPairs, retry_counts: RetryCounts) -> int:
    """Replaces headers by the caller's of the same name. Returns the flags."""
    names = {name.lower(): value for name, value in own}
    flags = codes.STACKED if retry_counts.prove_retry(names) else 0
    key = call.route.key_header.lower()
    if key in names:
        # The caller's own key under the policy's name is sent once, as it was written.
        flags |= codes.KEYED
        call.key = names[key]
        own = [pair for pair in own if pair[0].lower() != key]
    if b"authorization" in names:
        call.credential = None
    call.pairs = [pair for pair in call.pairs if pair[0].lower() not in names] + own
    return flags


def _times(call: VerbCall, deadline: float | datetime.timedelta | None) -> int:
    """Sets the deadline. Returns the flags. The attempt of an outer client of this package bounds the call, too."""
    call.deadline = 0 if deadline is None else _deadline(call.target, deadline)
    above = NESTED.get()
    if above is None:
        return 0
    if above < math.inf:
        left = _deadline(call.target, above - TIME.monotonic())
        call.deadline = min(call.deadline or left, left)
    return codes.STACKED


def _deadline(target: str, deadline: float | datetime.timedelta) -> int:
    """Returns the deadline in milliseconds, at least 1."""
    seconds = deadline.total_seconds() if isinstance(deadline, datetime.timedelta) else float(deadline)
    if math.isnan(seconds):
        raise UsageError(target, "the deadline is no number of seconds")
    return max(1, min(step_word.NEVER, math.ceil(min(seconds, 1e9) * 1000)))
