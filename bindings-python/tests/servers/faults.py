"""The fault server of the scenarios."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx2

ROOT = Path(__file__).resolve().parents[3]


class Faults:
    """A running fault server, safe for any number of threads."""

    def __init__(self, scenarios: str = "tests/scenarios") -> None:
        """Starts the server with the scenarios of a folder."""
        program = os.environ.get("UNRUFFLED_FAULTS") or str(ROOT / "target/tools/unruffled-faults")
        # Its stdin is a pipe of this process: the server ends with it.
        self._process = subprocess.Popen(
            [program, "--scenarios", str(ROOT / scenarios)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.address: str = json.loads(self._process.stdout.readline())["address"]
        self._http = httpx2.Client(timeout=30, trust_env=False)
        self._lock = threading.Lock()
        self._runs = 0

    def scenarios(self, runtime: str) -> list[dict[str, Any]]:
        """Returns all scenarios that a runtime plays."""
        return self._ask("GET", f"/_faults/scenarios?runtime={runtime}")  # type: ignore[no-any-return]

    def begin(self, script: Any, run: str | None = None) -> tuple[str, str]:
        """Starts a run of a script, or starts it again; returns its name and its base URL."""
        if run is None:
            with self._lock:
                self._runs += 1
                run = f"py-{os.getpid()}-{self._runs}"
        return run, self._ask("PUT", f"/_faults/runs/{run}", script)["base"]

    def log(self, run: str) -> dict[str, Any]:
        """Returns what the server saw."""
        return self._ask("GET", f"/_faults/runs/{run}")  # type: ignore[no-any-return]

    def check(self, run: str, runtime: str, played: dict[str, Any]) -> list[str]:
        """Returns what failed, by the server's judgement of a played scenario."""
        return self._ask("POST", f"/_faults/runs/{run}/check?runtime={runtime}", played)["failures"]  # type: ignore[no-any-return]

    def forget(self, run: str) -> None:
        """Ends a run."""
        self._ask("DELETE", f"/_faults/runs/{run}")

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        response = self._http.request(method, self.address + path, json=body)
        if response.status_code >= 400:
            raise RuntimeError(f"{method} {path}: {response.status_code} {response.text}")
        return response.json() if response.content else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()
