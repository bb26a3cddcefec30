"""supabase: `httpx_client=unruffled.httpx.client(policy)` in the options, `postgrest_client_retry=False`."""

from __future__ import annotations

from typing import Any

import httpx
import supabase
from postgrest.exceptions import APIError
from supabase.lib.client_options import AsyncClientOptions, SyncClientOptions

from .client import AsyncClient, Family, Kind, Setup, SyncClient, sound


def status_of(error: BaseException) -> int | None:
    # What a gateway answered that is not PostgREST: its status stands in the place of an error code.
    return int(error.code) if isinstance(error, APIError) and error.code and error.code.isdigit() else None


def family_of(error: BaseException) -> Family:
    if isinstance(error, httpx.TimeoutException):
        return "timeout"
    return "connection" if isinstance(error, httpx.TransportError) else "other"


def options_of(setup: Setup) -> dict[str, Any]:
    """What both clients are made with when they are bare."""
    return {} if setup.timeout is None else {"postgrest_client_timeout": httpx.Timeout(setup.timeout)}


class Sync(SyncClient):
    status_of = staticmethod(status_of)
    family_of = staticmethod(family_of)

    def __init__(self, setup: Setup) -> None:
        if setup.policy is None:
            options = SyncClientOptions(**options_of(setup))
        else:
            import unruffled

            http = unruffled.httpx.client(setup.policy)
            options = SyncClientOptions(httpx_client=http, postgrest_client_retry=False)
        self.supabase = supabase.create_client(setup.base, "key", options)
        self.renew(setup.token)

    def read(self) -> int:
        return sound(200, self.supabase.table("things").select("*").execute().data["id"] == "r1")  # type: ignore[call-overload]

    def write(self, op: str) -> int:
        return sound(200, self.supabase.table("things").insert({"op": op}).execute().data["id"] == "r1")  # type: ignore[call-overload]

    def renew(self, token: str) -> None:
        self.supabase.postgrest.auth(token)

    def close(self) -> None:
        self.supabase.postgrest.session.close()


class Async(AsyncClient):
    status_of = staticmethod(status_of)
    family_of = staticmethod(family_of)

    def __init__(self, setup: Setup) -> None:
        if setup.policy is None:
            options = AsyncClientOptions(**options_of(setup))
        else:
            import unruffled

            http = unruffled.httpx.async_client(setup.policy)
            options = AsyncClientOptions(httpx_client=http, postgrest_client_retry=False)
        self.supabase = supabase.AsyncClient(setup.base, "key", options)
        self.renew(setup.token)

    async def read(self) -> int:
        answer = await self.supabase.table("things").select("*").execute()
        return sound(200, answer.data["id"] == "r1")  # type: ignore[call-overload]

    async def write(self, op: str) -> int:
        answer = await self.supabase.table("things").insert({"op": op}).execute()
        return sound(200, answer.data["id"] == "r1")  # type: ignore[call-overload]

    def renew(self, token: str) -> None:
        self.supabase.postgrest.auth(token)

    async def close(self) -> None:
        await self.supabase.postgrest.aclose()


CLIENTS = [
    Kind("supabase", "unruffled.httpx.client", "supabase", Sync),
    Kind("supabase-async", "unruffled.httpx.async_client", "supabase", Async),
]
