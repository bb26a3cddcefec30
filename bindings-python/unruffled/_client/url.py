"""The URL of a path template, its values and a query. The vectors in tests/vectors/url hold for every language.

Values that could send a request elsewhere are refused: dot segments, empty values, a foreign origin. No error text
shows a value.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from urllib.parse import quote, urlsplit

Value = str | int | float | bool
#: The values of a query. None is left out, a sequence repeats its name.
QueryValue = Value | None | Sequence[Value | None]
Query = Mapping[str, QueryValue]
Pairs = list[tuple[str, str]]

# Characters that the caller may write into a path or a query as they are, beside letters, digits and -._~ (RFC 3986).
_IN_PATH = "!$&'()*+,;=:@/%"
_IN_QUERY = _IN_PATH + "?"


class WrongUrlError(ValueError):
    """A URL that cannot be built. The text says what to write."""


class Template:
    """A path or an absolute URL as the caller wrote it, checked and split at its `{names}`."""

    __slots__ = ("literals", "names", "origin", "query", "target")

    def __init__(self, text: str) -> None:
        """Checks and splits the text. Raises `WrongUrlError`."""
        self.origin, rest = _split(text)
        for char in rest:
            if char < " " or char == "\x7f":
                raise WrongUrlError("a path has no control characters")
            if char == "\\":
                raise WrongUrlError('a path has no "\\"; write "/"')
        path, _, query = rest.partition("?")
        if any(_is_dots(segment) for segment in path.split("/")):
            raise WrongUrlError('a path has no "." or ".." segments')
        self.literals, self.names = _cut(path)
        #: The query in the text, encoded.
        self.query = _encoded(query, _IN_QUERY)
        #: The text that routes are matched with.
        self.target = (self.origin or "") + path


def form(fields: Query) -> str:
    """Encodes fields as `application/x-www-form-urlencoded` (URL Standard, section 5.2)."""
    return "&".join(f"{_formed(name)}={_formed(value)}" for name, value in pairs_of(fields))


def _formed(text: str) -> str:
    return quote(text, safe="*").replace("%20", "+").replace("~", "%7E")


@lru_cache(maxsize=1024)
def template(text: str) -> Template:
    """Returns the template of a text. The last thousand are remembered."""
    return Template(text)


def build(
    base: str | None,
    url: Template,
    path: Mapping[str, Value] | None,
    query: Query | None,
    always: Sequence[tuple[str, str]],
) -> str:
    """Returns the URL of a call.

    `base`: the base URL without a slash at its end. `always`: the policy's query; a name in `query` replaces all its
    values there. Raises `WrongUrlError`.
    """
    if base is None:
        raise WrongUrlError("there is no base URL; write baseUrl into the policy or give base_url=")
    if url.origin is None:
        parts = [base, url.literals[0]]
    elif url.origin == origin_of(base):
        parts = [url.origin, url.literals[0]]
    else:
        raise WrongUrlError("an absolute URL must have the base URL's origin; use a client of its own")
    for name, literal in zip(url.names, url.literals[1:], strict=True):
        parts += (_path_value(name, path.get(name) if path else None), literal)
    if path:
        for name in path:
            if name not in url.names:
                raise WrongUrlError(f"the path has no {{{name}}}")
    queries = [url.query] if url.query else []
    if always:
        queries += [encode(pair for pair in always if not query or pair[0] not in query)]
    if query:
        queries += [encode(pairs_of(query))]
    text = "&".join(part for part in queries if part)
    if text:
        parts += ("?", text)
    return "".join(parts)


def encode(pairs: Iterable[tuple[str, str]]) -> str:
    """Encodes pairs as `name=value&…`: percent-encoded except for unreserved characters, a space as %20."""
    return "&".join(f"{_encoded(name)}={_encoded(value)}" for name, value in pairs)


def pairs_of(query: Query) -> Pairs:
    """Returns a query as pairs. None is left out, a list repeats its name."""
    pairs: Pairs = []
    for name, value in query.items():
        if isinstance(value, (list, tuple)):
            pairs.extend((name, _text_of(name, item)) for item in value if item is not None)
        elif value is not None:
            pairs.append((name, _text_of(name, value)))
    return pairs


@lru_cache(maxsize=64)
def origin_of(url: str) -> str:
    """Returns scheme, host and port of an absolute URL, in lower case, without the scheme's own port.

    Raises `WrongUrlError` unless it is http or https with a host and without a user.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise WrongUrlError("not a URL") from None
    if parts.scheme not in ("http", "https"):
        raise WrongUrlError("only http and https are spoken here")
    if "@" in parts.netloc:
        raise WrongUrlError("a URL has no user or password; use credentials")
    if not host:
        raise WrongUrlError("not a URL")
    if ":" in host:
        host = f"[{host}]"
    own = {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{host}" if port in (None, own) else f"{parts.scheme}://{host}:{port}"


def _split(text: str) -> tuple[str | None, str]:
    """Returns the origin, if the text is absolute, and the rest, which begins with a slash."""
    if "#" in text:
        raise WrongUrlError('a path has no "#"; write "%23", or leave the fragment out')
    if text.startswith("/"):
        return None, text
    if "://" not in text:
        raise WrongUrlError('a path begins with "/"')
    start = text.index("://") + 3
    end = min((place for place in (text.find("/", start), text.find("?", start)) if place >= 0), default=len(text))
    rest = text[end:]
    return origin_of(text[:end]), rest if rest.startswith("/") else "/" + rest


def _cut(path: str) -> tuple[list[str], list[str]]:
    literals: list[str] = []
    names: list[str] = []
    literal, opened, rest = path.partition("{")
    while opened:
        name, closed, after = rest.partition("}")
        if not closed or not name or "{" in name:
            raise WrongUrlError('"{" opens a {name}')
        literals.append(literal)
        names.append(name)
        literal, opened, rest = after.partition("{")
    literals.append(literal)
    if any("}" in literal for literal in literals):
        raise WrongUrlError('"}" closes a {name}')
    return [_encoded(literal, _IN_PATH) for literal in literals], names


def _path_value(name: str, value: Value | None) -> str:
    if value is None:
        raise WrongUrlError(f"no value for {{{name}}}; give path={{{name!r}: …}}")
    text = _encoded(_text_of(name, value))
    if not text:
        raise WrongUrlError(f"the value of {{{name}}} is empty")
    if _is_dots(text):
        raise WrongUrlError(f'the value of {{{name}}} is "." or ".."')
    return text


def _is_dots(segment: str) -> bool:
    """Returns whether URL parsers read a segment as `.` or `..`. They read %2e as a dot."""
    return len(segment) <= 6 and segment.lower().replace("%2e", ".") in (".", "..")


def _text_of(name: str, value: object) -> str:
    """Returns a value as JSON writes it: `true`, `7`, `0.5`; a whole number without its `.0`."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float) and math.isfinite(value):
        return str(int(value)) if value.is_integer() and abs(value) < 1e21 else float.__repr__(value)
    raise WrongUrlError(f"{name}: neither a text, a number nor a boolean")


def _encoded(text: str, safe: str = "") -> str:
    try:
        return quote(text, safe=safe)
    except UnicodeEncodeError:
        raise WrongUrlError("half a surrogate pair is no text") from None
