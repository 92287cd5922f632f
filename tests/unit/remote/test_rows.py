"""What the server's views make of rows, the command makes into the same rows again."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from evallab.api.evalhub import from_job, to_body
from evallab.api.job import EvalJob
from evallab.remote import rows
from evallab.server.views.job import resource
from evallab.server.views.results import comparison, score
from evallab.store.interface import BenchmarkRow, ComparisonRow, JobRow, JobSnapshot, ScoreRow

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LATER = datetime(2026, 1, 1, 12, 5, tzinfo=UTC)
SPEC = EvalJob.model_validate(
    {
        "name": "job",
        "model": {"name": "m", "url": "http://m/v1", "lineage": {"family": "f", "parent": "p", "change": "c"}},
        "benchmarks": [{"provider_id": "p", "id": "b", "weight": 2.0, "pass_criteria": {"threshold": 0.5}}],
        "compare": {"against": "baseline", "fail_on": "regression"},
        "sampling": {"seed": 7},
        "retries": 5,
    }
)
SCORE = ScoreRow(
    job_id="j",
    index=0,
    attempt_id="a",
    provider_id="p",
    benchmark_id="b",
    metric="acc",
    filter="none",
    value=0.5,
    stderr=0.1,
    ci_low=0.4,
    ci_high=None,
    interval_method="wilson",
    n=10,
    n_errors=1,
    higher_is_better=True,
    primary=True,
    question_key="k",
    validity="degraded",
    validity_reasons=("hot",),
    threshold=0.5,
    passed=True,
)
COMPARISON = ComparisonRow(
    job_id="j",
    index=1,
    baseline_job_id="i",
    baseline_index=0,
    metric="acc",
    filter="none",
    n=10,
    baseline_value=0.5,
    value=0.6,
    delta=0.1,
    ci_low=None,
    ci_high=0.2,
    p_value=0.3,
    lost=1,
    gained=2,
    discordance=0.3,
    smallest_detectable=0.4,
    margin=0.01,
    method="mcnemar",
    verdict="PASS",
    note="n",
    q_value=0.6,
)


def asked(spec: EvalJob) -> dict[str, Any]:
    return to_body(from_job(spec))


def test_a_job_that_ended() -> None:
    job = JobRow(
        id="j",
        name="job",
        spec=SPEC,
        state="failed",
        attached=False,
        created_at=NOON,
        started_at=NOON,
        finished_at=LATER,
        reason="AdapterRefused",
        message="It said no.",
        tenant="team",
        owner="me",
        request=asked(SPEC),
    )
    benchmark = BenchmarkRow(
        job_id="j",
        index=0,
        provider_id="p",
        benchmark_id="b",
        state="failed",
        reason="AdapterRefused",
        message="It said no.",
        done=3,
        total=10,
        samples_per_minute=2.5,
        started_at=NOON,
        finished_at=LATER,
    )
    shown = resource(JobSnapshot(job=job, benchmarks=(benchmark,), attempts=(), events=(), results=frozenset()))
    found = rows.snapshot(shown)
    assert found.job == replace(job, request=None)
    assert found.benchmarks == (replace(benchmark, finished_at=LATER),)


def test_a_job_that_waits() -> None:
    job = JobRow(id="j", name="job", spec=SPEC, state="pending", attached=False, created_at=NOON, request=asked(SPEC))
    benchmark = BenchmarkRow(job_id="j", index=0, provider_id="p", benchmark_id="b")
    snapshot = JobSnapshot(job=job, benchmarks=(benchmark,), attempts=(), events=(), results=frozenset())
    found = rows.snapshot(resource(snapshot, position=3))
    assert (found.job, found.benchmarks) == (replace(job, request=None), (benchmark,))


def test_a_job_whose_request_this_version_cannot_read_keeps_its_names() -> None:
    body = {
        "resource": {"id": "j", "created_at": "2026-01-01T12:00:00Z"},
        "status": {"state": "running", "benchmarks": [_benchmark()]},
        "name": "job",
        "model": {"name": "m", "url": ""},
        "custom": {"evallab": {"of_the_future": 1}},
        "benchmarks": [{"id": "b", "provider_id": "p"}],
    }
    spec = rows.job_row(body).spec
    assert (spec.name, spec.model.name, [each.id for each in spec.benchmarks]) == ("job", "m", ["b"])


def test_scores_and_comparisons() -> None:
    assert rows.score_row("j", score(SCORE)) == SCORE
    assert rows.score_row("j", score(replace(SCORE, stderr=None, threshold=None, passed=None))).passed is None
    assert rows.comparison_row("j", comparison(COMPARISON)) == COMPARISON


def test_a_time_that_an_adapter_made_up_is_no_time() -> None:
    body = {
        "resource": {"id": "j", "created_at": "2026-01-01T12:00:00Z"},
        "status": {"state": "running", "benchmarks": [_benchmark(started_at="yesterday", completed_at="2026-01-01")]},
        **asked(SPEC),
    }
    [found] = rows.snapshot(body).benchmarks
    assert (found.started_at, found.finished_at) == (None, None)


def _benchmark(**more: str) -> dict[str, Any]:
    return {"provider_id": "p", "id": "b", "benchmark_index": 0, "status": "running", **more}
