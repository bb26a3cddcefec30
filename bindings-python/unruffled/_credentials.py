"""Who the client is: the caller's function, and the token that it gave, until it expires.

A plain text is asked for at every attempt and never kept. A `Token` is kept until shortly before it expires; the core
says when to ask anew, and makes one call ask for all that wait.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

from . import _codes as codes


class Token(NamedTuple):
    """A bearer token and when it expires."""

    #: What goes behind `Authorization: Bearer`.
    token: str
    #: Unix seconds or an aware datetime; None = it never expires.
    expires_at: float | datetime.datetime | None = None


#: What a credentials function gives: a text, or a token with its end (also as a mapping with these two keys).
Given = str | Token | Mapping[str, Any]
Ask = Callable[[], Given]
AskAsync = Callable[[], Given | Awaitable[Given]]


class CredentialsFailedError(Exception):
    """The caller's function raised, or gave something that no header can carry. The cause says what."""


class Credential:
    """One identity: a function, the scope's name that keeps it apart from others, the token kept."""

    __slots__ = ("__weakref__", "ask", "error", "kept", "name")

    def __init__(self, ask: AskAsync, name: str) -> None:
        """`name` is "" for the client's own, else unique within the client."""
        self.ask = ask
        self.name = name
        self.kept: bytes | None = None
        #: What the function raised last: the cause of an `auth` failure.
        self.error: Exception | None = None

    def keep(self, token: bytes, lives: int) -> None:
        """Keeps a token that the core has accepted, or none if it is good for one attempt."""
        self.kept = token if lives else None

    @staticmethod
    def read(given: Given) -> tuple[bytes, int]:
        """The token and how many milliseconds it lives, 0 = it is not kept. Raises ValueError or TypeError."""
        if isinstance(given, str):
            return _checked(given), 0
        if isinstance(given, Token):
            token, expires = given
        elif isinstance(given, Mapping):
            token, expires = given["token"], given.get("expires_at")
        else:
            raise TypeError("credentials must give a text or a Token(token, expires_at)")
        return _checked(token), _lifetime(expires)


def _checked(token: str) -> bytes:
    """The token as bytes; the text of the error does not show it."""
    if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable() or " " in token:
        raise ValueError("credentials gave something that is no token: printable ASCII without spaces is")
    return token.encode("ascii")


def _lifetime(expires: float | datetime.datetime | None) -> int:
    if expires is None:
        return codes.NEVER
    at = expires.timestamp() if isinstance(expires, datetime.datetime) else float(expires)
    return max(1, min(codes.NEVER, int((at - time.time()) * 1000)))
