"""The boundary: how the core is reached.

What runs per call goes through `ctypes.PyDLL` (the GIL stays held, so that a busy thread cannot stall a call; legal
because the core neither blocks nor calls Python). What runs per client goes through the generated UniFFI module, which
is imported at the first client only. Both must be one and the same library file: a copy would be a second engine.
"""

from __future__ import annotations

import json
import os
from functools import cache
from typing import Any, Protocol, cast

from .errors import Issue, PolicyError


class _Native(Protocol):
    """The generated module's functions that are used."""

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
    """The C functions. Any integer is legal; each answers with a word (`unruffled_release`: 1 = it was live)."""

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
    def unruffled_token_failed(self, engine: int, now: int, generation: int, fault: int, /) -> int: ...
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
    """The C functions of the library that the generated module has loaded."""
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
        "unruffled_token_failed": (u64, [u64, u64, u64, u32]),
        "unruffled_free": (u64, [u64, u64, u32]),
        "unruffled_online": (u64, [u64, u64]),
        "unruffled_wake": (u64, [u64]),
        "unruffled_close": (u64, [u64, u64]),
        "unruffled_release": (u32, [u64]),
        "unruffled_forked": (None, []),
    }
    # The very file that the generated module found: a copy of it would be a second engine.
    library = ctypes.PyDLL(cast(Any, _native())._UniffiLib._name)
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype = result
        function.argtypes = arguments
    return cast(PerCall, library)


def loaded() -> bool:
    """Whether any client was ever built in this process."""
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
    """Makes an engine's random draws repeatable: for tests and vectors, before the first call."""
    _native().seed(handle, value)


def set_base(handle: int, url: str) -> None:
    """Sets the base URL. Raises `PolicyError` for one that the core refuses."""
    refused = _native().base(handle, url)
    if refused:
        raise PolicyError(_issues(refused))


def route(handle: int, target: str) -> int:
    """The route for `METHOD /path` in the low 16 bits; where there is none, the endpoint in the 16 above them."""
    text = target.encode("utf-8", "replace")
    return per_call().unruffled_route(handle, text, len(text))


def scope(handle: int, origin: str, credential: str) -> int:
    """The number of the scope for an origin and a credential's name; both empty = the policy's own."""
    return _native().scope(handle, origin, credential)


def settings(handle: int) -> Any:
    """What the policy asks of the host, parsed."""
    return json.loads(_native().settings(handle))


def subscribe(handle: int, kinds: int) -> None:
    """Chooses the kinds of events that are recorded: a bit set."""
    _native().subscribe(handle, kinds)


def events(handle: int) -> Any:
    """The events since the last time: `{"dropped": n, "events": […]}`."""
    return json.loads(_native().events(handle))


def report(handle: int, call: int) -> Any:
    """The record of an ended call; the core forgets it."""
    return json.loads(_native().report(handle, call))


def brief(status: int, elapsed: int) -> Any:
    """The same for a call that was answered at once and kept no record."""
    return json.loads(_native().brief(status, elapsed))


def header_key(text: str, quoted: bool) -> str:
    """The header's text for a caller's idempotency key, `quoted` as the policy's format says; empty = it fits none."""
    return _native().header_key(text, quoted)


def snapshot(handle: int, now: int) -> Any:
    """Breakers, budgets, limits and lines at this moment."""
    return json.loads(_native().snapshot(handle, now))


def _issues(text: str) -> list[Issue]:
    found = json.loads(text)
    if not isinstance(found, list):
        return [Issue("policy", f"the core answered {text}", 0, 0)]
    return [Issue(i.get("path", ""), i.get("text", ""), i.get("line") or 0, i.get("column") or 0) for i in found]
