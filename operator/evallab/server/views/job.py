"""A job as EvalHub's resource, with evallab's own in new fields. Pure; called by the job routes and the stream."""

from collections.abc import Sequence
from math import isfinite
from typing import Any

from evallab.planning.passing import BenchmarkTest, JobTest, NoTest, benchmark_test, job_test
from evallab.server.views.benchmark import CANCELLED, ENDED, Seen, seen
from evallab.server.views.moments import moment, seconds
from evallab.store.interface import JobRow, JobSnapshot, ScoreRow

Json = dict[str, Any]
OVER = ENDED | {"partially_failed"}
CREATED = {
    "message": "Evaluation job created",
    "message_code": "evaluation_job_created",
    "message_origin": "server",
}
TOO_LARGE = "scores and weights are too large for a number that averages them"
_SAID = {"pending": "is pending", "running": "is running", "completed": "is completed"}


def created(job: JobRow, warnings: Sequence[str] = ()) -> Json:
    """Return the answer to the POST that made a job."""
    resource: Json = {"resource": _resource(job)}
    resource["status"] = {"state": "pending", "message": CREATED} | ({"warnings": list(warnings)} if warnings else {})
    return resource | {"results": {}} | _asked(job)


def resource(snapshot: JobSnapshot, *, scores: Sequence[ScoreRow] = (), position: int | None = None) -> Json:
    """Return a job as it is now; `position` is its place in the queue."""
    job, benchmarks = snapshot.job, tuple(seen(snapshot))
    state = state_of(snapshot, benchmarks)
    body: Json = {"resource": _resource(job) | ({"updated_at": moment(job.updated_at)} if job.updated_at else {})}
    body["status"] = _status(job, benchmarks, state, position)
    body["results"] = _results(snapshot, benchmarks, state, scores)
    return body | _asked(job)


def state_of(snapshot: JobSnapshot, benchmarks: Sequence[Seen] | None = None) -> str:
    """Return the state that clients see: once asked for, a cancellation is one; what is declared counts at once."""
    job = snapshot.job
    if job.finished_at is not None:
        return job.state
    states = {each.state for each in benchmarks or tuple(seen(snapshot))}
    if job.cancel_requested and "cancelled" in states:
        return "cancelled"
    if states <= ENDED:
        return states.pop() if len(states) == 1 else "partially_failed"
    return "pending" if states == {"pending"} else "running"


def _resource(job: JobRow) -> Json:
    named = {"tenant": job.tenant} if job.tenant else {}
    owned = {"owner": job.owner} if job.owner else {}
    return {"id": job.id, **named, "created_at": moment(job.created_at), **owned}


def _asked(job: JobRow) -> Json:
    """Return the request as it was posted; a job that came in otherwise says what a request could have said."""
    if job.request is not None:
        return dict(job.request)
    url = job.spec.model.url or ""
    benchmarks = [{"id": each.id, "provider_id": each.provider_id} for each in job.spec.benchmarks]
    return {"name": job.name, "model": {"url": url, "name": job.spec.model.name}, "benchmarks": benchmarks}


def _status(job: JobRow, benchmarks: Sequence[Seen], state: str, position: int | None) -> Json:
    status: Json = {"state": state, "message": _message(benchmarks, state)}
    status["benchmarks"] = [each.status() for each in benchmarks]
    if position is not None and state == "pending":
        status["queue"] = {"position": position}
    ends = [each.ended_at for each in benchmarks if each.ended_at]
    ended = job.finished_at or (max(ends) if state in OVER and len(ends) == len(benchmarks) else None)
    times = {"started_at": job.started_at, "completed_at": ended}
    status |= {name: moment(time) for name, time in times.items() if time is not None}
    if job.finished_at is not None:
        status |= {name: text for name, text in (("reason", job.reason), ("detail", job.message)) if text}
    took = seconds(job.started_at, ended)
    return status | ({} if took is None else {"duration_seconds": took})


def _message(benchmarks: Sequence[Seen], state: str) -> Json:
    if state == "cancelled":
        return dict(CANCELLED)
    if state == "pending" and not any(each.said or each.attempt for each in benchmarks):
        return dict(CREATED)
    text = f"Evaluation job {_SAID[state]}" if state in _SAID else _failures(benchmarks, state)
    return {"message": text, "message_code": "evaluation_job_updated", "message_origin": "server"}


def _failures(benchmarks: Sequence[Seen], state: str) -> str:
    lines = [
        f"Benchmark {each.row.benchmark_id} failed with message: {(each.error or {}).get('message', '')}\n"
        for each in benchmarks
        if each.state == "failed"
    ]
    head = "Evaluation job is failed. \n" if state == "failed" else "Some of the benchmarks failed. \n"
    return head + "".join(lines)


def _results(snapshot: JobSnapshot, benchmarks: Sequence[Seen], state: str, scores: Sequence[ScoreRow]) -> Json:
    results: Json = {}
    if state in {"completed", "partially_failed"}:
        results |= _test(job_test(snapshot.job.spec, [each.metrics for each in benchmarks]))
    entries = []
    for each in benchmarks:
        entry = each.result(scores)
        if entry is not None:
            judged = benchmark_test(snapshot.job.spec.benchmarks[each.row.index], each.metrics or {})
            entries.append(entry | ({"test": _judged(judged)} if judged else {}))
    return results | ({"benchmarks": entries} if entries else {})


def _test(test: JobTest | NoTest | None) -> Json:
    if test is None:
        return {}
    if isinstance(test, NoTest):
        return {"test_unavailable": test.reason}
    if not isfinite(test.score):
        return {"test_unavailable": TOO_LARGE}
    view: Json = {"score": test.score, "threshold": test.threshold, "pass": test.passed}
    return {"test": view | ({"missing": list(test.missing)} if test.missing else {})}


def _judged(test: BenchmarkTest) -> Json:
    return {
        "primary_score": test.score,
        "primary_score_metric": test.metric,
        "threshold": test.threshold,
        "pass": test.passed,
    }
