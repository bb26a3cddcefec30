"""Each endpoint has a breaker of its own: which calls share an endpoint, in each client."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import aiohttp
import anyio
import pytest

import unruffled
import unruffled.aiohttp
from unruffled._core import boundary
from unruffled._driver.call import Call
from unruffled._driver.engine import Engine
from unruffled._under.drop_in import DropIn, DropInCall

from ..play.sessions import adapter_of, requests_session
from ..play.virtual import World
from ..servers.wire import BUSY, Wire

ORIGIN = "https://api.example.com"
ROUTES = {
    "baseUrl": f"{ORIGIN}/v1",
    "headers": {"X-Team": "all"},
    "bufferUpTo": 64,
    "routes": {"GET /orders/{id}": {"headers": {"X-Team": "orders"}, "bufferUpTo": 128}},
}


def place(call: Call[Any]) -> tuple[int, int]:
    """Returns route and endpoint."""
    return call.target_number & 0xFFFF, call.target_number >> 16


def ordered(dropin: DropIn, method: str, path: str, origin: str = ORIGIN) -> DropInCall[Any]:
    return dropin.prepare(DropInCall(), dropin.place((method, origin, path), method, origin, path), [], repeatable=True)


def word(number: int) -> str:
    """Returns a path of letters for a number: no part of it is a value."""
    return f"/{number:05}".translate(str.maketrans("0123456789", "ghijklmnop"))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Records the texts that the core was asked about."""
    texts: list[str] = []
    ask = boundary.route

    def counted(handle: int, target: str) -> int:
        texts.append(target)
        return ask(handle, target)

    monkeypatch.setattr(boundary, "route", counted)
    return texts


# Which calls share an endpoint.


def test_the_endpoint_of_a_verb_is_its_template() -> None:
    world = World()
    seven = place(world.call("GET", "/orders/{id}", path={"id": "seven"}))
    assert place(world.call("GET", "/orders/{id}?page=2", path={"id": "eight"})) == seven
    others = [("PUT", "/orders/{id}"), ("GET", "/users/{id}"), ("GET", "/orders/{id}/lines")]
    found = {seven, *(place(world.call(method, url, path={"id": 7})) for method, url in others)}
    assert found == {(0, 1), (0, 2), (0, 3), (0, 4)}


def test_an_absolute_url_is_one_endpoint_however_its_origin_is_written() -> None:
    world = World()
    urls = [f"{ORIGIN}/orders/{{id}}", "HTTPS://API.Example.com:443/orders/{id}?page=2"]
    assert {place(world.call("GET", url, path={"id": 7})) for url in urls} == {(0, 1)}


def test_the_endpoint_of_a_drop_in_is_its_method_and_url_without_values() -> None:
    dropin = DropIn({})
    seven = place(ordered(dropin, "GET", "/orders/7"))
    assert place(ordered(dropin, "GET", "/orders/8")) == seven
    others = [("PUT", "/orders/7", ORIGIN), ("GET", "/orders", ORIGIN), ("GET", "/orders/7", "https://b.example")]
    found = {seven, *(place(ordered(dropin, *other)) for other in others)}
    assert found == {(0, 1), (0, 2), (0, 3), (0, 4)}


def test_an_empty_path_is_the_root() -> None:
    dropin = DropIn({})
    assert place(ordered(dropin, "GET", "")) == place(ordered(dropin, "GET", "/"))


def test_the_core_is_asked_once_for_each_text(asked: list[str]) -> None:
    world, dropin = World(), DropIn({})
    for value in (7, 8, 7):
        world.call("GET", "/orders/{id}", path={"id": value})
        ordered(dropin, "GET", f"/orders/{value}")
    assert asked == ["GET /orders/{id}", f"GET {ORIGIN}/orders/7", f"GET {ORIGIN}/orders/8"]


def test_an_endpoint_in_use_keeps_its_number_however_many_others_come(asked: list[str]) -> None:
    engine = World().engine
    numbers = set()
    for number in range(5000):
        if number % 10 == 0:
            numbers.add(engine.target("GET /always"))
        engine.target(f"GET {word(number)}")
    assert len(numbers) == 1
    # Asked again before the core, which remembers 1,024, forgets it.
    assert 5 <= asked.count("GET /always") <= 10


# The settings, with an endpoint in the upper bits and without.


def test_a_verb_has_the_settings_of_its_route_or_the_policys() -> None:
    world = World(ROUTES)
    for _ in range(2):
        order = world.call("GET", "/orders/{id}", path={"id": 7})
        other = world.call("GET", "/users/{id}", path={"id": 7})
        assert (place(order), place(other)) == ((1, 0), (0, 1))
        assert dict(order.route.headers)[b"X-Team"] == b"orders"
        assert dict(other.route.headers)[b"X-Team"] == b"all"
        assert world.drive(world.script(200), other).status_code == 200


def test_a_drop_in_has_the_settings_of_its_route_or_the_policys() -> None:
    dropin = DropIn(ROUTES)
    for _ in range(2):
        order, other = (ordered(dropin, "GET", f"/v1/{name}/7") for name in ("orders", "users"))
        assert (place(order), place(other)) == ((1, 0), (0, 1))
        assert (order.route.buffer_up_to, other.route.buffer_up_to) == (128, 64)
    foreign = ordered(dropin, "GET", "/v1/orders/7", "https://b.example")
    assert (place(foreign), foreign.route.buffer_up_to) == ((0, 2), 64)


def test_numbers_with_all_32_bits_are_taken() -> None:
    world = World({"breaker": {"wait": 0}})
    for number in range(0x8000):
        boundary.route(world.engine.handle, f"GET {word(number)}")
    call = world.call("GET", "/x")
    assert call.target_number == 0x8001_0000
    assert call.route is world.builder.routes[0]
    assert world.drive(world.script(200), call).status_code == 200


# A broken endpoint and a healthy one.

#: Returns the status of a GET of a path with this first segment and this value after it.
Get = Callable[[str, int], Awaitable[int]]
#: Makes a client of a policy for a base URL.
Way = Callable[[dict[str, Any], str], AbstractAsyncContextManager[Get]]


def ticking(engine: Engine) -> None:
    """Makes a client whose clock moves by 60 ms whenever it is read."""
    engine.now = itertools.count(0, 60).__next__


@contextlib.asynccontextmanager
async def verbs(policy: dict[str, Any], base: str) -> AsyncIterator[Get]:
    with unruffled.Client({**policy, "baseUrl": base}, trust_env=False) as api:
        ticking(api._live().engine)

        async def get(name: str, value: int) -> int:
            return api.get(f"/{name}/{{id}}", path={"id": value}, raise_=False).status_code

        yield get


@contextlib.asynccontextmanager
async def async_verbs(policy: dict[str, Any], base: str) -> AsyncIterator[Get]:
    async with unruffled.AsyncClient({**policy, "baseUrl": base}, trust_env=False) as api:
        ticking(api._live().engine)

        async def get(name: str, value: int) -> int:
            return (await api.get(f"/{name}/{{id}}", path={"id": value}, raise_=False)).status_code

        yield get


def family(ours: Any) -> Way:
    @contextlib.asynccontextmanager
    async def made(policy: dict[str, Any], base: str) -> AsyncIterator[Get]:
        with ours.client(policy, trust_env=False) as http:
            ticking(http._dropin.engine)

            async def get(name: str, value: int) -> int:
                return int(http.get(f"{base}/{name}/{value}").status_code)

            yield get

    return made


def async_family(ours: Any) -> Way:
    @contextlib.asynccontextmanager
    async def made(policy: dict[str, Any], base: str) -> AsyncIterator[Get]:
        async with ours.async_client(policy, trust_env=False) as http:
            ticking(http._dropin.engine)

            async def get(name: str, value: int) -> int:
                return int((await http.get(f"{base}/{name}/{value}")).status_code)

            yield get

    return made


@contextlib.asynccontextmanager
async def under_requests(policy: dict[str, Any], base: str) -> AsyncIterator[Get]:
    with requests_session(policy) as http:
        ticking(adapter_of(http)._dropin.engine)

        async def get(name: str, value: int) -> int:
            return http.get(f"{base}/{name}/{value}").status_code

        yield get


@contextlib.asynccontextmanager
async def under_aiohttp(policy: dict[str, Any], base: str) -> AsyncIterator[Get]:
    middleware = unruffled.aiohttp.middleware(policy)
    ticking(middleware._dropin.engine)
    async with aiohttp.ClientSession(middlewares=[middleware]) as http:

        async def get(name: str, value: int) -> int:
            async with http.get(f"{base}/{name}/{value}") as response:
                return response.status

        yield get


WAYS: dict[str, Way] = {
    "Client": verbs,
    "AsyncClient": async_verbs,
    "httpx2": family(unruffled.httpx2),
    "httpx": family(unruffled.httpx),
    "httpx2-async": async_family(unruffled.httpx2),
    "httpx-async": async_family(unruffled.httpx),
    "requests": under_requests,
    "aiohttp": under_aiohttp,
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_a_broken_endpoint_holds_back_no_other(way: Way) -> None:
    policy = {"retry": {"attempts": 1}, "breaker": {"wait": 0}}

    async def work() -> None:
        async with way(policy, wire.base) as get:
            # Twenty failures in a row open the breaker of all orders.
            assert [await get("orders", value) for value in range(20)] == [503] * 20
            assert [await get("users", value) for value in range(3)] == [200] * 3
            with pytest.raises(Exception, match=r".") as refused:
                await get("orders", 20)
            assert "circuit-open" in unruffled.explain(refused.value)
            assert await get("users", 3) == 200

    with Wire(paths={"/orders/": BUSY}) as wire:
        anyio.run(work)
        assert len(wire.seen) == 24
