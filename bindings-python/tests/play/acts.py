"""Scenarios' actions as arguments of the package, and calls' results in the scenarios' words."""

from __future__ import annotations

import contextlib
import json
import threading
import time
import urllib.parse
from typing import Any

import httpx2

import unruffled


def filled(value: Any, number: int) -> Any:
    """Replaces `$i` in every text by the call's number within its action."""
    if isinstance(value, str):
        return value.replace("$i", str(number))
    if isinstance(value, list):
        return [filled(item, number) for item in value]
    if isinstance(value, dict):
        return {name: filled(item, number) for name, item in value.items()}
    return value


def target_of(act: dict[str, Any]) -> tuple[str, str]:
    """Returns method and path template."""
    method, _, path = act["call"].partition(" ")
    return method, path


def options_of(act: dict[str, Any], number: int) -> dict[str, Any]:
    """Returns the keyword arguments of a verb."""
    act = filled(act, number)
    options: dict[str, Any] = {name: act[name] for name in ("path", "query", "headers", "json") if name in act}
    if "body" in act:
        options["content"] = act["body"]
    if "upload" in act:
        options["content"] = b"x" * act["upload"]
    if "key" in act:
        options["idempotency_key"] = act["key"]
    if "deadline" in act:
        options["deadline"] = act["deadline"] / 1000
    if "raise" in act:
        options["raise_"] = act["raise"]
    return options


def request_of(act: dict[str, Any], number: int, base: str) -> tuple[str, str, dict[str, Any]]:
    """Returns method, absolute URL and keyword arguments of httpx2, for a drop-in under it."""
    method, path = target_of(act)
    options = options_of(act, number)
    for name, value in options.pop("path", {}).items():
        path = path.replace(f"{{{name}}}", urllib.parse.quote(str(value), safe=""))
    if "query" in options:
        options["params"] = options.pop("query")
    return method, base + path, options


def answer_of(act: dict[str, Any], response: httpx2.Response) -> dict[str, Any]:
    """Returns what a user reads of an answer."""
    how = act.get("as", "json")
    value: Any = response.json() if how == "json" else response.text if how == "text" else len(response.content)
    return {"status": response.status_code, how: value}


def failure_of(error: BaseException) -> dict[str, Any]:
    """Returns what a user sees of an exception."""
    told: dict[str, Any] = {"name": type(error).__name__, "text": f"{error}"}
    if isinstance(error, unruffled.CallError):
        kind = "status" if isinstance(error, unruffled.StatusError) else "call"
        told |= {
            "error": "misuse" if isinstance(error, unruffled.UsageError) else kind,
            "text": f"{error}\n{error!r}\n{error.explain()}",
            "reason": error.reason,
            "outcome": error.outcome,
            "attempts": error.attempts,
            "status": error.status,
            "retryAfterMs": error.retry_after_ms,
        }
    elif isinstance(error, (json.JSONDecodeError, UnicodeDecodeError)):
        told["error"] = "parse"
    else:
        told |= {"error": "native", "family": family_of(error)}
        with contextlib.suppress(ValueError):
            told["text"] += f"\n{unruffled.explain(error)}"
    return told


def family_of(error: BaseException) -> str:
    """Returns the family of an exception, as a user of httpx2 tests for it."""
    if isinstance(error, httpx2.TimeoutException):
        return "timeout"
    return "connection" if isinstance(error, httpx2.TransportError) else "other"


class Credentials:
    """The scripted credentials function: the k-th call gives the k-th item, the last one again and again."""

    def __init__(self, items: list[Any]) -> None:
        self._items = items
        self._lock = threading.Lock()
        self.calls = 0

    def next(self) -> tuple[float, Any]:
        """Returns the seconds that it takes, and the item."""
        with self._lock:
            item = self._items[min(self.calls, len(self._items) - 1)]
            self.calls += 1
        return (item.get("delay", 0) / 1000 if isinstance(item, dict) else 0), item

    @staticmethod
    def given(item: Any) -> str | unruffled.Token:
        """Returns the function's result for an item. Raises if the item says so."""
        if isinstance(item, str):
            return item
        if item.get("fail"):
            raise RuntimeError("the vault is closed")
        if "expiresIn" not in item:
            return str(item["token"])
        return unruffled.Token(item["token"], time.time() + item["expiresIn"] / 1000)
