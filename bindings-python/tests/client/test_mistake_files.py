"""Plays tests/mistakes: common first mistakes, and the texts that the package must show."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import unruffled

from ..play.acts import Credentials, options_of, target_of
from ..servers.faults import ROOT, Faults
from ..servers.wire import Wire, server_side

MISTAKES = ROOT / "tests" / "mistakes"


def entries(name: str) -> pytest.MarkDecorator:
    """Returns the entries of a file that are for Python, as parameters."""
    read = json.loads((MISTAKES / f"{name}.json").read_text("utf-8"))
    read = [entry for entry in read if not isinstance(entry["says"], dict) or "python" in entry["says"]]
    return pytest.mark.parametrize("entry", read, ids=[entry["name"] for entry in read])


def same(said: str, wanted: str) -> bool:
    """Returns whether the texts are equal; `N ms` stands for any number."""
    pattern = re.escape(wanted).replace(re.escape("N ms"), r"\d+ ms")
    return re.fullmatch(pattern, said) is not None


@pytest.fixture(scope="module")
def faults() -> Iterator[Faults]:
    with Faults() as server:
        yield server


@entries("policy")
def test_a_policy_says_what_is_wrong(entry: dict[str, Any]) -> None:
    with pytest.raises(unruffled.PolicyError) as raised:
        unruffled.Client(entry["policy"])
    assert [issue.text for issue in raised.value.issues] == entry["says"]


class Base:
    """The base URL of an entry, and its server."""

    def __init__(self, faults: Faults, entry: dict[str, Any], folder: Path) -> None:
        kind = entry.get("base")
        self._faults = faults
        self._run, base = faults.begin(entry.get("server", {}))
        self._wire: Wire | None = None
        if kind is None:
            self.url = base
        elif kind == "closed":
            with socket.create_server(("127.0.0.1", 0)) as listener:
                self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        elif kind == "https":
            self.url = base.replace("http:", "https:")
        elif kind == "self-signed":
            self._wire = Wire(tls=server_side(folder)[0])
            self.url = self._wire.base
        else:
            self.url = kind

    def __enter__(self) -> str:
        return self.url

    def __exit__(self, *_: object) -> None:
        self._faults.forget(self._run)
        if self._wire is not None:
            self._wire.__exit__(None, None, None)


def threads(policy: Any, entry: dict[str, Any], credentials: Credentials | None) -> str:
    def token() -> Any:
        assert credentials is not None
        return credentials.given(credentials.next()[1])

    client = unruffled.Client(policy, credentials=token if credentials else None, trust_env=False)
    if entry.get("closed"):
        client.close()
    method, path = target_of(entry)
    with client, pytest.raises(unruffled.CallError) as raised:
        client.request(method, path, **options_of(entry, 0))
    return str(raised.value)


def tasks(policy: Any, entry: dict[str, Any], credentials: Credentials | None) -> str:
    async def token() -> Any:
        assert credentials is not None
        return credentials.given(credentials.next()[1])

    async def main() -> str:
        client = unruffled.AsyncClient(policy, credentials=token if credentials else None, trust_env=False)
        if entry.get("closed"):
            await client.aclose()
        method, path = target_of(entry)
        async with client:
            with pytest.raises(unruffled.CallError) as raised:
                await client.request(method, path, **options_of(entry, 0))
        return str(raised.value)

    return asyncio.run(main())


@pytest.mark.parametrize("play", [threads, tasks])
@entries("calls")
def test_a_call_says_what_happened_and_what_to_do(
    faults: Faults, entry: dict[str, Any], play: Any, tmp_path: Path
) -> None:
    credentials = Credentials(entry["credentials"]) if "credentials" in entry else None
    with Base(faults, entry, tmp_path) as url:
        said = play({**entry["policy"], "baseUrl": url}, entry, credentials)
    assert same(said, entry["says"]), said


@entries("options")
@pytest.mark.parametrize("kind", [unruffled.Client, unruffled.AsyncClient])
def test_an_option_that_does_not_exist_says_what_was_meant(entry: dict[str, Any], kind: Any) -> None:
    if "make" in entry:
        with pytest.raises(TypeError) as made:
            kind("https://api.example.com", **entry["make"])
        said = str(made.value)
    else:
        with pytest.raises(unruffled.UsageError) as called:
            play_options(kind, entry["call"])
        said = str(called.value)
    assert said == entry["says"]["python"]


def play_options(kind: Any, options: dict[str, Any]) -> None:
    if kind is unruffled.Client:
        with kind("https://api.example.com") as client:
            client.get("/x", **options)
        return

    async def main() -> None:
        async with kind("https://api.example.com") as client:
            await client.get("/x", **options)

    asyncio.run(main())
