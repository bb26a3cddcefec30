"""The headers that prove the retry of an SDK. The core's settings have their list."""

from __future__ import annotations

from pathlib import Path

import pytest

import unruffled
from unruffled._core import boundary
from unruffled._driver.engine import Engine
from unruffled._http.stacked import RetryCounts

SETTINGS = Engine("{}").settings
COUNTS = RetryCounts(SETTINGS["retryCounts"])


@pytest.mark.parametrize("name", SETTINGS["retryCounts"])
def test_the_least_number_of_each_header_proves_a_retry(name: str) -> None:
    least = SETTINGS["retryCounts"][name]
    assert COUNTS.prove_retry({name.encode(): str(least).encode()})
    assert not COUNTS.prove_retry({name.encode(): str(least - 1).encode()})


@pytest.mark.parametrize(
    ("value", "proves"),
    [
        (b"attempt=2; max=3", True),
        (b"attempt=1; max=3", False),
        (b"attempt=002", True),
        (b"attempt=0002", True),
        (b"9" * 5000, True),
        (b"0" * 5000 + b"1", False),
        (b"0" * 5000 + b"2", True),
        (b"attempt", False),
        (b"", False),
        ("attempt=\u0662".encode(), False),
    ],
)
def test_a_headers_number_is_its_first_run_of_digits(value: bytes, proves: bool) -> None:
    assert RetryCounts({"count": 2}).prove_retry({b"count": value}) is proves


def test_one_of_several_headers_is_enough_and_others_prove_nothing() -> None:
    first, second, *_ = (name.encode() for name in SETTINGS["retryCounts"])
    assert COUNTS.prove_retry({first: b"0", second: b"5"})
    assert not COUNTS.prove_retry({first: b"0", b"retry-after": b"5"})


def test_the_package_holds_no_list_of_its_own() -> None:
    # These two have a use of their own: the client's credentials, and cookies.
    secrets = set(SETTINGS["secretHeaders"]) - {"authorization", "cookie"}
    words = [*SETTINGS["retryCounts"], *secrets, SETTINGS["streamType"]]
    folder = Path(unruffled.__file__).parent
    sources = [file for file in folder.rglob("*.py") if "_native" not in file.parts]
    assert Path(boundary.__file__) in sources
    assert [(file.name, word) for file in sources for word in words if word in file.read_text("utf-8").lower()] == []
