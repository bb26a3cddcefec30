"""slack_sdk: an `AsyncWebClient` with our aiohttp session.

Its synchronous `WebClient` opens urls by urllib itself and has no place for a transport: nothing can be put under it.
"""

from __future__ import annotations

from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from . import aiohttp_session
from .client import AsyncClient, Kind, Setup, WrongError


class Slack(AsyncClient):
    family_of = staticmethod(aiohttp_session.family_of)

    def __init__(self, setup: Setup) -> None:
        self.session: aiohttp.ClientSession | None = None
        options: dict[str, Any] = {}
        if setup.policy is not None:
            self.session = options["session"] = aiohttp_session.session_of(setup)
            options["retry_handlers"] = []
        elif setup.timeout is not None:
            options["timeout"] = setup.timeout
        self.client = AsyncWebClient(setup.token, base_url=setup.base, **options)

    async def read(self) -> int:
        return self._right(await self.client.api_call("thing", http_verb="GET"))

    async def write(self, op: str) -> int:
        return self._right(await self.client.api_call("thing", json={"op": op}))

    def _right(self, answer: Any) -> int:
        if answer["id"] != "r1":
            raise WrongError("the answer is not the server's")
        return 200

    def renew(self, token: str) -> None:
        self.client.token = token

    async def close(self) -> None:
        if self.session is not None:
            await self.session.close()

    @staticmethod
    def status_of(error: BaseException) -> int | None:
        if isinstance(error, SlackApiError):
            response = error.response
            return int(response.status_code if hasattr(response, "status_code") else response.status)
        return None


CLIENTS = [Kind("slack-async", "unruffled.aiohttp.middleware", "slack_sdk", Slack)]
