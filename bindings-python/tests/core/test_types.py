"""A type checker finds mistyped names and keys in a program that uses the package, and no other errors."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import json
from pathlib import Path

import unruffled
import unruffled.policy
from unruffled import Cleint  # 1

with unruffled.Clyent("orders.json") as wrong:  # 2
    pass
unruffled.Client({"retyr": {"attempts": 3}})  # 3
unruffled.Client({"retry": {"atempts": 3}})  # 4
unruffled.Client(7)  # 5
unruffled.httpx2.client({"retyr": {}})  # 6
unruffled.AsyncClient({"baseUrl": "https://a.example"}).gett  # 7
unruffled.Client("orders.json").get("/x", params={"a": 1})  # 8

unruffled.Client("orders.json")
unruffled.Client(Path("orders.json"))
unruffled.Client({"baseUrl": "https://a.example", "retry": {"attempts": 3}})
typed: unruffled.policy.Policy = {"baseUrl": "https://a.example"}
unruffled.Client(typed)
unruffled.Client(json.loads("{}"))
unruffled.requests.Adapter({"baseUrl": "https://a.example"})
unruffled.aiohttp.middleware("orders.json")
"""


def test_mypy_finds_what_is_mistyped_and_nothing_else(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    found = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), str(program)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).resolve().parents[2],
        check=False,
    ).stdout
    lines = {
        int(line.split(":")[1]) for line in found.splitlines() if line.startswith(str(program)) and ": error:" in line
    }
    wrong = {number for number, line in enumerate(PROGRAM.splitlines(), 1) if line[-5:-1].endswith("# ")}
    assert lines == wrong, found
