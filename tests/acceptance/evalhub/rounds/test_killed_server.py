"""evallab's server is killed (`kill -9`) at a certain moment, and started again"""

import http.client

import pytest
from tests.acceptance.evalhub.conftest import Start
from tests.acceptance.evalhub.rounds.conftest import Doomed
from tests.acceptance.evalhub.rounds.deeds import adapters, ended, gone, once, plain, rows
from tests.acceptance.evalhub.running import JOBS

MODEL = {"url": "http://127.0.0.1:9/v1", "name": "m"}


def test_after_a_job_is_stored(doomed: Doomed) -> None:
    """The server is killed after it stored a job, before it answered.

    Ends: completed
    Told: the client's connection ends without an answer; the same request again, with its `Idempotency-Key`, is the job
    Kept: one job
    """
    server = doomed("stored")
    body, key = {"name": "x", "model": MODEL, "benchmarks": [plain(acc=0.5)]}, {"Idempotency-Key": "k"}
    with pytest.raises((OSError, http.client.HTTPException)):
        server.request("POST", JOBS, body, headers=key)
    gone(server)
    server.start()
    again = server.request("POST", JOBS, body, headers=key)
    assert (again.status, again.headers["idempotent-replay"]) == (202, "true")
    assert ended(server, again.body["resource"]["id"]) == ("completed", 1, {"acc": 0.5})
    assert server.get(JOBS).body["total_count"] == 1


def test_after_a_job_is_acknowledged(start: Start) -> None:
    """The server is killed right after it answered `POST /jobs` with 202.

    Ends: completed
    Told: nothing
    Kept: everything
    """
    server = start()
    job_id = server.submit(plain(acc=0.5))
    server.kill()
    server.start()
    assert ended(server, job_id)[::2] == ("completed", {"acc": 0.5})


def test_before_an_adapter_starts(doomed: Doomed) -> None:
    """The server is killed when it has written down an attempt and not yet started its adapter.

    Ends: completed by a retry; the attempt failed, `Vanished`
    Told: nothing
    Kept: everything
    """
    server = doomed("starting")
    job_id = server.submit(plain(acc=0.5))
    gone(server)
    server.start()
    assert ended(server, job_id) == ("completed", 2, {"acc": 0.5})
    once(server)


def test_after_an_adapter_started(doomed: Doomed) -> None:
    """The server is killed when it has just started an adapter.

    Ends: completed at the first attempt: the next server takes the adapter over
    Told: nothing
    Kept: everything
    """
    server = doomed("started")
    job_id = server.submit(plain(acc=0.5, sleep=2))
    gone(server)
    server.start()
    assert ended(server, job_id) == ("completed", 1, {"acc": 0.5})
    once(server)


@pytest.mark.parametrize("point", ["on disk", "in the store", "recording", "recorded"])
def test_on_the_way_of_a_result(doomed: Doomed, point: str) -> None:
    """The server is killed while a result that an adapter posted once is on its way into Postgres, at each step of it.

    Ends: completed at the first attempt
    Told: nothing
    Kept: the result, once
    """
    server = doomed(point)
    job_id = server.submit(plain(acc=0.5, silent=True))
    gone(server)
    server.start()
    assert ended(server, job_id) == ("completed", 1, {"acc": 0.5})
    once(server)


def test_during_a_cancel(doomed: Doomed) -> None:
    """The server is killed while a job that is cancelled has its grace period, and its adapter does not want to end.

    Ends: cancelled; the adapter is killed when its grace period is over, whether there is a server or not
    Told: that it was cancelled
    Kept: log and events
    """
    server = doomed("stopping", extra="  rest: {local_commands: true}\n")
    command = 'trap "" TERM; echo begun; while true; do sleep 0.2; done'
    asked = {"name": "deaf", "runtime": {"local": {"command": command}}, "benchmarks": [{"id": "q", "name": "Q"}]}
    made = server.request("POST", "/api/v1/evaluations/providers", asked).body["resource"]["id"]
    job_id = server.submit({"id": "q", "provider_id": made})
    server.until(lambda: "begun" in server.get(f"{JOBS}/{job_id}/logs").text, what="the adapter to begin")
    assert server.request("DELETE", f"{JOBS}/{job_id}").status == 204
    gone(server)
    server.start()
    assert ended(server, job_id)[0] == "cancelled"
    server.until(lambda: not adapters(server), what="the adapter to be killed")
    assert "begun" in server.get(f"{JOBS}/{job_id}/logs").text
    server.until(lambda: rows(server, "SELECT finished_at FROM evallab_tables.jobs")[0][0], what="the job's end")


def test_when_a_job_has_ended(doomed: Doomed) -> None:
    """The server is killed when a job has just ended, before it let go of it.

    Ends: completed
    Told: nothing
    Kept: everything; no lease, no mark and no expectation of events stays behind
    """
    server = doomed("ended")
    job_id = server.submit(plain(acc=0.5))
    gone(server)
    server.start()
    assert ended(server, job_id) == ("completed", 1, {"acc": 0.5})
    files = [server.home / "lab" / name for name in ("detached", "expected")]
    server.until(lambda: not [each for folder in files for each in folder.iterdir()], what="the job's files to go")
    server.until(lambda: not rows(server, "SELECT * FROM evallab_tables.leases"), what="the lease to go")
