"""`unruffled.httpx` beside `unruffled.httpx2`: their imports, and that their classes do not mix."""

from __future__ import annotations

import subprocess
import sys

import httpx
import httpx2
import pytest

import unruffled

from ..servers.wire import BUSY, Wire


def ran(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_the_adapters_are_imported_at_their_first_use() -> None:
    done = ran(
        "import sys, unruffled\n"
        "clients = ('httpx', 'requests', 'aiohttp')\n"
        "assert not any(name in sys.modules or f'unruffled.{name}' in sys.modules for name in clients)\n"
        "assert 'unruffled.httpx2' not in sys.modules\n"
        "unruffled.httpx2.Transport({})\n"
        "assert not any(name in sys.modules for name in clients)\n"
        "unruffled.httpx.AsyncTransport({})\n"
        "assert not any(name in sys.modules for name in clients[1:])\n"
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_without_httpx_the_error_names_what_to_install() -> None:
    done = ran("import sys, unruffled\nsys.modules['httpx'] = None\nunruffled.httpx.Transport({})")
    assert "ImportError: unruffled.httpx needs httpx: pip install httpx" in done.stderr


def test_a_name_that_is_none_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="no attribute 'urllib3'"):
        unruffled.urllib3  # type: ignore[attr-defined]  # noqa: B018


def test_the_clients_are_of_their_family() -> None:
    with unruffled.httpx.client({}) as old, unruffled.httpx2.client({}) as new:
        assert (isinstance(old, httpx.Client), isinstance(old, httpx2.Client)) == (True, False)
        assert (isinstance(new, httpx2.Client), isinstance(new, httpx.Client)) == (True, False)


def test_a_transport_can_be_wrapped_and_wraps_another() -> None:
    class Counting(httpx.BaseTransport):
        def __init__(self, inner: httpx.BaseTransport) -> None:
            self.inner = inner
            self.count = 0

        def handle_request(self, request: httpx.Request) -> httpx.Response:
            self.count += 1
            return self.inner.handle_request(request)

        def close(self) -> None:
            self.inner.close()

    beneath = Counting(httpx.HTTPTransport())
    above = Counting(unruffled.httpx.Transport({"retry": {"base": "5ms"}}, beneath))
    with Wire([BUSY]) as wire, httpx.Client(transport=above) as http:
        assert http.get(wire.base).status_code == 200
    assert (above.count, beneath.count) == (1, 2)
