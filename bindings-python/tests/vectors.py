"""Plays tests/vectors/ROOM/*.json through the package's boundary: `python -m tests.vectors`. Holds no expectation."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from unruffled import PolicyError
from unruffled._core import boundary, codes, step_word

from .play import urls
from .play.words import text_of

#: Unix milliseconds at `now` 0: 2026-01-01.
WALL = 1_767_225_600_000
ROOT = Path(__file__).resolve().parents[2] / "tests" / "vectors"


class Player:
    """A vector's engine and its results."""

    def __init__(self, vector: dict[str, Any]) -> None:
        policy = vector["policy"]
        text = policy if isinstance(policy, str) else json.dumps(policy, ensure_ascii=False)
        self.handle = boundary.open_engine(text, vector.get("lenient", False))
        boundary.set_seed(self.handle, vector.get("seed", 1))
        boundary.subscribe(self.handle, vector.get("subscribe", 0))
        self.wall = vector.get("wall", WALL)
        self.crossings = 0
        self.core = boundary.per_call()

    def close(self) -> None:
        self.core.unruffled_release(self.handle)

    def play(self, steps: list[dict[str, Any]], place: str, later: int = 0, calls: int = 0) -> list[str]:
        """Plays the steps; returns the failures. `later` is added to times, `calls` to call ids."""
        failures: list[str] = []
        for index, step in enumerate(steps):
            here = f"{place}[{index}]"
            if "times" in step:
                for turn in range(step["times"]):
                    more = turn * step.get("ids", 1)
                    failures += self.play(
                        step["steps"], f"{here}#{turn}", later + turn * step.get("every", 0), calls + more
                    )
                continue
            wanted, got = self.one(step, later, calls)
            if not fits(wanted, got):
                failures.append(f"step {here}: expected {wanted}, got {got}")
        return failures

    def one(self, step: dict[str, Any], later: int, calls: int) -> tuple[Any, Any]:
        now = step.get("at", 0) + later
        handle, core = self.handle, self.core
        if "snapshot" in step:
            return step["snapshot"], boundary.snapshot(handle, now)
        if "wakes" in step:
            return [call + calls for call in step["wakes"]], self.wakes()
        self.crossings += 1
        if "report" in step:
            return step["is"], boundary.report(handle, step["report"] + calls)
        if "begin" in step:
            word = self.begin(step, now, calls)
        elif "respond" in step:
            word = self.respond(step, now, calls)
        elif "fault" in step:
            word = core.unruffled_fault(handle, step["fault"] + calls, now, fault_of(step))
        elif "resume" in step:
            word = core.unruffled_resume(handle, step["resume"] + calls, now)
        elif "abandon" in step:
            word = core.unruffled_abandon(handle, step["abandon"] + calls, now)
        elif "token" in step:
            word = core.unruffled_token(handle, now, step["token"], step.get("expires", 0))
        elif "tokenFailed" in step:
            word = core.unruffled_token_failed(handle, now, step["tokenFailed"], fault_of(step), step.get("after", 0))
        elif "renew" in step:
            word = core.unruffled_renew(handle, now, boundary.scope(handle, *step["renew"]))
        elif "reset" in step:
            word = core.unruffled_reset(handle, now, boundary.scope(handle, *step["reset"]))
        elif "free" in step:
            word = core.unruffled_free(handle, now, boundary.scope(handle, *step["free"]))
        elif "online" in step:
            word = core.unruffled_online(handle, now)
        elif "close" in step:
            word = core.unruffled_close(handle, now)
        else:
            raise ValueError(f"unknown step {step}")
        return step["is"], text_of(word)

    def begin(self, step: dict[str, Any], now: int, calls: int) -> int:
        target = step.get("route")
        number = boundary.route(self.handle, target) if target else 0
        scope = boundary.scope(self.handle, *step["scope"]) if "scope" in step else 0
        method = step.get("method") or (target.split()[0] if target else "GET")
        what = codes.METHODS.get(method, codes.OTHER_METHOD) | step.get("size", 0) << 16
        for name in step.get("flags", ["REPEATABLE"]):
            what |= codes.CALL_FLAGS[name]
        deadline = step.get("deadline", 0)
        return self.core.unruffled_begin(self.handle, step["begin"] + calls, now, number, scope, what, deadline)

    def respond(self, step: dict[str, Any], now: int, calls: int) -> int:
        call, status = step["respond"] + calls, step["status"]
        if "by" in step:
            status |= codes.REDIRECTED | boundary.scope(self.handle, *step["by"]) << 16
        elif "headers" not in step and "body" not in step:
            return self.core.unruffled_respond(self.handle, call, now, status)
        lines = ""
        for name, values in step.get("headers", {}).items():
            for value in values if isinstance(values, list) else [values]:
                lines += f"{name}: {value}\n"
        hints, body = lines.encode(), step.get("body", "").encode()
        return self.core.unruffled_respond_with(
            self.handle, call, now, self.wall + now, status, hints, len(hints), body, len(body)
        )

    def wakes(self) -> list[Any]:
        woken: list[Any] = []
        while True:
            self.crossings += 1
            word = self.core.unruffled_wake(self.handle)
            if word & step_word.KIND != codes.DONE:
                return [*woken, text_of(word)]
            if word >> step_word.ARG == 0:
                return woken
            woken.append((word >> step_word.ARG) - 1)


def fault_of(step: dict[str, Any]) -> int:
    """Returns the code of a fault and its cause. An unknown word becomes an unknown code."""
    cause = codes.CAUSES.index(step.get("cause", "none")) * step_word.CAUSE
    return codes.FAULTS.index(step["as"]) + cause if step["as"] in codes.FAULTS else 99


def fits(wanted: Any, got: Any) -> bool:
    """Returns whether a value matches. Objects may have more keys; lists have the same length; all else is equal."""
    if isinstance(wanted, dict) and isinstance(got, dict):
        return all(fits(value, got.get(key)) for key, value in wanted.items())
    if isinstance(wanted, list) and isinstance(got, list):
        return len(wanted) == len(got) and all(map(fits, wanted, got))
    return type(wanted) is type(got) and bool(wanted == got)


def failures_of(vector: dict[str, Any]) -> list[str]:
    """Returns the differences from a vector."""
    try:
        player = Player(vector)
    except PolicyError as error:
        texts = [issue.text for issue in error.issues]
        wanted = vector.get("issues")
        return [] if wanted == texts else [f"issues: expected {wanted}, got {texts}"]
    try:
        if "issues" in vector:
            return [f"issues: expected {vector['issues']}, got a good policy"]
        failures = player.play(vector.get("steps", []), "")
        if "settings" in vector and not fits(vector["settings"], settings := boundary.settings(player.handle)):
            failures.append(f"settings: expected {vector['settings']}, got {settings}")
        if "events" in vector:
            told = boundary.events(player.handle)["events"]
            if told != vector["events"]:
                failures.append(f"events: expected {vector['events']}, got {told}")
        if "crossings" in vector and vector["crossings"] != player.crossings:
            failures.append(f"crossings: expected {vector['crossings']}, got {player.crossings}")
        return failures
    finally:
        player.close()


def main() -> int:
    """Plays all files and prints the counts."""
    passed = failed = 0
    for file in sorted(ROOT.rglob("*.json")):
        if "url" in file.relative_to(ROOT).parts:
            continue
        failures = failures_of(json.loads(file.read_text("utf-8")))
        failed += bool(failures)
        passed += not failures
        for failure in failures:
            print(f"{file.relative_to(ROOT)}: {failure}")
    print(f"vectors: {passed} passed" + (f", {failed} failed" if failed else ""))
    wrong = urls.play(ROOT / "url")
    return 1 if failed or wrong else 0


if __name__ == "__main__":
    sys.exit(main())
