"""Replays the simulation's traces through the package's boundary: `python -m tests.traces`, file in `UNRUFFLED_TRACES`.

A trace has a policy, a seed, the inputs of many calls, and a hash over what the core answered in another language. The
form is in `words_of` and `Replay`; all numbers are little-endian.
"""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zlib import crc32

from unruffled._core import boundary

MAGIC = b"UNRTRC1\n"
_START = 0x811C9DC5
_FACTOR = 0x9E3779B1
_MASK = 0xFFFFFFFF
_LENGTH = struct.Struct("<I")
#: The numbers of a seed after its policy: seed low, seed high, kinds of events, inputs, expected hash.
_HEAD = struct.Struct("<5I")


def folded(hash_: int, *words: int) -> int:
    """Adds 32-bit words to a hash."""
    for word in words:
        hash_ = (hash_ ^ word) * _FACTOR & _MASK
        hash_ ^= hash_ >> 15
    return hash_


class Replay:
    """A replay of one trace file."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        core = boundary.per_call()
        native = boundary._native()
        #: By operation: the function, and how many numbers and byte strings it takes besides the engine.
        self._words: dict[int, tuple[Callable[..., int], struct.Struct, int]] = {
            1: (core.unruffled_begin, struct.Struct("<6d"), 0),
            2: (core.unruffled_respond, struct.Struct("<3d"), 0),
            3: (core.unruffled_respond_with, struct.Struct("<4d"), 1),
            4: (core.unruffled_respond_with, struct.Struct("<4d"), 2),
            5: (core.unruffled_fault, struct.Struct("<3d"), 0),
            6: (core.unruffled_resume, struct.Struct("<2d"), 0),
            7: (core.unruffled_token, struct.Struct("<3d"), 0),
            8: (core.unruffled_token_failed, struct.Struct("<4d"), 0),
            9: (core.unruffled_online, struct.Struct("<d"), 0),
            10: (core.unruffled_abandon, struct.Struct("<2d"), 0),
            12: (core.unruffled_wake, struct.Struct(""), 0),
            17: (core.unruffled_close, struct.Struct("<d"), 0),
            18: (core.unruffled_renew, struct.Struct("<2d"), 0),
            19: (core.unruffled_reset, struct.Struct("<2d"), 0),
        }
        self._numbers: dict[int, tuple[Callable[..., int], int]] = {13: (native.route, 1), 14: (native.scope, 2)}
        self._texts: dict[int, tuple[Callable[..., str], int]] = {
            11: (native.report, 1),
            15: (native.events, 0),
            16: (native.snapshot, 1),
        }

    def all(self) -> tuple[int, list[int]]:
        """Replays all seeds; returns how many matched, and those that did not. Raises ValueError for a broken file."""
        data = self._data
        if data[: len(MAGIC)] != MAGIC:
            raise ValueError("this is no file of traces")
        try:
            return self._seeds()
        except struct.error as error:
            raise ValueError("the file of traces ends too early") from error

    def _seeds(self) -> tuple[int, list[int]]:
        data = self._data
        (count,) = _LENGTH.unpack_from(data, len(MAGIC))
        at = len(MAGIC) + _LENGTH.size
        passed = 0
        wrong = []
        for _ in range(count):
            policy, at = self._bytes(at)
            low, high, kinds, inputs, expected = _HEAD.unpack_from(data, at)
            seed = high << 32 | low
            engine = boundary.open_engine(policy.decode(), lenient=False)
            try:
                boundary.set_seed(engine, seed)
                boundary.subscribe(engine, kinds)
                found, at = self._inputs(engine, inputs, at + _HEAD.size)
            finally:
                boundary.per_call().unruffled_release(engine)
            if found == expected:
                passed += 1
            else:
                wrong.append(seed)
        if at != len(data):
            raise ValueError("the file of traces has more than its seeds")
        return passed, wrong

    def _inputs(self, engine: int, count: int, at: int) -> tuple[int, int]:
        """Returns the hash of the answers to so many inputs, and where the next seed begins."""
        data, words = self._data, self._words
        hash_ = _START
        for _ in range(count):
            op = data[at]
            known = words.get(op)
            if known is None:
                hash_, at = self._rare(engine, op, at + 1, hash_)
                continue
            function, form, strings = known
            # ctypes takes integers only.
            numbers: list[Any] = [int(number) for number in form.unpack_from(data, at + 1)]
            at += 1 + form.size
            if function is words[3][0]:
                for _ in range(strings):
                    text, at = self._bytes(at)
                    numbers += (text, len(text))
                if strings == 1:
                    numbers += (b"", 0)
            word = function(engine, *numbers)
            # `folded` twice, written out: this runs a million times.
            hash_ = (hash_ ^ (word & _MASK)) * _FACTOR & _MASK
            hash_ ^= hash_ >> 15
            hash_ = (hash_ ^ (word >> 32)) * _FACTOR & _MASK
            hash_ ^= hash_ >> 15
        return hash_, at

    def _rare(self, engine: int, op: int, at: int, hash_: int) -> tuple[int, int]:
        """Makes an input that answers with a number or a text."""
        if op in self._numbers:
            ask, strings = self._numbers[op]
            texts = []
            for _ in range(strings):
                text, at = self._bytes(at)
                texts.append(text.decode())
            return folded(hash_, ask(engine, *texts)), at
        if op not in self._texts:
            raise ValueError(f"{op} is no input of a trace")
        tell, count = self._texts[op]
        numbers = struct.unpack_from(f"<{count}d", self._data, at)
        told = tell(engine, *map(int, numbers))
        return folded(hash_, crc32(told.encode())), at + 8 * count

    def _bytes(self, at: int) -> tuple[bytes, int]:
        (length,) = _LENGTH.unpack_from(self._data, at)
        at += _LENGTH.size
        return self._data[at : at + length], at + length


def main() -> int:
    """Replays the file, prints the count."""
    path = os.environ.get("UNRUFFLED_TRACES")
    if not path:
        print("UNRUFFLED_TRACES names no file; `cargo run -p unruffled-sim -- traces` writes one")
        return 2
    passed, wrong = Replay(Path(path).read_bytes()).all()
    for seed in wrong:
        print(f"seed {seed}: the answers differ from the trace's")
    print(f"traces: {passed} passed" + (f", {len(wrong)} failed" if wrong else ""))
    return 1 if wrong or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
