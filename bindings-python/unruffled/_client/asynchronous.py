"""The asynchronous host: an `httpx2.AsyncClient` and the loop it belongs to, asyncio's or trio's."""

from __future__ import annotations

import inspect
import math
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import cast

import httpx2

from .._core import codes, step_word
from .._driver.call import NO_LIMIT, limit_of
from .._driver.credentials import FIRST, Credential, CredentialsFailedError, Given, Need, need_of
from .._driver.engine import Engine
from .._driver.nested import NESTED
from .._driver.pauses import Loop, TaskPauses
from .._driver.time import TIME
from .._http.faults import TooLargeError
from .._http.pool import idle, is_foreign, pools
from .._http.stale import ended_h2, over_h2
from .._http.variant import HTTPX2
from .call import VerbCall
from .endings import Verbs


class AsyncHost(Verbs, TaskPauses):
    """A host that sends by an `httpx2.AsyncClient`, within one loop."""

    loop: Loop

    def __init__(self, http: httpx2.AsyncClient, loop: Loop) -> None:
        """Takes the client, and the loop that it is used in."""
        self.http = http
        self.loop = loop
        self.foreign = is_foreign(http)
        self.follows = http.follow_redirects
        self.over_h2 = over_h2(pools(http))

    async def attempt(self, call: VerbCall, word: int) -> httpx2.Response:
        """Sends the call once. Reads the body of a status below 400 unless the call is streamed."""
        at = limit_of(word, call)
        route = call.route
        left = None if at is None else (word >> step_word.ARG) / 1000
        # The attempt's limit ends reading and writing. Only a shorter one needs a limit of its own.
        call.timeouts = {
            "connect": route.connect if left is None or route.connect < left else None,
            "read": None,
            "write": None,
            "pool": None,
        }
        call.reading = False
        call.pieces = None
        token = None
        if word & codes.TOKEN:
            if word & codes.RENEW:
                self._renew(call)
            token = await self._token(call)
        call.limit = limit = NO_LIMIT if at is None else self.loop.limit(at)
        with limit:
            if word & codes.FRESH:
                for connection in idle(pools(self.http)):
                    await connection.aclose()
            if self.over_h2:
                for connection in ended_h2(self.over_h2):
                    await connection.aclose()
            request = call.request(word, token)
            if self.follows:
                call.sent = request
            if self.foreign:
                response = await self._marked(call, request)
            else:
                response = await self.http.send(request, stream=True)
            if response.status_code >= 400:
                return response
            if call.streamed:
                # httpcore2 reads this as the body's first piece is asked for.
                call.timeouts["read"] = route.idle
                HTTPX2.check(response)
                return response
            call.reading = True
            try:
                await self._whole(call, response)
            except BaseException:
                await response.aclose()
                raise
        return response

    async def _marked(self, call: VerbCall, request: httpx2.Request) -> httpx2.Response:
        mark = NESTED.set(call.limit_at)
        try:
            return await self.http.send(request, stream=True)
        finally:
            NESTED.reset(mark)

    async def _token(self, call: VerbCall) -> bytes:
        credential = call.credential
        assert credential is not None
        if call.token is not None:
            token, call.token = call.token, None
            return token
        if credential.retained is not None:
            return credential.retained
        try:
            # The token is for this attempt alone, and so is the time.
            return credential.read(await self._fetch(call, credential, FIRST, call.limit_at))[0]
        except Exception as error:
            raise CredentialsFailedError from error

    async def _fetch(self, call: VerbCall, credential: Credential, need: Need, ends: float = math.inf) -> Given:
        """Fetches a token, for at most as long as an attempt of the route may last, and until `ends`.

        This call's deadline does not count, since other calls wait for the token, too.
        """
        given = credential.ask(need)
        if inspect.isawaitable(given):
            with self.loop.limit(min(ends, TIME.monotonic() + call.route.attempt)):
                return await given
        return given

    async def _whole(self, call: VerbCall, response: httpx2.Response) -> None:
        most = call.route.max_body
        parts: list[bytes] = []
        size = 0
        async with aclosing(response.aiter_bytes()) as pieces:
            async for part in pieces:
                parts.append(part)
                size += len(part)
                if size > most:
                    raise TooLargeError(f"the body is larger than maxBody ({most} bytes)")
        HTTPX2.end(response)
        response._content = b"".join(parts)

    async def _fill(self, call: VerbCall, response: httpx2.Response, most: int, at: float) -> list[bytes]:
        """Reads further pieces of the body until there are `most` bytes or it ends. Raises TimeoutError at `at`."""
        if call.pieces is None:
            call.pieces = (response.aiter_bytes(), [])
        pieces: AsyncGenerator[bytes]
        parts: list[bytes]
        pieces, parts = call.pieces
        size = sum(map(len, parts))
        with NO_LIMIT if at == math.inf else self.loop.limit(at):
            while size < most:
                part = await anext(pieces, None)
                if part is None:
                    break
                parts.append(part)
                size += len(part)
        return parts

    async def read_prefix(self, call: VerbCall, most: int, until: int | None) -> bytes:
        """Reads the first bytes of the last response's body. Returns the bytes so far if it breaks off."""
        response = cast(httpx2.Response, call.response)
        if hasattr(response, "_content"):
            return response.content[:most]
        at = call.limit_at
        if until is not None:
            at = min(at, TIME.monotonic() + max(0, until - call.engine.now()) / 1000)
        try:
            await self._fill(call, response, most, at)
        except httpx2.DecodingError:
            # The status is known, although its body cannot be read.
            call.pieces[1].clear()
        except (httpx2.HTTPError, TimeoutError):
            # The bytes so far are in the pieces.
            pass
        except BaseException:
            await self._close_body(call, response)
            raise
        return b"".join(call.pieces[1])[:most]

    async def retain(self, call: VerbCall, until: int | None) -> None:
        """Retains at most 64 KiB of the last response's body and closes it."""
        response = cast(httpx2.Response, call.response)
        try:
            response._content = await self.read_prefix(call, step_word.MOST_RETAINED, until)
        finally:
            await self._close_body(call, response)

    async def read(self, call: VerbCall) -> None:
        """Reads the rest of the last response's body. Raises as httpx2 does, and retains the bytes so far."""
        response = cast(httpx2.Response, call.response)
        if hasattr(response, "_content"):
            return
        most = call.route.max_body
        try:
            parts = await self._fill(call, response, most + 1, call.limit_at)
            if sum(map(len, parts)) > most:
                raise TooLargeError(f"the body is larger than maxBody ({most} bytes)")
        except TimeoutError as error:
            raise httpx2.ReadTimeout("the attempt's time is up", request=response.request) from error
        finally:
            response._content = b"".join(call.pieces[1])[:most]
            await self._close_body(call, response)

    async def _close_body(self, call: VerbCall, response: httpx2.Response) -> None:
        try:
            if call.pieces is not None:
                pieces, call.pieces = call.pieces[0], None
                await pieces.aclose()
        finally:
            await response.aclose()

    async def close_when_idle(self, engine: Engine) -> None:
        """Closes the connections of a closed client once nothing is in flight."""
        while engine.busy():
            await self.loop.pause().wait(0.01)
        await self.http.aclose()

    async def refresh(self, engine: Engine, call: VerbCall, number: int, word: int) -> None:
        """Fetches a token in a task that outlives the call. The call waits in the credential queue like the others."""
        self.loop.spawn(self._refreshed(engine, call, word))

    def _renew(self, call: VerbCall) -> None:
        """Fetches the next token beside this call, if no other call does so."""
        word = call.engine.renew(call.scope)
        if word & step_word.KIND == codes.REFRESH:
            self.loop.spawn(self._refreshed(call.engine, call, word))

    async def _refreshed(self, engine: Engine, call: VerbCall, word: int) -> None:
        generation = word >> step_word.ARG
        credential = call.credential
        assert credential is not None
        try:
            token, lives = credential.read(await self._fetch(call, credential, need_of(word)))
        except Exception as error:
            credential.error = error
            engine.token_failed(generation, codes.LOST)
        except BaseException:
            engine.token_failed(generation, codes.CANCELLED)
            raise
        else:
            if credential.fetched(engine, word, token, lives) and not lives:
                call.token = token
