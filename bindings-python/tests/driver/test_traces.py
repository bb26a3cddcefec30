"""The replayer of traces, on traces made of the vectors: what they expect is hashed here, without asking the core."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest

from unruffled._core import codes, step_word

from .. import traces, vectors

# The numbers of the format, written a second time.
OPS = {"begin": 1, "respond": 2, "respond_with": 3, "respond_body": 4, "fault": 5, "resume": 6, "token": 7}
OPS |= {"tokenFailed": 8, "online": 9, "abandon": 10, "wake": 12, "route": 13, "close": 17}


def word_of(text: str) -> int:
    """Returns the integer of `Wait 312 KEY`."""
    kind, *rest = text.split()
    names = {"Refresh": codes.REFRESH_FLAG_NAMES, "Send": codes.SEND_FLAG_NAMES}.get(kind, codes.FLAG_NAMES)
    flags = sum(16 << names.index(name) for name in rest if name in names)
    rest = [name for name in rest if name not in names]
    arg = 0
    if kind == "Fail":
        after = int(rest[2]) if len(rest) > 2 else step_word.NO_TIME
        arg = after << 8 | codes.OUTCOMES.index(rest[1]) << 6 | codes.REASONS.index(rest[0])
    elif kind == "Deliver":
        arg = codes.OUTCOMES.index(rest[0]) if rest else 0
    elif kind == "Misuse":
        arg = codes.MISUSES.index(rest[0])
    else:
        arg = int(rest[0])
    return arg << 12 | flags | codes.STEP_NAMES.index(kind)


class Writer:
    """A writer of a vector's trace: its inputs, and the hash of the expected words."""

    def __init__(self, vector: dict[str, Any]) -> None:
        self.inputs: list[bytes] = []
        self.hash = 0x811C9DC5
        self.targets: dict[str, int] = {}
        self._wall = vector.get("wall", vectors.WALL)
        for step in vector["steps"]:
            self._step(step, step.get("at", 0))
        policy = json.dumps(vector["policy"]).encode()
        seed = vector.get("seed", 1)
        head = struct.pack(
            "<5I", seed & 0xFFFFFFFF, seed >> 32, vector.get("subscribe", 0), len(self.inputs), self.hash
        )
        self.whole = struct.pack("<I", len(policy)) + policy + head + b"".join(self.inputs)

    def _fold(self, word: int) -> None:
        self.hash ^= word
        self.hash = self.hash * 0x9E3779B1 % 2**32
        self.hash ^= self.hash >> 15

    def _put(self, op: str, *numbers: int, texts: tuple[bytes, ...] = (), answer: int | None = None) -> None:
        parts = [bytes([OPS[op]]), struct.pack(f"<{len(numbers)}d", *numbers)]
        parts += [struct.pack("<I", len(text)) + text for text in texts]
        self.inputs.append(b"".join(parts))
        if answer is not None:
            self._fold(answer % 2**32)
            self._fold(answer // 2**32)

    def _step(self, step: dict[str, Any], now: int) -> None:
        if "wakes" in step:
            for left, call in zip(range(len(step["wakes"]), 0, -1), step["wakes"], strict=True):
                # A word says WAKES as long as there are more.
                self._put("wake", answer=(call + 1) << 12 | (codes.WAKES if left > 1 else 0) | codes.DONE)
            self._put("wake", answer=codes.DONE)
            return
        answer = word_of(step["is"])
        if "begin" in step:
            self._begin(step, now, answer)
        elif "respond" in step:
            self._respond(step, now, answer)
        elif "fault" in step:
            self._put("fault", step["fault"], now, vectors.fault_of(step), answer=answer)
        elif "resume" in step or "abandon" in step:
            op = "resume" if "resume" in step else "abandon"
            self._put(op, step[op], now, answer=answer)
        elif "token" in step:
            self._put("token", now, step["token"], step.get("expires", 0), answer=answer)
        elif "tokenFailed" in step:
            numbers = (step["tokenFailed"], vectors.fault_of(step), step.get("after", 0))
            self._put("tokenFailed", now, *numbers, answer=answer)
        else:
            self._put("online" if "online" in step else "close", now, answer=answer)

    def _begin(self, step: dict[str, Any], now: int, answer: int) -> None:
        target = step.get("route", "")
        number = 0
        if target:
            # A policy without routes has endpoints only: they are counted from 1, above the route's 16 bits.
            number = self.targets.setdefault(target, len(self.targets) + 1) << 16
            self._put("route", texts=(target.encode(),))
            self._fold(number)
        method = step.get("method") or (target.split()[0] if target else "GET")
        what = codes.METHODS.get(method, codes.OTHER_METHOD) | step.get("size", 0) << 16
        for name in step.get("flags", ["REPEATABLE"]):
            what |= codes.CALL_FLAGS[name]
        self._put("begin", step["begin"], now, number, 0, what, step.get("deadline", 0), answer=answer)

    def _respond(self, step: dict[str, Any], now: int, answer: int) -> None:
        if "headers" not in step and "body" not in step:
            self._put("respond", step["respond"], now, step["status"], answer=answer)
            return
        lines = ""
        for name, values in step.get("headers", {}).items():
            lines += "".join(f"{name}: {value}\n" for value in (values if isinstance(values, list) else [values]))
        numbers = (step["respond"], now, self._wall + now, step["status"])
        if "body" in step:
            self._put("respond_body", *numbers, texts=(lines.encode(), step["body"].encode()), answer=answer)
        else:
            self._put("respond_with", *numbers, texts=(lines.encode(),), answer=answer)


#: Keys of steps that traces write otherwise.
OTHERS = {"times", "report", "snapshot", "scope", "free", "renew", "reset", "by", "cause"}


def usable(vector: Any) -> bool:
    """Returns whether a vector has only words, no loops, one scope, no routes, and no paths with values."""
    return (
        isinstance(vector, dict)
        and isinstance(vector.get("policy"), dict)
        and not vector.get("lenient")
        and "routes" not in vector["policy"]
        and bool(vector.get("steps"))
        and not any(OTHERS & step.keys() for step in vector["steps"])
        and not any(char.isdigit() for step in vector["steps"] for char in step.get("route", ""))
    )


def written(*wholes: bytes) -> bytes:
    return b"UNRTRC1\n" + struct.pack("<I", len(wholes)) + b"".join(wholes)


@pytest.fixture(scope="module")
def known() -> list[dict[str, Any]]:
    read = [json.loads(file.read_text("utf-8")) for file in sorted(vectors.ROOT.rglob("*.json"))]
    return [vector for vector in read if usable(vector)]


def test_vectors_written_as_traces_are_replayed(known: list[dict[str, Any]]) -> None:
    made = [Writer(vector) for vector in known]
    ops = {input_[0] for writer in made for input_ in writer.inputs}
    assert ops == set(OPS.values())
    assert traces.Replay(written(*(writer.whole for writer in made))).all() == (len(known), [])
    assert len(known) > 200


def test_a_trace_whose_answers_differ_is_named(known: list[dict[str, Any]]) -> None:
    vector = {**known[0], "seed": 7 << 32 | 5}
    vector["steps"] = [dict(step) for step in vector["steps"]]
    vector["steps"][0]["is"] = "Send 9999"
    good = Writer(known[1]).whole
    assert traces.Replay(written(good, Writer(vector).whole, good)).all() == (2, [7 << 32 | 5])


def test_texts_are_hashed_by_their_crc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    policy = b"{}"
    hash_ = 0x811C9DC5
    for text in (b'{"misuse":"unknown"}', b'{"dropped":0,"events":[]}'):
        hash_ = (hash_ ^ zlib.crc32(text)) * 0x9E3779B1 % 2**32
        hash_ ^= hash_ >> 15
    inputs = struct.pack("<Bd", 11, 3) + struct.pack("<B", 15)
    file = tmp_path / "traces"
    head = struct.pack("<I", len(policy)) + policy + struct.pack("<5I", 1, 0, 0, 2, hash_)
    file.write_bytes(written(head + inputs))
    monkeypatch.setenv("UNRUFFLED_TRACES", str(file))
    assert traces.main() == 0


@pytest.mark.parametrize("cut", [0, 5, 10, 20, -1])
def test_a_broken_file_is_refused(known: list[dict[str, Any]], cut: int) -> None:
    with pytest.raises(ValueError, match="traces"):
        traces.Replay(written(Writer(known[0]).whole)[:cut]).all()
