"""Plays tests/vectors/url/*.json: the URL of a template, its values and a query, the same in every language."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx2

from unruffled._client import url as _url
from unruffled._core import boundary


def failure_of(vector: dict[str, Any]) -> str | None:
    """Returns the difference from a vector."""
    if "form" in vector:
        body = _url.form(vector["form"])
        return None if body == vector["body"] else f"expected {vector['body']}, got {body}"
    if "key" in vector:
        key = boundary.header_key(vector["key"], vector["quoted"]) or "misuse"
        wanted_key = vector.get("header", vector.get("error"))
        return None if key == wanted_key else f"expected {wanted_key}, got {key}"
    wanted = vector.get("url", vector.get("error"))
    try:
        always = list(vector.get("policyQuery", {}).items())
        template = _url.template(vector["path"])
        got = _url.build(vector.get("base"), template, vector.get("params"), vector.get("query"), always)
    except _url.WrongUrlError:
        got = "misuse"
    else:
        # httpx2 reads the URL once more; it must leave it alone.
        sent = httpx2.URL(got)
        path = sent.raw_path.decode()
        if not got.endswith(path):
            got = f"{got}, sent as {path}"
    return None if got == wanted else f"expected {wanted}, got {got}"


def play(folder: Path) -> int:
    """Prints the count; returns how many failed."""
    passed = failed = 0
    for file in sorted(folder.glob("*.json")):
        for vector in json.loads(file.read_text("utf-8")):
            failure = failure_of(vector)
            passed += failure is None
            failed += failure is not None
            if failure:
                print(f"{file.name}: {vector['name']}: {failure}")
    print(f"url: {passed} passed" + (f", {failed} failed" if failed else ""))
    return failed
