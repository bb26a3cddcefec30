"""Credentials: the caller's function, and the token that it returned, until it expires.

A plain text is fetched at every attempt and never retained. A `Token` is retained until shortly before it expires;
the core says when to renew it, and makes one call fetch it for all that wait.
"""

from __future__ import annotations

import contextvars
import datetime
import inspect
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from .._core import codes, step_word
from .deadline import THREAD_DEADLINE
from .time import TIME

if TYPE_CHECKING:
    from .engine import Engine


class Token(NamedTuple):
    """A bearer token and when it expires."""

    #: The text behind `Authorization: Bearer`.
    token: str
    #: Unix seconds or an aware datetime; None = it never expires.
    expires_at: float | datetime.datetime | None = None


class Need(NamedTuple):
    """The reason why a credentials function is called. A function with an argument receives it."""

    #: `first`: there was no token yet, which is always so for a function that returns plain texts. `expired`: the last
    #: token has ended, or will soon. `refused`: a 401 refused it, even if its time was not over.
    why: Literal["first", "expired", "refused"]


FIRST: Final = Need("first")
_EXPIRED = Need("expired")
_REFUSED = Need("refused")


def need_of(word: int) -> Need:
    """Returns the need of a Refresh."""
    if word & codes.NEED_REFUSED:
        return _REFUSED
    return _EXPIRED if word & codes.NEED_EXPIRED else FIRST


#: The result of a credentials function: a text, or a token with its expiry (also as a mapping with these two keys).
Given = str | Token | Mapping[str, Any]
Ask = Callable[[], Given] | Callable[[Need], Given]
AskAsync = Callable[[], Given | Awaitable[Given]] | Callable[[Need], Given | Awaitable[Given]]


class CredentialsFailedError(Exception):
    """A credentials function that raised, or returned what no header can carry. The cause has the exception."""


class Credential:
    """One identity: its function, its name in the core's scopes, and its token."""

    __slots__ = ("__weakref__", "_function", "_needs", "error", "name", "retained", "texts")

    def __init__(self, ask: AskAsync, name: str) -> None:
        """Takes the function. `name` is "" for the client's own, else unique within the client."""
        self._function: Any = ask
        self._needs = _takes_need(ask)
        self.name = name
        #: Whether the function returned a text last. It is then called at each attempt.
        self.texts = False
        self.retained: bytes | None = None
        #: The function's last exception: the cause of an `auth` failure.
        self.error: Exception | None = None

    def ask(self, need: Need) -> Given | Awaitable[Given]:
        """Calls the function, with the need if it takes an argument."""
        given: Given | Awaitable[Given] = self._function(need) if self._needs else self._function()
        return given

    def ask_within(self, need: Need, at: float) -> Given:
        """Calls a plain function, at most until `at` (`time.monotonic`). Raises TimeoutError when it takes longer.

        Calls of this package's clients inside it end then, too.

        A function that returned a text last is called in the calling thread, since it is called at each attempt: to
        hand it to a waiting thread and back costs 15 to 22 µs, to a new one 50 µs and more. Nothing bounds it there.
        Any other function is called in a thread of its own, with the caller's context. A thread cannot be stopped: it
        ends with the function or with the process, and a late result is dropped.
        """
        given: Any = self._limited(need, at) if self.texts else self._aside(need, at)
        if TIME.monotonic() > at:
            raise TimeoutError(_LATE)
        self.texts = isinstance(given, str)
        return given  # type: ignore[no-any-return]

    def _limited(self, need: Need, at: float) -> Any:
        before = THREAD_DEADLINE.at
        THREAD_DEADLINE.at = at
        try:
            return self.ask(need)
        finally:
            THREAD_DEADLINE.at = before

    def _aside(self, need: Need, at: float) -> Any:
        ended = threading.Event()
        given: list[Any] = []
        broke: list[BaseException] = []

        def work() -> None:
            try:
                given.append(self._limited(need, at))
            except BaseException as error:
                broke.append(error)
            finally:
                ended.set()

        run = contextvars.copy_context().run
        thread = threading.Thread(target=run, args=(work,), name="unruffled-credentials", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            # The process has no more threads, or the platform has none.
            return self._limited(need, at)
        if not ended.wait(max(0.0, at - TIME.monotonic())):
            raise TimeoutError(_LATE)
        if broke:
            raise broke.pop()
        return given.pop()

    def retain(self, token: bytes, lives: int) -> None:
        """Retains a token that the core has accepted, unless it is good for one attempt only."""
        self.retained = token if lives else None

    def fetched(self, engine: Engine, word: int, token: bytes, lives: int) -> bool:
        """Reports what a Refresh brought. Returns whether the core accepted it."""
        if word & codes.NEED_REFUSED and lives and token == self.retained:
            # It is the token that a 401 refused: asked again, the function would give it again.
            engine.token_failed(word >> step_word.ARG, codes.UNCHANGED)
            return False
        return engine.token(word >> step_word.ARG, lives, lambda: self.retain(token, lives))

    @staticmethod
    def read(given: Given) -> tuple[bytes, int]:
        """Reads the token and how many milliseconds it lives, 0 = one attempt. Raises ValueError or TypeError."""
        if isinstance(given, str):
            return _checked(given), 0
        if isinstance(given, Token):
            token, expires = given
        elif isinstance(given, Mapping):
            token, expires = given["token"], given.get("expires_at")
        else:
            raise TypeError("credentials must give a text or a Token(token, expires_at)")
        return _checked(token), _lifetime(expires)


_LATE = "the credentials function took longer than an attempt may"


def _takes_need(function: Any) -> bool:
    """Returns whether a function takes the need: its first argument has no default, or is called `need`."""
    if type(function) is FunctionType and not function.__dict__:
        # The same as below without the cost of `inspect`, since views are made per user.
        code = function.__code__
        if code.co_argcount == 0:
            return False
        return code.co_argcount > len(function.__defaults__ or ()) or code.co_varnames[0] == "need"
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        # A builtin may have no signature.
        return False
    for first in parameters:
        if first.kind in (first.POSITIONAL_ONLY, first.POSITIONAL_OR_KEYWORD):
            return first.default is first.empty or first.name == "need"
        break
    return False


def _checked(token: str) -> bytes:
    """Returns the token as bytes. The text of the error does not show it."""
    if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable() or " " in token:
        raise ValueError("credentials gave something that is no token: printable ASCII without spaces is")
    return token.encode("ascii")


def _lifetime(expires: float | datetime.datetime | None) -> int:
    if expires is None:
        return step_word.NEVER
    at = expires.timestamp() if isinstance(expires, datetime.datetime) else float(expires)
    return max(1, min(step_word.NEVER, int((at - time.time()) * 1000)))
