"""Views for other users: each has a name of its own, and the core forgets it with the view and its last call."""

from __future__ import annotations

import gc
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2

import unruffled
from unruffled._core import codes, step_word

from ..servers.wire import OK, Wire, reply

VIEWS = 200_000


def scopes(client: unruffled.Client) -> dict[str, int]:
    return client._live().engine._scopes


def test_many_views_take_no_more_room_than_one() -> None:
    with Wire() as wire, unruffled.Client(wire.base, trust_env=False) as client:
        engine = client._live().engine
        highest = 0
        for i in range(VIEWS):
            view = client.as_(lambda i=i: unruffled.Token(f"t{i}"))
            assert view._credential is not None
            highest = max(highest, engine.scope(view._credential.name))
            if i % (VIEWS // 100) == 0:
                view.get("/a")
                assert wire.seen[-1].headers["authorization"] == f"Bearer t{i}"
        assert highest <= 2
        del view
        gc.collect()
        assert scopes(client) == {}
        assert len(wire.seen) == 100


def test_a_name_is_never_given_twice() -> None:
    with unruffled.Client("https://api.example.com") as client:
        names = []
        for _ in range(100):
            credential = client.as_(lambda: "t")._credential
            assert credential is not None
            names.append(credential.name)
        assert len(set(names)) == 100


def test_a_view_dropped_while_its_call_lives_keeps_its_name_until_the_call_is_over() -> None:
    answered, arrived = threading.Event(), threading.Event()

    def slow(connection: Any) -> None:
        arrived.set()
        answered.wait(10)
        connection.sendall(OK)

    with Wire([slow]) as wire, unruffled.Client(wire.base, trust_env=False) as client, ThreadPoolExecutor(1) as pool:
        view: unruffled.Client | None = client.as_(lambda: unruffled.Token("ann"))
        assert view is not None
        under_way = pool.submit(view.get, "/a")
        assert arrived.wait(10)
        (own,) = scopes(client)
        assert view._credential is not None
        assert view._credential.name == own
        view = None
        gc.collect()
        assert list(scopes(client)) == [own], "its call is under way"
        bob = client.as_(lambda: unruffled.Token("bob"))
        assert bob.get("/b").status_code == 200, "it does not wait for the other's call"
        answered.set()
        assert under_way.result(10).status_code == 200
        del under_way
        gc.collect()
        assert own not in scopes(client)
        assert [seen.headers["authorization"] for seen in wire.seen] == ["Bearer ann", "Bearer bob"]


def test_a_new_view_is_asked_for_its_own_credential() -> None:
    asked: list[str] = []

    def user(name: str) -> Any:
        def ask() -> unruffled.Token:
            asked.append(name)
            return unruffled.Token(f"{name}{asked.count(name)}")

        return ask

    with Wire([OK, OK, reply(401), OK]) as wire, unruffled.Client(wire.base, trust_env=False) as client:
        client.as_(user("ann")).get("/a")
        gc.collect()
        bob = client.as_(user("bob"))
        bob.get("/b")
        # Refused once: the state of the one before would deliver it.
        bob.get("/c")
        assert asked == ["ann", "bob", "bob"]
        assert [seen.headers["authorization"] for seen in wire.seen] == [
            "Bearer ann1",
            "Bearer bob1",
            "Bearer bob1",
            "Bearer bob2",
        ]


def test_the_core_knows_a_freed_scope_no_more() -> None:
    transport = httpx2.MockTransport(lambda request: httpx2.Response(200))
    with unruffled.Client("https://api.example.com", transport=transport) as client:
        view = client.as_(lambda: "t")
        view.get("/a")
        engine = client._live().engine
        assert view._credential is not None
        number = engine.scope(view._credential.name)
        del view
        gc.collect()
        word = engine.begin(engine.handle, 7, engine.now(), 0, number, codes.CREDENTIALS | codes.REPEATABLE, 0)
        assert (word & step_word.KIND, codes.MISUSES[word >> step_word.ARG]) == (codes.MISUSE, "unknown")
