"""Plays a scenario with `unruffled.Client`: calls at once are threads."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any

import httpx2

import unruffled

from .acts import Credentials, answer_of, failure_of, options_of, request_of, target_of

Result = dict[str, Any]


class SyncPlay:
    """A player of one scenario."""

    runtime = "python-sync"

    def __init__(self, scenario: dict[str, Any], base: str) -> None:
        items = scenario.get("credentials")
        self.credentials = Credentials(items) if items else None
        policy = {**scenario.get("policy", {}), "baseUrl": base}
        self.base = base
        #: A client of httpx2 with a drop-in under it, for the scenarios of drop-ins.
        self.under: httpx2.Client | None = None
        if scenario.get("client") == "dropin":
            self.under = unruffled.httpx2.client(policy, trust_env=False)
        self.client = unruffled.Client(
            policy,
            credentials=self._token if items else None,
            correlation_id=(lambda: scenario["correlation"]) if "correlation" in scenario else None,
            trust_env=False,
        )

    def _token(self) -> str | unruffled.Token:
        assert self.credentials is not None
        delay, item = self.credentials.next()
        time.sleep(delay)
        return self.credentials.given(item)

    def close(self) -> None:
        if self.under is not None:
            self.under.close()
        self.client.close()

    def play(self, act: dict[str, Any]) -> Result:
        """Returns the result of one action."""
        start = time.monotonic()
        if "pause" in act:
            time.sleep(act["pause"] / 1000)
            return {}
        if "close" in act:
            self.client.close()
            return {}
        if "together" not in act:
            return self.call(act, 0, start)
        count = act["together"]
        width = act.get("width", count)
        with ThreadPoolExecutor(width) as pool:
            calls = []
            for number in range(count):
                due = start + number * act.get("every", 0) / 1000
                time.sleep(max(0.0, due - time.monotonic()))
                calls.append(pool.submit(self.call, act, number, start))
            return {"calls": [call.result() for call in calls]}

    def call(self, act: dict[str, Any], number: int, since: float) -> Result:
        """Returns the result of one call."""
        start = time.monotonic()
        result: Result = {"start": (start - since) * 1000}
        timers = []
        if "closeAfter" in act:
            timers.append(_later(act["closeAfter"], self.client.close))
        if "cancelAfter" in act:
            # A thread's only cancellation is the main thread's KeyboardInterrupt.
            main = threading.main_thread().ident
            assert main is not None
            timers.append(_later(act["cancelAfter"], lambda: signal.pthread_kill(main, signal.SIGINT)))
        try:
            result |= self._read(act, number, start)
        except KeyboardInterrupt:
            result |= {"error": "cancelled", "name": "KeyboardInterrupt", "text": ""}
        except Exception as error:
            result |= failure_of(error)
        result.setdefault("ms", (time.monotonic() - start) * 1000)
        for timer in timers:
            timer.cancel()
        return result

    def _read(self, act: dict[str, Any], number: int, start: float) -> Result:
        if self.under is not None:
            method, url, given = request_of(act, number, self.base)
            if not act.get("stream"):
                return answer_of(act, self.under.request(method, url, **given))
            return self._streamed(self.under.stream(method, url, **given), start)
        method, path = target_of(act)
        options = options_of(act, number)
        if not act.get("stream"):
            return answer_of(act, self.client.request(method, path, **options))
        return self._streamed(self.client.stream(method, path, **options), start)

    def _streamed(self, stream: AbstractContextManager[httpx2.Response], start: float) -> Result:
        with stream as response:
            result: Result = {"status": response.status_code, "ms": (time.monotonic() - start) * 1000}
            try:
                result["bytes"] = sum(len(piece) for piece in response.iter_bytes())
                result["readMs"] = (time.monotonic() - start) * 1000
            except Exception:
                result["broke"] = (time.monotonic() - start) * 1000
            return result


def _later(ms: float, work: Callable[[], object]) -> threading.Timer:
    timer = threading.Timer(ms / 1000, work)
    timer.daemon = True
    timer.start()
    return timer
