"""Clients that ask for jobs while the server dies under them: patient, and sure of nothing that was not acknowledged.

Each wish of a round is one client in a thread of its own. Used by `rounds`.
"""

import http.client
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.acceptance.evalhub.rounds.planning import Wish
from tests.acceptance.evalhub.running import JOBS, OVER, Answer, Server

PROVIDERS = "/api/v1/evaluations/providers"
PATIENCE_S = 240.0
MODEL = {"url": "http://127.0.0.1:9/v1", "name": "m"}


class NeverAnsweredError(Exception):
    """Something did not happen within the bound."""


@dataclass
class Client:
    """One client and what it knows for sure."""

    server: Server
    wish: Wish
    done: Path  #: folder of the files by which processes of jobs by hand end
    job_id: str = ""
    job: Any = None  #: as it ended
    cancelled: bool = False  #: and that was acknowledged
    acknowledged: list[dict[str, Any]] = field(default_factory=list)
    surprises: list[str] = field(default_factory=list)

    def run(self) -> "Client":
        """Ask, do what the wish says, and wait for the end."""
        try:
            self._ask()
            if self.wish.cancel:
                time.sleep(self.wish.after_s)
                self.cancelled = self._patient("DELETE", f"{JOBS}/{self.job_id}", expected=(204, 409)).status == 204
            if self.wish.by_hand:
                self._report()
            self._wait()
        except NeverAnsweredError as error:
            self.surprises.append(str(error))
        return self

    def _ask(self) -> None:
        body = {
            "name": f"job-{self.wish.key}",
            "model": MODEL,
            "benchmarks": list(self.wish.benchmarks),
            "custom": {"evallab": {"retries": 5, "timeout_seconds": 120}},
        }
        key = {"Idempotency-Key": self.wish.key}
        answer = self._patient("POST", JOBS, body, expected=(202,), headers=key)
        self.job_id = str(answer.body["resource"]["id"])

    def _report(self) -> None:
        """Post events as somebody without an attempt does: to the job."""
        path = f"{JOBS}/{self.job_id}/events"
        named = {"provider_id": "waiting", "id": "a", "benchmark_index": 0}
        self._patient("POST", path, _event(named, status="running"), expected=(204, 409))
        time.sleep(self.wish.after_s)
        value = float(int(self.job_id[:8], 16))
        event = _event(named, status="completed", metrics={"acc": value, "who": "a hand"})
        if self._patient("POST", path, event, expected=(204, 409)).status == 204:
            self.acknowledged.append({"job": self.job_id, "index": 0, "attempt": "", "value": value, "how": "by hand"})
        if not self.wish.lingers:
            (self.done / self.job_id).touch()

    def _wait(self) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            job = self._patient("GET", f"{JOBS}/{self.job_id}", expected=(200,)).body
            if job["status"]["state"] in OVER:
                self.job = job
                return
            time.sleep(0.4)
        raise NeverAnsweredError(f"{self.job_id} did not end within {PATIENCE_S:g} s: {json.dumps(job['status'])}")

    def _patient(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        expected: tuple[int, ...],
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Ask until there is an answer; a server that is away, or without Postgres, is asked again."""
        answer = patient(self.server, method, path, body, expected=expected, headers=headers)
        if answer.status not in expected:
            self.surprises.append(f"{method} {path}: {answer.status} {answer.text[:500]}")
            raise NeverAnsweredError(f"{method} {path} was refused")
        return answer


def patient(
    server: Server,
    method: str,
    path: str,
    body: Any = None,
    *,
    expected: tuple[int, ...],
    headers: dict[str, str] | None = None,
) -> Answer:
    """Send a request until it is answered with something else than 503. Raises NeverAnsweredError."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            answer = server.request(method, path, body, headers=headers, timeout=30)
        except (OSError, http.client.HTTPException):
            time.sleep(0.1)
            continue
        if answer.status != 503 or 503 in expected:
            return answer
        time.sleep(0.2)
    raise NeverAnsweredError(f"{method} {path} was not answered within {PATIENCE_S:g} s")


def make_provider(server: Server, name: str) -> str | None:
    """Make a provider over REST; return its id when that was acknowledged."""
    body = {"name": name, "runtime": {"k8s": {"image": "i:1"}}, "benchmarks": [{"id": "q", "name": "Q"}]}
    try:
        answer = server.request("POST", PROVIDERS, body)
    except (OSError, http.client.HTTPException):
        return None
    return str(answer.body["resource"]["id"]) if answer.status == 201 else None


def _event(named: dict[str, Any], **said: Any) -> dict[str, Any]:
    return {"benchmark_status_event": named | said}
