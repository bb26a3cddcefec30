"""Random calls with random integers at the boundary: `python -m tests.hostile [--calls N] [--seed S]`.

Inputs come in any order with any numbers, now and then with an invalid handle. All must return step words, and calls
abandoned afterwards leave nothing. The tests make a few thousand calls, this command as many as asked for.
"""

from __future__ import annotations

import argparse
import random
import sys
from typing import Any

from unruffled._core import boundary, codes, step_word

INTEGERS = [0, 1, -1, 2**31, 2**32 - 1, 2**32, 2**40, 2**41 + 1, 2**52, 2**53, 2**63]
INTEGERS += [2**64 - 1, 2**64, 2**64 + 5, -(2**70)]
#: Small numbers are valid now and then, so that some calls proceed.
SMALL = [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 200, 401, 429, 503, 1000]
HINTS = [b"", b"retry-after: 1\n", b"x-ratelimit-remaining: 0\n", b"\xff" * 300, b":" * 9000]


def hostile(handle: int, seed: int, count: int) -> list[str]:
    """Makes random calls; returns what is wrong with the words, or left afterwards."""
    core = boundary.per_call()
    draw = random.Random(seed)
    inputs: list[tuple[Any, int]] = [(core.unruffled_begin, 6), (core.unruffled_respond, 3), (core.unruffled_fault, 3)]
    inputs += [(core.unruffled_resume, 2), (core.unruffled_token, 3), (core.unruffled_token_failed, 4)]
    inputs += [(core.unruffled_renew, 2), (core.unruffled_reset, 2)]
    inputs += [(core.unruffled_abandon, 2), (core.unruffled_online, 1), (core.unruffled_wake, 0)]
    wrong: list[str] = []
    pick, chance = draw.choice, draw.random
    for _ in range(count):
        engine = handle if chance() < 0.97 else pick([*INTEGERS, handle ^ 1])
        if chance() < 0.05:
            hints, body = pick(HINTS), pick(HINTS)
            numbers: Any = [pick(SMALL if chance() < 0.8 else INTEGERS) for _ in range(4)]
            word = core.unruffled_respond_with(engine, *(*numbers, hints, len(hints), body, len(body)))
        else:
            function, takes = pick(inputs)
            word = function(engine, *[pick(SMALL if chance() < 0.8 else INTEGERS) for _ in range(takes)])
        if word >= 2**52 or word & step_word.KIND > codes.DONE:
            wrong.append(f"a word of {word}")
    for call in {value & 0xFFFFFFFF for value in SMALL + INTEGERS}:
        core.unruffled_abandon(handle, call, 0)
    now = boundary.snapshot(handle, 2**41)
    wrong += [f"{name}: {now.get(name)}" for name in ("inFlight", "live", "waiting") if now.get(name) != 0]
    return wrong


def main() -> int:
    """Runs an engine for each hundred thousand calls."""
    reads = argparse.ArgumentParser()
    reads.add_argument("--calls", type=int, default=10_000_000)
    reads.add_argument("--seed", type=int, default=1)
    asked = reads.parse_args()
    wrong: list[str] = []
    for turn in range(max(1, asked.calls // 100_000)):
        policy = ("{}", '{"concurrency":2,"limits":[{"name":"a","rate":5,"per":"1s"}]}')[turn % 2]
        handle = boundary.open_engine(policy, lenient=False)
        wrong += hostile(handle, asked.seed + turn, min(asked.calls, 100_000))
        boundary.per_call().unruffled_release(handle)
    print("\n".join(wrong[:20]))
    print(f"hostile: {asked.calls} calls" + (f", {len(wrong)} wrong" if wrong else ""))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
