"""Answers of the REST API as the rows that `reporting` draws from, so that a table is the same wherever its job ran.

Pure. Called by `lab`. What REST does not say (attempts, events) no table shows.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from evallab.api.errors import InvalidManifest
from evallab.api.evalhub import JobRequest, to_job
from evallab.api.job import EvalJob
from evallab.store.values import BenchmarkRow, ComparisonRow, JobRow, JobSnapshot, ScoreRow

Json = Mapping[str, Any]
OVER = frozenset({"completed", "failed", "partially_failed", "cancelled"})
_ANSWERED = frozenset({"resource", "status", "results"})


def snapshot(body: Json) -> JobSnapshot:
    """Return a job and its benchmarks."""
    job = job_row(body)
    benchmarks = tuple(_benchmark(job.id, each) for each in body["status"].get("benchmarks", ()))
    return JobSnapshot(job=job, benchmarks=benchmarks, attempts=(), events=(), results=frozenset())


def job_row(body: Json) -> JobRow:
    """Return the job itself."""
    status, about = body["status"], body["resource"]
    state = status["state"]
    return JobRow(
        id=about["id"],
        name=body["name"],
        spec=_spec(body),
        state=state,
        attached=False,
        created_at=datetime.fromisoformat(about["created_at"]),
        started_at=_moment(status.get("started_at")),
        finished_at=_moment(status.get("completed_at")) if state in OVER else None,
        reason=status.get("reason"),
        message=status.get("detail"),
        tenant=about.get("tenant"),
        owner=about.get("owner"),
    )


def score_row(job_id: str, item: Json) -> ScoreRow:
    """Return one metric of one benchmark."""
    same = ("provider_id", "attempt_id", "metric", "filter", "value", "ci_low", "ci_high", "interval_method")
    more = ("n", "n_errors", "higher_is_better", "primary", "validity")
    return ScoreRow(
        job_id=job_id,
        index=item["benchmark_index"],
        benchmark_id=item["id"],
        stderr=item.get("stderr"),
        question_key=item.get("question_key"),
        validity_reasons=tuple(item.get("validity_reasons", ())),
        threshold=item.get("threshold"),
        passed=item.get("pass"),
        **{name: item[name] for name in (*same, *more)},
    )


def comparison_row(job_id: str, item: Json) -> ComparisonRow:
    """Return how a benchmark compares with the same of another job."""
    fields = {name: item[name] for name in ComparisonRow.__dataclass_fields__ if name in item}
    indexes = {"index": item["benchmark_index"], "baseline_index": item["baseline_benchmark_index"]}
    return ComparisonRow(job_id=job_id, **indexes, **fields)


def _benchmark(job_id: str, item: Json) -> BenchmarkRow:
    progress, error = item.get("progress") or {}, item.get("error_message") or {}
    return BenchmarkRow(
        job_id=job_id,
        index=item["benchmark_index"],
        provider_id=item["provider_id"],
        benchmark_id=item["id"],
        state=item["status"],
        reason=item.get("reason"),
        message=error.get("message", "" if item["status"] in OVER else None),
        phase=item.get("phase"),
        done=progress.get("done"),
        total=progress.get("total"),
        samples_per_minute=progress.get("samples_per_minute"),
        started_at=_moment(item.get("started_at")),
        finished_at=_moment(item.get("completed_at")),
    )


def _spec(body: Json) -> EvalJob:
    """Return what was asked for; a request that this version cannot read keeps its names."""
    asked = {name: value for name, value in body.items() if name not in _ANSWERED}
    try:
        return to_job(JobRequest.model_validate(asked))
    except (ValidationError, InvalidManifest):
        benchmarks = [
            {"provider_id": each["provider_id"], "id": each["id"]} for each in body["status"].get("benchmarks", ())
        ]
        model = {"name": body["model"]["name"]}
        return EvalJob.model_validate({"name": body["name"], "model": model, "benchmarks": benchmarks})


def _moment(text: str | None) -> datetime | None:
    """Return a time; adapters write some of them, so one may make no sense."""
    try:
        moment = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return moment if moment and moment.tzinfo else None
