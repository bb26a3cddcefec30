"""Fixtures of more than one file."""

from __future__ import annotations

import httpx
import httpx2
import pytest

from .sides import Side


@pytest.fixture(params=[httpx2, httpx], ids=["httpx2", "httpx"])
def side(request: pytest.FixtureRequest) -> Side:
    """A test that takes it is run for both families."""
    return Side(request.param)
