"""Ids and keys: UUIDs of the system's randomness, drawn in stock and never twice."""

from __future__ import annotations

import os
import threading
import uuid

import pytest

from unruffled._driver import call as _job
from unruffled._driver.call import make_uuid


def test_an_id_is_a_uuid_of_version_4() -> None:
    for _ in range(300):
        made = uuid.UUID(make_uuid().decode())
        assert (made.version, made.variant) == (4, uuid.RFC_4122)


def test_the_system_is_not_asked_for_each_id(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each time it is asked the GIL is let go, and a busy thread takes it for 5 ms."""
    asked: list[int] = []
    inner = os.urandom

    def counted(size: int) -> bytes:
        asked.append(size)
        return inner(size)

    monkeypatch.setattr(os, "urandom", counted)
    for _ in range(2560):
        make_uuid()
    assert len(asked) <= 2 * 11


def test_threads_never_get_the_same_id() -> None:
    made: list[bytes] = []

    def work() -> None:
        made.extend([make_uuid() for _ in range(5000)])

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == len(made) == 40_000


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform does not fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_forked_child_draws_ids_of_its_own() -> None:
    make_uuid()
    assert _job._RANDOM
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, b"".join(make_uuid() for _ in range(20)))
        os._exit(0)
    os.waitpid(child, 0)
    theirs = os.read(read, 36 * 20).decode()
    os.close(read)
    os.close(write)
    assert {theirs[at : at + 36] for at in range(0, len(theirs), 36)}.isdisjoint(
        {make_uuid().decode() for _ in range(400)}
    )
