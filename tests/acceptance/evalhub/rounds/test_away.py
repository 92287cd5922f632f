"""Postgres is away while the server lives, for a while"""

import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.evalhub.conftest import Start, opened
from tests.acceptance.evalhub.rounds.deeds import plain
from tests.acceptance.evalhub.running import JOBS, Server

from evallab.store import embedded

MODEL = {"url": "http://127.0.0.1:9/v1", "name": "m"}


@pytest.fixture
def postgres() -> Iterator[Path]:
    """The home of a Postgres of the test's own, which is not the server's to start."""
    home = opened()
    yield home
    embedded.stop(home)


@pytest.fixture
def server(postgres: Path, start: Start) -> Server:
    return start(environ={"EVALLAB_DATABASE_URL": embedded.ensure(postgres)})


def going(server: Server, **parameters: object) -> str:
    """Submit a job and return its id when it runs."""
    job_id = server.submit(plain(**parameters))
    server.until(lambda: server.job(job_id)["status"]["state"] == "running", what="the job to run")
    return job_id


def test_a_job_is_posted(server: Server, postgres: Path) -> None:
    """A client posts a job.

    Ends: there is no job; posted again when Postgres is back, completed
    Told: 503 after five seconds: that Postgres cannot be reached, that nothing was changed, and to try again
    Kept: one job, however often it was posted with its `Idempotency-Key`
    """
    embedded.stop(postgres)
    body, key = {"name": "x", "model": MODEL, "benchmarks": [plain(acc=0.5)]}, {"Idempotency-Key": "k"}
    refused = server.request("POST", JOBS, body, headers=key)
    said = "Postgres cannot be reached; nothing was changed. Try again in a moment."
    assert (refused.status, refused.body["message_code"]) == (503, "service_unavailable")
    assert said in refused.body["message"]
    embedded.ensure(postgres)
    answers = [server.request("POST", JOBS, body, headers=key) for _ in range(2)]
    assert [each.status for each in answers] == [202, 202]
    assert server.get(JOBS).body["total_count"] == 1
    assert server.finished(answers[0].body["resource"]["id"])["status"]["state"] == "completed"


def test_events_are_posted(server: Server, postgres: Path) -> None:
    """An adapter posts an event to its callback URL, and a client posts one to the job.

    Ends: completed at the first attempt
    Told: 204: both are on disk
    Kept: both, in Postgres when it is back
    """
    job_id = going(server, acc=0.5, sleep=9)
    embedded.stop(postgres)
    named = {"provider_id": "plain", "id": "a", "benchmark_index": 0, "status": "running"}
    fenced = post_fenced(server, job_id, named | {"phase": "loading_data"})
    unfenced = server.event(job_id, **named, progress={"done": 3, "total": 10})
    assert (fenced, unfenced.status) == (204, 204)
    embedded.ensure(postgres)
    seen = server.until(_when(server, job_id, "progress"), what="the events")
    assert (seen["phase"], seen["progress"]) == ("loading_data", {"done": 3, "total": 10})
    job = server.finished(job_id)
    assert (job["status"]["state"], job["status"]["benchmarks"][0]["attempt"]) == ("completed", 1)


def post_fenced(server: Server, job_id: str, event: dict[str, Any]) -> int:
    """Post an event as the adapter of a job would; return the status."""
    spec = json.loads((server.jobs_dir / job_id / "0" / "plain" / "a" / "meta" / "job.json").read_text())
    [token] = (server.home / "lab" / "jobs" / job_id).glob("0/attempt-1/callback-token")
    url = f"{spec['callback_url']}/api/v1/evaluations/jobs/{job_id}/events"
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token.read_text()}"}
    body = json.dumps({"benchmark_status_event": event}).encode()
    with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=10) as answer:
        return int(answer.status)


def _when(server: Server, job_id: str, name: str) -> Callable[[], Any]:
    def look() -> Any:
        answer = server.get(f"{JOBS}/{job_id}")
        if answer.status != 200:
            return None
        first = answer.body["status"]["benchmarks"][0]
        return first if name in first else None

    return look


def test_a_job_waits(server: Server, postgres: Path) -> None:
    """A job runs, and its adapter posts its result meanwhile, once; another job waits for its turn.

    Ends: completed, both, at the first attempt
    Told: nothing
    Kept: everything, once
    """
    job_id = going(server, acc=0.5, sleep=2)
    waiting = server.submit(*(plain(acc=number / 10, sleep=0.5) for number in range(5)))
    embedded.stop(postgres)
    time.sleep(10)
    embedded.ensure(postgres)
    jobs = [server.until(_over(server, each), what="the end") for each in (job_id, waiting)]
    assert [each["status"]["state"] for each in jobs] == ["completed", "completed"]
    assert [each["attempt"] for job in jobs for each in job["status"]["benchmarks"]] == [1] * 6
    assert [each["metrics"] for each in jobs[1]["results"]["benchmarks"]] == [{"acc": n / 10} for n in range(5)]
    assert jobs[0]["results"]["benchmarks"][0]["metrics"] == {"acc": 0.5}


def _over(server: Server, job_id: str) -> Callable[[], Any]:
    def look() -> Any:
        answer = server.get(f"{JOBS}/{job_id}")
        return answer.body if answer.status == 200 and answer.body["status"]["state"] == "completed" else None

    return look
