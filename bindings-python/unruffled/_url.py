"""From a template and its values to an absolute URL. The vectors in tests/vectors/url say how, in every language."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import quote, urlsplit

Value = str | int | float | bool
#: None is left out, a sequence repeats its name.
QueryValue = Value | None | Sequence[Value | None]
Query = Mapping[str, QueryValue]
Pairs = list[tuple[str, str]]

_PLACE = re.compile(r"\{([^{}]*)\}")
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


class WrongUrlError(ValueError):
    """The URL cannot be built; the text says what to write, without any value."""


def text_of(value: Value) -> str:
    """As JSON writes it: `true`, `7`, `0.5`, and 1.0 as `1`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    return str(value)


def fill(template: str, values: Mapping[str, Value]) -> str:
    """Puts the values, percent-encoded, into the places of a path template such as `/orders/{id}`.

    Raises `WrongUrlError` for a missing or empty value, and for `.` and `..`, which would change the path's shape.
    """

    def one(match: re.Match[str]) -> str:
        name = match[1]
        value = values.get(name)
        if value is None:
            raise WrongUrlError(f"path has no value for {{{name}}}; give path={{{name!r}: …}}")
        text = text_of(value)
        if text in ("", ".", ".."):
            raise WrongUrlError(f"the value of {{{name}}} is empty, . or ..; no path segment can be that")
        return quote(text, safe="")

    return _PLACE.sub(one, template)


def encode(pairs: Iterable[tuple[str, str]]) -> str:
    """`name=value&…`, percent-encoded, a space as %20."""
    return "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in pairs)


def pairs_of(query: Query) -> Pairs:
    """The query as pairs: None is dropped, lists repeat their name."""
    pairs: Pairs = []
    for name, value in query.items():
        if value is None:
            continue
        if isinstance(value, (str, int, float)):
            pairs.append((name, text_of(value)))
        else:
            pairs.extend((name, text_of(item)) for item in value if item is not None)
    return pairs


def is_absolute(url: str) -> bool:
    """Whether a URL names its own scheme and host."""
    return _ABSOLUTE.match(url) is not None


def origin_of(url: str) -> str:
    """Scheme, host and port of an absolute URL, in lower case, without the scheme's own port.

    Raises `WrongUrlError` unless it is http or https with a host and without a user.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise WrongUrlError("the URL cannot be read") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise WrongUrlError("the URL must be http or https, with a host and without a user")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    own = {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{host}" if port in (None, own) else f"{parts.scheme}://{host}:{port}"


def build(
    base: str | None, url: str, path: Mapping[str, Value] | None, query: Query | None, always: Sequence[tuple[str, str]]
) -> str:
    """The absolute URL of a call.

    `base`: the base URL, or None; `url`: a path template, appended to the base's path, or an absolute URL of the base's
    origin; `always`: the policy's query, which a name in `query` replaces. Raises `WrongUrlError`.
    """
    target, _, _ = url.partition("#")
    target, _, written = target.partition("?")
    if is_absolute(target):
        origin = origin_of(target)
        if base is not None and origin != origin_of(base):
            raise WrongUrlError("the URL has another origin than the base URL; use a client of its own")
        head, rest = target[: target.index("://") + 3], target[target.index("://") + 3 :]
        host, slash, rest = rest.partition("/")
        target = head + host + slash + fill(rest, path or {})
    elif base is None:
        raise WrongUrlError("there is no base URL; write baseUrl into the policy, give base_url=, or an absolute URL")
    else:
        filled = fill(target, path or {})
        if filled and not filled.startswith("/"):
            filled = "/" + filled
        target = base.rstrip("/") + filled
    own = pairs_of(query) if query else []
    named = {name for name, _ in own}
    text = encode([*(pair for pair in always if pair[0] not in named), *own])
    both = "&".join(part for part in (written, text) if part)
    return f"{target}?{both}" if both else target
