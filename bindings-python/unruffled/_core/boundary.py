"""The boundary: how the core is reached.

What runs per call goes through `ctypes.PyDLL`. It holds the GIL, so that a busy thread cannot stall a call. That is
legal because the core neither blocks nor calls Python. What runs per client goes through the generated UniFFI module,
which is imported at the first client only. Both use the same library file, since a copy would have engines of its own.
"""

from __future__ import annotations

import json
import os
from functools import cache
from typing import Any, Protocol, cast

from .errors import Issue, PolicyError


class _Native(Protocol):
    """Functions of the generated module."""

    def open(self, policy: str, lenient: bool) -> int: ...
    def base(self, engine: int, url: str) -> str: ...
    def seed(self, engine: int, value: int) -> None: ...
    def route(self, engine: int, target: str) -> int: ...
    def scope(self, engine: int, origin: str, credential: str) -> int: ...
    def settings(self, engine: int) -> str: ...
    def subscribe(self, engine: int, kinds: int) -> None: ...
    def events(self, engine: int) -> str: ...
    def report(self, engine: int, call: int) -> str: ...
    def brief(self, status: int, elapsed: int) -> str: ...
    def header_key(self, text: str, quoted: bool) -> str: ...
    def snapshot(self, engine: int, now: int) -> str: ...


class PerCall(Protocol):
    """The C functions, which return step words. Any integer is legal. `unruffled_release` returns 1 if it was live."""

    def unruffled_begin(
        self, engine: int, call: int, now: int, target: int, scope: int, flags: int, deadline: int, /
    ) -> int: ...
    def unruffled_route(self, engine: int, target: bytes, target_len: int, /) -> int: ...
    def unruffled_respond(self, engine: int, call: int, now: int, status: int, /) -> int: ...
    def unruffled_respond_with(
        self,
        engine: int,
        call: int,
        now: int,
        wall: int,
        status: int,
        hints: bytes,
        hints_len: int,
        body: bytes,
        body_len: int,
        /,
    ) -> int: ...
    def unruffled_fault(self, engine: int, call: int, now: int, fault: int, /) -> int: ...
    def unruffled_resume(self, engine: int, call: int, now: int, /) -> int: ...
    def unruffled_abandon(self, engine: int, call: int, now: int, /) -> int: ...
    def unruffled_token(self, engine: int, now: int, generation: int, expires_in: int, /) -> int: ...
    def unruffled_token_failed(
        self, engine: int, now: int, generation: int, fault: int, retry_after: int, /
    ) -> int: ...
    def unruffled_renew(self, engine: int, now: int, scope: int, /) -> int: ...
    def unruffled_reset(self, engine: int, now: int, scope: int, /) -> int: ...
    def unruffled_free(self, engine: int, now: int, scope: int, /) -> int: ...
    def unruffled_online(self, engine: int, now: int, /) -> int: ...
    def unruffled_wake(self, engine: int, /) -> int: ...
    def unruffled_close(self, engine: int, now: int, /) -> int: ...
    def unruffled_release(self, engine: int, /) -> int: ...
    def unruffled_forked(self) -> None: ...


@cache
def _native() -> _Native:
    from .._native import unruffled_ffi

    return cast(_Native, unruffled_ffi)


@cache
def per_call() -> PerCall:
    """Returns the C functions of the library that the generated module has loaded."""
    import ctypes

    u32, u64 = ctypes.c_uint32, ctypes.c_uint64
    # c_char_p borrows the bytes object's own memory: the core reads it before the call returns.
    text = ctypes.c_char_p
    # Without restype a word would be cut to 32 bits, without argtypes floats would pass.
    signatures: dict[str, tuple[Any, list[Any]]] = {
        "unruffled_begin": (u64, [u64, u32, u64, u32, u32, u32, u64]),
        "unruffled_route": (u32, [u64, text, u32]),
        "unruffled_respond": (u64, [u64, u32, u64, u32]),
        "unruffled_respond_with": (u64, [u64, u32, u64, u64, u32, text, u32, text, u32]),
        "unruffled_fault": (u64, [u64, u32, u64, u32]),
        "unruffled_resume": (u64, [u64, u32, u64]),
        "unruffled_abandon": (u64, [u64, u32, u64]),
        "unruffled_token": (u64, [u64, u64, u64, u64]),
        "unruffled_token_failed": (u64, [u64, u64, u64, u32, u64]),
        "unruffled_renew": (u64, [u64, u64, u32]),
        "unruffled_reset": (u64, [u64, u64, u32]),
        "unruffled_free": (u64, [u64, u64, u32]),
        "unruffled_online": (u64, [u64, u64]),
        "unruffled_wake": (u64, [u64]),
        "unruffled_close": (u64, [u64, u64]),
        "unruffled_release": (u32, [u64]),
        "unruffled_forked": (None, []),
    }
    # The file that the generated module found: a copy of it would have engines of its own.
    library = ctypes.PyDLL(cast(Any, _native())._UniffiLib._name)
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype = result
        function.argtypes = arguments
    return cast(PerCall, library)


def loaded() -> bool:
    """Returns whether the library was ever loaded in this process."""
    return per_call.cache_info().currsize > 0


def open_engine(policy: str, lenient: bool) -> int:
    """Checks a policy text and opens an engine, seeded from the system's randomness. Returns its handle.

    Raises `PolicyError` with every issue that the core found.
    """
    native = _native()
    try:
        handle = native.open(policy, lenient)
    except Exception as error:
        issues = getattr(error, "issues", None)
        if not isinstance(issues, str):
            raise
        refused = _issues(issues)
    else:
        if handle == 0:
            raise PolicyError([Issue("policy", "too many engines are open in this process; close some", 0, 0)])
        native.seed(handle, int.from_bytes(os.urandom(7)) >> 4)
        return handle
    raise PolicyError(refused)


def set_seed(handle: int, value: int) -> None:
    """Makes an engine's random draws repeatable. For tests and vectors, before the first call."""
    _native().seed(handle, value)


def set_base(handle: int, url: str) -> None:
    """Sets the base URL. Raises `PolicyError` for one that the core refuses."""
    refused = _native().base(handle, url)
    if refused:
        raise PolicyError(_issues(refused))


def route(handle: int, target: str) -> int:
    """Returns the route of `METHOD /path` in the low 16 bits. Without a route the endpoint is in the 16 bits above."""
    text = target.encode("utf-8", "replace")
    return per_call().unruffled_route(handle, text, len(text))


def scope(handle: int, origin: str, credential: str) -> int:
    """Returns the number of the scope of an origin and a credential's name. Both empty: the policy's own."""
    return _native().scope(handle, origin, credential)


def settings(handle: int) -> Any:
    """Returns the settings: what the policy asks of the host."""
    return json.loads(_native().settings(handle))


def subscribe(handle: int, kinds: int) -> None:
    """Sets the kinds of events that are recorded. `kinds` is a bit set."""
    _native().subscribe(handle, kinds)


def events(handle: int) -> Any:
    """Returns the events since the last call of this function: `{"dropped": n, "events": […]}`."""
    return json.loads(_native().events(handle))


def report(handle: int, call: int) -> Any:
    """Returns the record of an ended call. The core forgets it."""
    return json.loads(_native().report(handle, call))


def brief(status: int, elapsed: int) -> Any:
    """Returns the record of a call that was answered at its first attempt, of which the core keeps none."""
    return json.loads(_native().brief(status, elapsed))


def header_key(text: str, quoted: bool) -> str:
    """Returns the header value of a caller's idempotency key; empty if no header can carry it.

    `quoted`: the policy's format is `sf-string`.
    """
    return _native().header_key(text, quoted)


def snapshot(handle: int, now: int) -> Any:
    """Returns breakers, budgets, limits and queues at this moment."""
    return json.loads(_native().snapshot(handle, now))


def _issues(text: str) -> list[Issue]:
    found = json.loads(text)
    if not isinstance(found, list):
        return [Issue("policy", f"the core answered {text}", 0, 0)]
    return [Issue(i.get("path", ""), i.get("text", ""), i.get("line") or 0, i.get("column") or 0) for i in found]
