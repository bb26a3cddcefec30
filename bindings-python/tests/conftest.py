"""Fixtures of more than one file."""

from __future__ import annotations

import signal

import httpx
import httpx2
import pytest

from .play.sides import Side

# A program that was started in the background ignores interrupts; here they are how a thread is cancelled.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(params=[httpx2, httpx], ids=["httpx2", "httpx"])
def side(request: pytest.FixtureRequest) -> Side:
    """Runs a test once for httpx2 and once for httpx."""
    return Side(request.param)
