"""A job as clients see it: states, texts and times from rows and events."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from evallab.api.job import Benchmark, EvalJob, Model
from evallab.server.views.job import created, resource, state_of
from evallab.store.interface import AttemptRow, BenchmarkRow, EventRow, JobRow, JobSnapshot

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
ASKED = {"name": "j", "model": {"url": "http://h/v1", "name": "m"}, "benchmarks": [{"id": "b0", "provider_id": "p"}]}
JOB = JobRow(
    id="1",
    name="j",
    spec=EvalJob(
        name="j", model=Model(name="m"), benchmarks=tuple(Benchmark(provider_id="p", id=f"b{i}") for i in range(2))
    ),
    state="running",
    created_at=NOW,
    updated_at=NOW + timedelta(seconds=1),
    request=ASKED,
)


def row(index: int, **fields: Any) -> BenchmarkRow:
    return BenchmarkRow(job_id="1", index=index, provider_id="p", benchmark_id=f"b{index}", **fields)


def attempt(index: int, **fields: Any) -> AttemptRow:
    return AttemptRow(id=f"a{index}", job_id="1", index=index, number=1, created_at=NOW, **fields)


def event(index: int, second: int, **body: Any) -> EventRow:
    at = NOW + timedelta(seconds=second)
    return EventRow(id=f"{index}-{second}", attempt_id=f"a{index}", received_at=at, body=body)


def snapshot(*rows: BenchmarkRow, job: JobRow = JOB, attempts: tuple[AttemptRow, ...] = (), **more: Any) -> JobSnapshot:
    given: dict[str, Any] = {"events": (), "results": frozenset(), "metrics": {}, **more}
    return JobSnapshot(job=job, benchmarks=rows, attempts=attempts, **given)


def test_a_new_job_is_pending_and_repeats_what_was_asked() -> None:
    body = created(replace(JOB, tenant="red", owner="ann"), ("queue: is not enforced on one computer",))
    assert body == {
        "resource": {"id": "1", "tenant": "red", "created_at": "2026-01-01T12:00:00Z", "owner": "ann"},
        "status": {
            "state": "pending",
            "message": {
                "message": "Evaluation job created",
                "message_code": "evaluation_job_created",
                "message_origin": "server",
            },
            "warnings": ["queue: is not enforced on one computer"],
        },
        "results": {},
        **ASKED,
    }


def test_a_job_that_waits_says_its_place() -> None:
    waiting = snapshot(row(0), row(1), job=replace(JOB, state="pending"))
    status = resource(waiting, position=3)["status"]
    assert (status["state"], status["queue"]) == ("pending", {"position": 3})
    assert [each["status"] for each in status["benchmarks"]] == ["pending", "pending"]


def test_a_declared_end_is_seen_at_once_with_its_metrics_and_time() -> None:
    said = event(0, 5, status="completed", metrics={"acc": 0.9, "note": "x"})
    seen = snapshot(
        row(0, state="running", started_at=NOW), row(1), attempts=(attempt(0, state="running"),), events=(said,)
    )
    body = resource(seen)
    assert body["status"]["benchmarks"][0] == {
        "provider_id": "p",
        "id": "b0",
        "benchmark_index": 0,
        "status": "completed",
        "started_at": "2026-01-01T12:00:00Z",
        "completed_at": "2026-01-01T12:00:05Z",
        "duration_seconds": 5.0,
        "attempt": 1,
    }
    [result] = body["results"]["benchmarks"]
    assert result["metrics"] == {"acc": 0.9, "note": "x"}
    assert result["metrics_schema"] == [{"name": "acc", "type": "numeric"}, {"name": "note", "type": "categorical"}]
    assert body["status"]["state"] == "running"


def test_an_adapter_that_leaves_more_than_its_event_ends_when_that_is_recorded() -> None:
    said = event(0, 5, status="completed", phase="completed", metrics={"acc": 0.9})
    seen = snapshot(row(0, state="running"), attempts=(attempt(0, state="running"),), events=(said,))
    assert state_of(seen) == "running"


def test_late_words_change_nothing() -> None:
    said = replace(event(0, 5, status="failed"), late=True)
    done = snapshot(row(0, state="completed"), attempts=(attempt(0, state="completed"),), events=(said,))
    assert state_of(done) == "completed"


def test_a_cancelled_job_is_cancelled_before_its_processes_have_ended() -> None:
    rows = (row(0, state="completed"), row(1, state="running"))
    ending = snapshot(*rows, job=replace(JOB, cancel_requested=True), attempts=(attempt(1, state="running"),))
    status = resource(ending)["status"]
    assert (status["state"], status["message"]["message"]) == ("cancelled", "Evaluation job cancelled")
    assert [each["status"] for each in status["benchmarks"]] == ["completed", "cancelled"]


def test_failures_are_named_in_the_jobs_message() -> None:
    error = {"message": "no", "message_code": "c", "message_origin": "adapter"}
    said = event(0, 1, status="failed", error_message=error)
    rows = (row(0, state="failed", reason="AdapterRefused", message="no"), row(1, state="completed"))
    job = replace(JOB, state="partially_failed", finished_at=NOW)
    body = resource(snapshot(*rows, job=job, attempts=(attempt(0, state="failed"),), events=(said,)))
    assert body["status"]["message"]["message"] == (
        "Some of the benchmarks failed. \nBenchmark b0 failed with message: no\n"
    )
    assert body["status"]["benchmarks"][0]["error_message"] == error


def test_what_nobody_declared_failed_at_run_time() -> None:
    rows = (
        row(0, state="failed", reason="ExitedNonZero", message="It exited with 3."),
        row(1, state="failed", reason="NotStarted", message="No."),
    )
    said = [each["error_message"] for each in resource(snapshot(*rows))["status"]["benchmarks"]]
    assert said == [
        {"message": "It exited with 3.", "message_code": "RUNTIME_FAILURE", "message_origin": "runtime"},
        {"message": "No.", "message_code": "evaluation_job_failed", "message_origin": "server"},
    ]


def test_a_resumed_job_waits_again_before_anybody_looked_at_it() -> None:
    rows = (row(0, state="completed", finished_at=NOW), row(1, state="failed", finished_at=NOW))
    resumed = replace(JOB, state="pending", resumed_at=NOW + timedelta(seconds=1))
    seen = resource(snapshot(*rows, job=resumed))["status"]
    assert [each["status"] for each in seen["benchmarks"]] == ["completed", "pending"]
