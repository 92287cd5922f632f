"""An adapter is gone the moment its result is taken"""

import time

import pytest
from tests.acceptance.evalhub.rounds import dying
from tests.acceptance.evalhub.rounds.conftest import Doomed
from tests.acceptance.evalhub.rounds.deeds import once, plain, rows


def test_its_events_come_late(doomed: Doomed) -> None:
    """The adapter's process is seen to have ended before its last event is in Postgres.

    Ends: completed at the first attempt: an end is judged when everything that was acknowledged is in Postgres
    Told: nothing
    Kept: the result, once
    """
    server = doomed(dying.LATE)
    server.submit(plain(acc=0.5))
    once(server)
    assert rows(server, "SELECT number, reason FROM evallab_tables.attempts") == [(1, "Completed")]


@pytest.mark.parametrize(("retries", "said", "state"), [(1, 204, "completed"), (0, 409, "failed")])
def test_a_hand_reports_its_result(doomed: Doomed, retries: int, said: int, state: str) -> None:
    """An adapter fails, and while that is judged a client posts the result of its benchmark by hand.

    Ends: completed where a retry was left, by the client's result in its stead; else failed
    Told: 204 where the result counts; else 409: the job cannot be updated any more
    Kept: a result that was acknowledged, once
    """
    server = doomed(dying.SLOW)
    job_id = server.submit(plain(crash=3), custom={"evallab": {"retries": retries}})
    exited = server.home / "lab" / "jobs" / job_id / "0" / "attempt-1" / "exit.json"
    server.until(exited.exists, what="the adapter to fail")
    time.sleep(dying.SLOW_S / 3)  # it is being judged now
    named = {"provider_id": "plain", "id": "a", "benchmark_index": 0}
    assert server.event(job_id, **named, status="completed", metrics={"acc": 0.5}).status == said
    job = server.finished(job_id)
    assert job["status"]["state"] == state
    if state == "completed":
        once(server)
        assert job["results"]["benchmarks"][0]["metrics"] == {"acc": 0.5}
