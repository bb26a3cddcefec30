"""The synchronous host: an `httpx2.Client`, the calling thread, its clock. Nothing here ever suspends."""

from __future__ import annotations

import contextvars
import math
import threading
from collections.abc import Iterator
from typing import cast

import httpx2

from .._core import codes, step_word
from .._driver.call import NO_LIMIT, limit_of
from .._driver.credentials import FIRST, Credential, CredentialsFailedError, Given, Need, need_of
from .._driver.deadline import THREAD_DEADLINE
from .._driver.engine import Engine
from .._driver.nested import NESTED
from .._driver.pauses import ThreadPauses
from .._driver.time import TIME
from .._http.faults import TooLargeError
from .._http.pool import clip, idle, is_foreign, pools
from .._http.stale import ended_h2, over_h2
from .._http.variant import HTTPX2
from .call import VerbCall
from .endings import Verbs


class SyncHost(Verbs, ThreadPauses):
    """A host that sends by an `httpx2.Client`, for any number of threads at a time."""

    def __init__(self, http: httpx2.Client) -> None:
        """Clips the client's connections to the thread's deadline, where its pool allows that."""
        self.http = http
        self.foreign = is_foreign(http)
        self.follows = http.follow_redirects
        self.clipped = clip(pools(http))
        self.over_h2 = over_h2(pools(http))

    async def attempt(self, call: VerbCall, word: int) -> httpx2.Response:
        """Sends the call once. Reads the body of a status below 400 unless the call is streamed."""
        at = limit_of(word, call)
        route = call.route
        left = None if at is None else (word >> step_word.ARG) / 1000
        token = None
        if word & codes.TOKEN:
            if word & codes.RENEW:
                self._renew(call)
            token = self._token(call)
        wait = None if self.clipped else left
        call.timeouts = {
            "connect": route.connect if left is None or route.connect < left else left,
            "read": wait,
            "write": wait,
            "pool": left,
        }
        call.reading = False
        call.pieces = None
        if word & codes.FRESH:
            for connection in idle(pools(self.http)):
                connection.close()
        if self.over_h2:
            for connection in ended_h2(self.over_h2):
                connection.close()
        before = THREAD_DEADLINE.at
        # An outer client's attempt, which this client is the transport of, must not end later for this one.
        THREAD_DEADLINE.at = at if before is None or (at is not None and at < before) else before
        mark = NESTED.set(call.limit_at) if self.foreign else None
        call.limit = THREAD_DEADLINE if before is None else NO_LIMIT
        try:
            request = call.request(word, token)
            if self.follows:
                call.sent = request
            response = self.http.send(request, stream=True)
            if response.status_code >= 400:
                return response
            if call.streamed:
                # httpcore2 reads this as the body's first piece is asked for.
                call.timeouts["read"] = route.idle
                HTTPX2.check(response)
                return response
            call.reading = True
            try:
                self._whole(call, response)
            except BaseException:
                response.close()
                raise
            return response
        finally:
            THREAD_DEADLINE.at = before
            if mark is not None:
                NESTED.reset(mark)

    def _token(self, call: VerbCall) -> bytes:
        credential = call.credential
        assert credential is not None
        if call.token is not None:
            token, call.token = call.token, None
            return token
        if credential.retained is not None:
            return credential.retained
        try:
            # The token is for this attempt alone, and so is the time.
            return credential.read(self._fetch(call, credential, FIRST, call.limit_at))[0]
        except Exception as error:
            raise CredentialsFailedError from error

    def _fetch(self, call: VerbCall, credential: Credential, need: Need, ends: float = math.inf) -> Given:
        """Fetches a token, for at most as long as an attempt of the route may last, and until `ends`.

        This call's deadline does not count, since other calls wait for the token, too.
        """
        at = min(ends, TIME.monotonic() + call.route.attempt)
        before = THREAD_DEADLINE.at
        return credential.ask_within(need, at if before is None or at < before else before)

    def _whole(self, call: VerbCall, response: httpx2.Response) -> None:
        most = call.route.max_body
        parts: list[bytes] = []
        size = 0
        # In a variable, so that an exception's traceback holds it. When collected it closes the response, and an
        # interrupt that arrives there is lost.
        pieces = response.iter_bytes()
        for part in pieces:
            parts.append(part)
            size += len(part)
            if size > most:
                raise TooLargeError(f"the body is larger than maxBody ({most} bytes)")
            if not self.clipped and TIME.monotonic() > call.limit_at:
                raise httpx2.ReadTimeout("the attempt's time is up", request=response.request)
        HTTPX2.end(response)
        response._content = b"".join(parts)

    def _fill(self, call: VerbCall, response: httpx2.Response, most: int, at: float) -> list[bytes]:
        """Reads further pieces of the body until there are `most` bytes or it ends. Raises ReadTimeout at `at`."""
        if call.pieces is None:
            call.pieces = (response.iter_bytes(), [])
        pieces: Iterator[bytes]
        parts: list[bytes]
        pieces, parts = call.pieces
        size = sum(map(len, parts))
        before = THREAD_DEADLINE.at
        THREAD_DEADLINE.at = None if at == math.inf else at
        try:
            while size < most:
                if TIME.monotonic() >= at:
                    raise httpx2.ReadTimeout("the attempt's time is up", request=response.request)
                part = next(pieces, None)
                if part is None:
                    break
                parts.append(part)
                size += len(part)
        finally:
            THREAD_DEADLINE.at = before
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
            self._fill(call, response, most, at)
        except httpx2.DecodingError:
            # The status is known, although its body cannot be read.
            call.pieces[1].clear()
        except httpx2.HTTPError:
            # The bytes so far are in the pieces.
            pass
        except BaseException:
            self._close_body(call, response)
            raise
        return b"".join(call.pieces[1])[:most]

    async def retain(self, call: VerbCall, until: int | None) -> None:
        """Retains at most 64 KiB of the last response's body and closes it."""
        response = cast(httpx2.Response, call.response)
        try:
            response._content = await self.read_prefix(call, step_word.MOST_RETAINED, until)
        finally:
            self._close_body(call, response)

    async def read(self, call: VerbCall) -> None:
        """Reads the rest of the last response's body. Raises as httpx2 does, and retains the bytes so far."""
        response = cast(httpx2.Response, call.response)
        if hasattr(response, "_content"):
            return
        most = call.route.max_body
        try:
            parts = self._fill(call, response, most + 1, call.limit_at)
            if sum(map(len, parts)) > most:
                raise TooLargeError(f"the body is larger than maxBody ({most} bytes)")
        finally:
            response._content = b"".join(call.pieces[1])[:most]
            self._close_body(call, response)

    @staticmethod
    def _close_body(call: VerbCall, response: httpx2.Response) -> None:
        # First: when collected the pieces close it, and an interrupt that arrives there is lost.
        try:
            response.close()
        finally:
            call.pieces = None

    async def refresh(self, engine: Engine, call: VerbCall, number: int, word: int) -> None:
        """Fetches a token in the calling thread, and wakes the other calls that wait for it."""
        self._refresh(engine, call, word)
        engine.waiting.forget(number)

    def _renew(self, call: VerbCall) -> None:
        """Fetches the next token in a thread beside this call, if no other call does so."""
        word = call.engine.renew(call.scope)
        if word & step_word.KIND != codes.REFRESH:
            return
        run = contextvars.copy_context().run
        arguments = (self._refresh, call.engine, call, word)
        try:
            threading.Thread(target=run, args=arguments, name="unruffled-renewal", daemon=True).start()
        except RuntimeError:
            # There are no more threads, or none at all: calls wait when the token is near its end.
            call.engine.token_failed(word >> step_word.ARG, codes.CANCELLED)

    def _refresh(self, engine: Engine, call: VerbCall, word: int) -> None:
        credential = call.credential
        assert credential is not None
        try:
            token, lives = credential.read(self._fetch(call, credential, need_of(word)))
        except Exception as error:
            credential.error = error
            engine.token_failed(word >> step_word.ARG, codes.LOST)
        except BaseException:
            # The caller was interrupted. Another call fetches the token.
            engine.token_failed(word >> step_word.ARG, codes.CANCELLED)
            raise
        else:
            if credential.fetched(engine, word, token, lives) and not lives:
                call.token = token
