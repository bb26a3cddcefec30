"""A host without a network and a clock without time, so that the driver is tested without sleeping."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any

import httpx2

from unruffled._client.call import Options, VerbCall
from unruffled._client.endings import Verbs
from unruffled._client.request import Builder
from unruffled._core import boundary, codes, step_word
from unruffled._driver.clock import Clock
from unruffled._driver.credentials import Credential, Given, need_of
from unruffled._driver.engine import Engine
from unruffled._driver.loop import drive, run


class VirtualClock(Clock):
    """A clock that moves only when it is told to."""

    def __init__(self) -> None:
        self.ms = 0
        self.now = lambda: self.ms

    def wall(self) -> int:
        return 1_767_225_600_000 + self.ms


Play = Callable[[VerbCall, int], httpx2.Response]


class Script(Verbs):
    """A host whose attempts are a list, the last one again and again: a status, an exception, or a function."""

    def __init__(self, clock: VirtualClock, *attempts: int | Exception | Play, takes: int = 5) -> None:
        self.clock = clock
        self.attempts = list(attempts)
        self.takes = takes
        self.words: list[int] = []
        self.pauses: list[int] = []
        self.kept = 0
        self.before_pause: Callable[[int], None] = lambda number: None

    async def attempt(self, call: VerbCall, word: int) -> httpx2.Response:
        self.words.append(word)
        self.clock.ms += self.takes
        what = self.attempts.pop(0) if len(self.attempts) > 1 else self.attempts[0]
        if isinstance(what, Exception):
            raise what
        if callable(what):
            return what(call, word)
        return httpx2.Response(what, content=b"{}", request=call.request(word, None))

    async def read_prefix(self, call: VerbCall, most: int, until: int | None) -> bytes:
        assert call.response is not None
        return call.response.content[:most]

    async def retain(self, call: VerbCall, until: int | None) -> None:
        self.kept += 1

    async def read(self, call: VerbCall) -> None:
        """Does nothing: the body is there already."""

    async def pause(self, engine: Engine, number: int, ms: int) -> None:
        self.pauses.append(ms)
        self.before_pause(number)
        self.clock.ms += ms

    async def refresh(self, engine: Engine, call: VerbCall, number: int, word: int) -> None:
        assert call.credential is not None
        given = call.credential.ask(need_of(word))
        assert isinstance(given, (str, tuple, dict))
        credential = call.credential
        token, lives = credential.read(given)
        call.token = token
        engine.token(word >> step_word.ARG, lives, lambda: credential.retain(token, lives))


@cache
def _unused() -> httpx2.Client:
    """For its default headers; it reads the system's certificates, so once."""
    return httpx2.Client()


class World:
    """An engine on a virtual clock."""

    def __init__(self, policy: dict[str, Any] | None = None, seed: int = 1) -> None:
        self.clock = VirtualClock()
        self.engine = Engine(json.dumps({"baseUrl": "https://api.example.com", **(policy or {})}), clock=self.clock)
        boundary.set_seed(self.engine.handle, seed)
        self.builder = Builder(self.engine, _unused(), httpx2.Headers())

    def call(
        self, method: str = "GET", url: str = "/x", ask: Callable[[], Given] | None = None, **options: Any
    ) -> VerbCall:
        """Returns a call that has not begun."""
        chosen: Options = options  # type: ignore[assignment]
        return self.builder.build(method, url, chosen, Credential(ask, "") if ask else None, None)

    def script(self, *attempts: int | Exception | Play, takes: int = 5) -> Script:
        """Returns a host on this clock."""
        return Script(self.clock, *attempts, takes=takes)

    def drive(self, host: Script, call: VerbCall | None = None) -> httpx2.Response:
        """Makes the call; returns its answer."""
        return run(drive(host, call or self.call()))

    def live(self) -> int:
        """Returns the number of calls that the core has."""
        return int(self.engine.snapshot()["live"])


def text_of(word: int) -> str:
    """Returns the name of the word's kind."""
    return codes.STEP_NAMES[word & step_word.KIND]
