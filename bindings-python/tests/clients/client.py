"""What a client's file gives to the runner, which holds no expectation: it plays, the fault server judges.

A file beside this one is a client's if it has `CLIENTS`, a list of `Kind`: the row's name, what of unruffled is under
it, the package whose version is told, and the class that the runner makes anew for each scenario. That class derives
from `SyncClient` (calls at once are threads) or `AsyncClient` (asyncio tasks) and defines what the client has:

    __init__(setup)      `setup.policy` is None in mode "bare": the client as its users install it, its own retries at
                         their defaults, its own request timeout `setup.timeout` where it has one and that is not None.
                         Else the one line of the documentation, and its own retries off.
    read(), write(op)    one operation each. They return the status, or raise as the client does; a value that is wrong
                         without an error raises `WrongError`. `op` is a text for somewhere in the body.
    stream()             a generator: once the stream is open the status (200 where the client hides it), then the size
                         of each piece.
    renew(token)         the bearer token from now on. After a 401 the runner calls it and makes the call again, as a
                         user would; a client with a hook of its own takes `setup.tokens` and sets `renews = True`.
    open()               a handshake, made against a server that answers everything well.
    close()
    status_of(error)     static: the status of an exception that stands for one, else None.
    family_of(error)     static: "timeout", "connection" or "other", by the classes that a user of the client tests for.

An operation that is left out is one that the client does not have. Nothing of unruffled's adapters is imported at a
file's top: `bare` must work without.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any, Literal

Family = Literal["timeout", "connection", "other"]


class AbsentError(Exception):
    """The client has no such operation."""


class WrongError(Exception):
    """The client returned what the server did not say."""


@dataclass(frozen=True)
class Setup:
    """What a client is made of."""

    #: Without a slash at its end; whatever path the client wants may follow.
    base: str
    #: The scenario's, with `baseUrl`; None = bare.
    policy: dict[str, Any] | None
    #: Seconds, bare only: what the policy's `timeouts.attempt` would be.
    timeout: float | None
    #: Bearer tokens: the client starts with the first.
    tokens: list[str]

    @property
    def token(self) -> str:
        """What the client starts with, also where the scenario has no credentials."""
        return self.tokens[0] if self.tokens else "token"


class _Either:
    #: It has asked for another token itself by the time its user sees the 401.
    renews = False

    def __init__(self, setup: Setup) -> None:
        """Makes the client."""

    def renew(self, token: str) -> None:
        """The bearer token from now on."""
        raise AbsentError

    @staticmethod
    def status_of(error: BaseException) -> int | None:
        """The status that an exception stands for."""
        return None

    @staticmethod
    def family_of(error: BaseException) -> Family:
        """By the classes that a user of the client tests for."""
        return "other"


class SyncClient(_Either):
    """A client whose calls block their thread."""

    def open(self) -> None:
        """A handshake."""

    def read(self) -> int:
        """Its read operation."""
        raise AbsentError

    def write(self, op: str) -> int:
        """Its write operation."""
        raise AbsentError

    def stream(self) -> Iterator[int]:
        """Its streaming operation."""
        raise AbsentError

    def close(self) -> None:
        """Lets its connections go."""


class AsyncClient(_Either):
    """A client whose calls are awaited, on asyncio."""

    async def open(self) -> None:
        """A handshake."""

    async def read(self) -> int:
        """Its read operation."""
        raise AbsentError

    async def write(self, op: str) -> int:
        """Its write operation."""
        raise AbsentError

    def stream(self) -> AsyncIterator[int]:
        """Its streaming operation."""
        raise AbsentError

    async def close(self) -> None:
        """Lets its connections go."""


@dataclass(frozen=True)
class Kind:
    """A row of the table."""

    name: str
    #: What of unruffled is put under it, as its documentation page calls it.
    under: str
    #: The distribution whose version is told.
    package: str
    make: type[SyncClient] | type[AsyncClient]


def sound(status: int, right: bool) -> int:
    """The status of an answer; raises `WrongError` if a good one does not say what the server said."""
    if status < 400 and not right:
        raise WrongError("the answer is not the server's")
    return status
