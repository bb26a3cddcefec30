"""One line under an aiohttp session: its requests are retried, paced and given up as the policy says.

pip install aiohttp unruffled
API_URL=https://api.example.com python aiohttp_session.py
"""

import asyncio
import os

import aiohttp

import unruffled

POLICY = {
    "baseUrl": {"env": "API_URL"},
    "timeouts": {"attempt": "10s"},
    "idempotency": {"header": "Idempotency-Key"},
}


async def main() -> None:
    middleware = unruffled.aiohttp.middleware(POLICY)
    # The time for a whole call: attempts and waits.
    limits = aiohttp.ClientTimeout(total=60)
    async with (
        aiohttp.ClientSession(middlewares=[middleware], timeout=limits, raise_for_status=True) as session,
        session.get(f"{os.environ['API_URL']}/orders/7") as response,
    ):
        print(await response.json())
        print(unruffled.explain(response))


asyncio.run(main())
