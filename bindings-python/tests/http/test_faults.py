"""Each exception of the libraries that send has a row, and each kind is provoked. The caller's own stay untouched."""

from __future__ import annotations

import asyncio
import errno
import inspect
import socket
import subprocess
import sys
import types
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import aiohttp
import aiohttp.http_exceptions
import h2.exceptions
import httpcore
import httpcore2
import httpx
import httpx2
import pytest
import requests
import requests.exceptions
import urllib3.exceptions

import unruffled
import unruffled.aiohttp
from unruffled._core import codes
from unruffled._http.faults import ROWS, TABLE, chain, fault_of

from ..play.sessions import requests_session
from ..play.sides import Side
from ..play.ways import WAYS, Way
from ..servers.wire import CHUNKED, OK, Wire, close, cut, reply, reset, silence

LIBRARIES: dict[str, list[types.ModuleType]] = {
    "httpx2": [httpx2],
    "httpx": [httpx],
    "httpcore2": [httpcore2],
    "httpcore": [httpcore],
    "h2": [h2.exceptions],
    "requests": [requests.exceptions],
    "urllib3": [urllib3.exceptions],
    "aiohttp": [aiohttp, aiohttp.client_exceptions, aiohttp.http_exceptions],
}


def exceptions(library: str) -> set[str]:
    """Returns the names of a library's exceptions, without warnings."""
    return {
        kind.__name__
        for module in LIBRARIES[library]
        for kind in vars(module).values()
        if inspect.isclass(kind)
        and issubclass(kind, Exception)
        and not issubclass(kind, Warning)
        and kind.__module__.partition(".")[0] == library
    }


@pytest.mark.parametrize("library", list(LIBRARIES))
def test_every_exception_of_a_library_has_its_row(library: str) -> None:
    assert exceptions(library) - {name for owner, name in TABLE if owner == library} == set()


def test_every_row_says_why() -> None:
    assert all(why for rows in ROWS.values() for _, _, why in rows)


def test_an_exception_made_from_one_has_its_row() -> None:
    class Mine(httpx2.ReadTimeout):
        pass

    assert fault_of(Mine("slow"), False) == codes.TIMEOUT
    assert fault_of(httpx2.ReadError("broke"), True) == codes.TRUNCATED
    assert fault_of(KeyError("own"), False) == codes.REFUSED


# The exceptions of each fault in each library, over real sockets.

ONCE: dict[str, Any] = {"retry": {"attempts": 1}, "timeouts": {"attempt": "300ms", "connect": "200ms"}}


def fault_in(explained: str) -> str:
    return next(fault for fault in codes.FAULTS if fault and f" {fault}" in explained)


WIRES: dict[str, tuple[Any, str]] = {
    "reset": (reset, "lost"),
    "closed": (close, "lost"),
    "silent": (silence, "timeout"),
    "garbage": (b"\x00\x01 no answer\r\n\r\n", "lost"),
    "cut": (cut(OK), "truncated"),
    "not gzip": (reply(200, b"plain", Content_Encoding="gzip"), "truncated"),
}


@pytest.fixture(params=list(WAYS))
def way(request: pytest.FixtureRequest) -> Way:
    """Returns each of the ways to send."""
    return WAYS[request.param]


@pytest.mark.parametrize("broken", list(WIRES))
def test_how_the_server_breaks_is_named(way: Way, broken: str) -> None:
    answer, fault = WIRES[broken]
    with Wire(then=answer) as wire:
        assert fault_in(way(wire.base, ONCE)) == fault
        assert len(wire.seen) == 1


def test_a_closed_port_is_unsent(way: Way) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert fault_in(way(f"http://127.0.0.1:{port}", ONCE)) == "unsent"


def test_a_name_that_is_not_found_is_unsent(way: Way) -> None:
    assert fault_in(way("http://nowhere.invalid", {"retry": {"attempts": 1}})) == "unsent"


# The caller's own.


class BrokenError(Exception):
    """An exception of the caller's."""


OWN = [
    BrokenError("own"),
    TimeoutError("own"),
    OSError(errno.EIO, "own"),
    httpx2.ReadError("own"),
    httpx.ReadError("own"),
]
ERRORS = pytest.mark.parametrize("own", OWN, ids=lambda own: type(own).__module__ + "." + type(own).__name__)


def source(own: Exception) -> Iterator[bytes]:
    yield b"first"
    raise own


async def source_async(own: Exception) -> AsyncIterator[bytes]:
    yield b"first"
    raise own


def untouched(raised: BaseException, own: Exception) -> bool:
    return raised is own and raised.__cause__ is None and raised.__context__ is None


@ERRORS
def test_a_body_that_raises_is_the_callers_own(own: Exception) -> None:
    with Wire() as wire, unruffled.Client({"baseUrl": wire.base}, trust_env=False) as client:
        with pytest.raises(type(own)) as raised:
            client.put("/a", content=source(own))
        assert untouched(raised.value, own)
        assert wire.accepted <= 1


@ERRORS
def test_a_body_that_raises_in_a_task_is_the_callers_own(own: Exception) -> None:
    async def main(wire: Wire) -> None:
        async with unruffled.AsyncClient({"baseUrl": wire.base}, trust_env=False) as client:
            with pytest.raises(type(own)) as raised:
                await client.put("/a", content=source_async(own))
            assert untouched(raised.value, own)

    with Wire() as wire:
        asyncio.run(main(wire))
        assert wire.accepted <= 1


@ERRORS
def test_a_body_that_raises_under_a_client_of_theirs_is_the_callers_own(own: Exception, side: Side) -> None:
    with Wire() as wire, side.client() as client:
        with pytest.raises(type(own)) as raised:
            client.put(wire.base, content=source(own))
        assert raised.value is own
        assert wire.accepted <= 1


class File:
    """A file on a failing disk."""

    def __init__(self, own: Exception) -> None:
        self._own = own
        self._at = 0

    def read(self, size: int = -1) -> bytes:
        raise self._own

    def tell(self) -> int:
        return self._at

    def seek(self, at: int, whence: int = 0) -> int:
        self._at = 1000 if whence == 2 else at
        return self._at

    def __iter__(self) -> Iterator[bytes]:
        return iter([self.read()])


@ERRORS
@pytest.mark.parametrize("made", [source, File])
def test_a_body_that_raises_under_requests_is_the_callers_own(own: Exception, made: Callable[[Any], Any]) -> None:
    with Wire() as wire, requests_session() as session:
        with pytest.raises(type(own)) as raised:
            session.put(wire.base, data=made(own))
        assert raised.value is own
        assert wire.accepted <= 1


@ERRORS
def test_a_body_that_raises_under_aiohttp_is_the_callers_own(own: Exception) -> None:
    async def main(wire: Wire) -> None:
        async with aiohttp.ClientSession(middlewares=[unruffled.aiohttp.middleware({})]) as session:
            with pytest.raises(type(own)) as raised:
                await session.put(wire.base, data=source_async(own))
            # aiohttp itself makes one of its own of an OSError that comes out of its middlewares.
            assert own in (raised.value, raised.value.__cause__)

    with Wire() as wire:
        asyncio.run(main(wire))
        assert wire.accepted <= 1


@ERRORS
@pytest.mark.parametrize("kind", ["request", "response"])
def test_a_hook_that_raises_is_the_callers_own(own: Exception, kind: str) -> None:
    def hook(about: Any) -> None:
        raise own

    with (
        Wire() as wire,
        unruffled.Client({"baseUrl": wire.base}, trust_env=False, event_hooks={kind: [hook]}) as client,
        pytest.raises(type(own)) as raised,
    ):
        client.get("/a")
    assert untouched(raised.value, own)
    assert len(wire.seen) == (kind == "response")


def test_forty_bodies_that_raise_open_no_breaker() -> None:
    with Wire() as wire, unruffled.Client({"baseUrl": wire.base}, trust_env=False) as client:
        for _ in range(40):
            with pytest.raises(TimeoutError):
                client.put("/a", content=source(TimeoutError("own")))
        assert client.get("/a").status_code == 200


def test_a_pool_without_a_place_is_the_callers_own() -> None:
    limits = httpx2.Limits(max_connections=1)
    policy = {"timeouts": {"attempt": "300ms"}}
    with (
        Wire() as wire,
        unruffled.Client({**policy, "baseUrl": wire.base}, trust_env=False, limits=limits) as client,
        client.stream("GET", "/a"),
        pytest.raises(httpx2.PoolTimeout),
    ):
        client.get("/a")
    assert len(wire.seen) == 1


def test_a_pool_of_theirs_without_a_place_is_the_callers_own(side: Side) -> None:
    limits = side.theirs.Limits(max_connections=1)
    attempts: list[Any] = []
    with Wire(then=CHUNKED) as wire, side.client(limits=limits, timeout=side.theirs.Timeout(5, pool=0.1)) as client:
        with client.stream("GET", wire.base):
            client._transport.on(attempts.append, ["attempt"])
            with pytest.raises(side.theirs.PoolTimeout):
                client.get(wire.base)
        assert len(attempts) == 1
        assert len(wire.seen) == 1


#: Takes every descriptor, then makes a call; prints the name of what was raised and how many attempts there were.
FULL = """
import asyncio, os, resource, sys, warnings
import aiohttp, anyio._backends._asyncio, requests
import unruffled, unruffled._client.asynchronous, unruffled._driver.event_loops, unruffled.aiohttp, unruffled.requests
warnings.simplefilter("ignore")
way, url = sys.argv[1:]
counted = []

def fill():
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, 200))
    try:
        while True:
            os.dup(0)
    except OSError:
        return

def threads():
    if way == "requests":
        adapter = unruffled.requests.Adapter({})
        session = requests.Session()
        session.trust_env = False
        session.mount("http://", adapter)
        adapter.on(counted.append, ["attempt"])
        fill()
        session.get(url)
    else:
        client = unruffled.Client(url, trust_env=False)
        client.on(counted.append, ["attempt"])
        fill()
        client.get("/a")

async def tasks():
    if way == "aiohttp":
        ours = unruffled.aiohttp.middleware({})
        ours.on(counted.append, ["attempt"])
        session = aiohttp.ClientSession(middlewares=[ours])
        fill()
        await session.get(url)
    else:
        client = unruffled.AsyncClient(url, trust_env=False)
        client.on(counted.append, ["attempt"])
        await asyncio.sleep(0)
        fill()
        await client.get("/a")

try:
    threads() if way in ("sync", "requests") else asyncio.run(tasks())
except Exception as error:
    print(type(error).__name__, len(counted), flush=True)
os._exit(0)
"""


@pytest.mark.parametrize(
    ("way", "name"),
    [
        ("sync", "ConnectError"),
        ("async", "ConnectError"),
        ("requests", "ConnectionError"),
        ("aiohttp", "ClientConnectorError"),
    ],
)
def test_no_free_descriptor_is_the_callers_own(way: str, name: str) -> None:
    with Wire() as wire:
        child = subprocess.run(
            [sys.executable, "-c", FULL, way, wire.base], capture_output=True, text=True, timeout=60, check=False
        )
        assert child.stdout.split() == [name, "1"], child.stderr
        assert wire.accepted == 0


def test_no_free_port_is_the_callers_own(side: Side) -> None:
    # A source address that is not of this machine.
    inner = side.theirs.HTTPTransport(local_address="203.0.113.1")
    ours = side.ours.Transport({}, inner)
    attempts: list[Any] = []
    ours.on(attempts.append, ["attempt"])
    with Wire() as wire, side.theirs.Client(transport=ours) as client:
        with pytest.raises(side.theirs.ConnectError) as raised:
            client.get(wire.base)
        assert errno.EADDRNOTAVAIL in [getattr(one, "errno", None) for one in chain(raised.value)]
        assert len(attempts) == 1


def test_no_permission_is_the_callers_own() -> None:
    class Forbidden(httpx2.BaseTransport):
        def handle_request(self, request: httpx2.Request) -> httpx2.Response:
            raise httpx2.ConnectError("forbidden") from PermissionError(errno.EACCES, "Permission denied")

    attempts: list[Any] = []
    with unruffled.Client("http://127.0.0.1", transport=Forbidden()) as client:
        client.on(attempts.append, ["attempt"])
        with pytest.raises(httpx2.ConnectError):
            client.get("/a")
    assert len(attempts) == 1


def test_one_address_that_this_machine_lacks_does_not_say_that_all_are() -> None:
    lacks, refuses = OSError(errno.EADDRNOTAVAIL, "::1"), ConnectionRefusedError(errno.ECONNREFUSED, "127.0.0.1")
    error = httpx2.ConnectError("all failed")
    error.__cause__ = ExceptionGroup("all", [lacks, refuses])
    assert fault_of(error, False) == codes.UNSENT


def test_a_proxy_that_refuses_the_credentials_is_the_callers_own() -> None:
    refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
    with Wire(then=refusal) as proxy:
        with (
            unruffled.Client({"baseUrl": "https://api.example.com"}, trust_env=False, proxy=proxy.base) as client,
            pytest.raises(httpx2.ProxyError),
        ):
            client.get("/a")
        assert len(proxy.seen) == 1
        with requests_session() as session, pytest.raises(requests.exceptions.ProxyError):
            session.get("https://api.example.com/a", proxies={"https": proxy.base})
        assert len(proxy.seen) == 2

        async def main() -> None:
            async with aiohttp.ClientSession(middlewares=[unruffled.aiohttp.middleware({})]) as session:
                with pytest.raises(aiohttp.ClientHttpProxyError):
                    await session.get("https://api.example.com/a", proxy=proxy.base)

        asyncio.run(main())
        assert len(proxy.seen) == 3
