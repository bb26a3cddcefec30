"""requests: a `Session` with `unruffled.requests.Adapter(policy)` mounted."""

from __future__ import annotations

from collections.abc import Iterator

import requests

from .client import Family, Kind, Setup, SyncClient, sound


def family_of(error: BaseException) -> Family:
    # ConnectTimeout is both: who tests for Timeout first sees that.
    if isinstance(error, requests.Timeout):
        return "timeout"
    return "connection" if isinstance(error, requests.ConnectionError) else "other"


def session_of(setup: Setup) -> requests.Session:
    """A session; in mode unruffled with our adapter mounted."""
    session = requests.Session()
    session.trust_env = False
    if setup.policy is not None:
        import unruffled.requests

        session.mount("http://", unruffled.requests.Adapter(setup.policy))
    return session


class Sync(SyncClient):
    family_of = staticmethod(family_of)

    def __init__(self, setup: Setup) -> None:
        self.base = setup.base
        self.timeout = setup.timeout
        self.session = session_of(setup)
        self.renew(setup.token)

    def read(self) -> int:
        return self._status(self.session.get(f"{self.base}/thing", timeout=self.timeout))

    def write(self, op: str) -> int:
        return self._status(self.session.post(f"{self.base}/thing", json={"op": op}, timeout=self.timeout))

    def stream(self) -> Iterator[int]:
        with self.session.get(f"{self.base}/events", stream=True, timeout=self.timeout) as response:
            yield response.status_code
            yield from map(len, response.iter_content(None))

    def _status(self, response: requests.Response) -> int:
        return sound(response.status_code, response.status_code < 400 and response.json().get("id") == "r1")

    def renew(self, token: str) -> None:
        self.session.headers["Authorization"] = f"Bearer {token}"

    def close(self) -> None:
        self.session.close()


CLIENTS = [Kind("requests", "unruffled.requests.Adapter", "requests", Sync)]
