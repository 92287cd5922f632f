"""Rows to store: each function returns a whole, valid value, and takes what a test wants different."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from evallab.api.job import Benchmark, EvalJob, Lineage, Model
from evallab.store.interface import (
    ArtifactRow,
    AttemptResult,
    AttemptRow,
    BenchmarkRow,
    ComparisonRow,
    DatasetRow,
    EventRow,
    JobRow,
    SampleRow,
    ScoreRow,
    Store,
)

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
QUESTIONS = "ab" * 32


def minutes(count: float) -> datetime:
    """Return noon plus so many minutes."""
    return NOON + timedelta(minutes=count)


def job(
    id_: str = "job-1", *, model: str = "tiny-q4", family: str | None = "tiny", priority: int = 0, **changes: Any
) -> JobRow:
    """Return a pending job with one benchmark."""
    spec = EvalJob(
        name=changes.get("name", "nightly"),
        model=Model(
            name=model, url="http://127.0.0.1:1/v1", lineage=Lineage(family=family, parent="tiny", change="Q4_0")
        ),
        benchmarks=(Benchmark(provider_id="lm_evaluation_harness", id="sums", parameters={"limit": 3}),),
        priority=priority,
    )
    row = JobRow(id=id_, name="nightly", spec=spec, state="pending", manifest="kind: EvalJob\n", created_at=NOON)
    return replace(row, **{"updated_at": changes.get("created_at", NOON)} | changes)


def benchmark(job_id: str = "job-1", index: int = 0, **changes: Any) -> BenchmarkRow:
    """Return a pending benchmark."""
    row = BenchmarkRow(job_id=job_id, index=index, provider_id="lm_evaluation_harness", benchmark_id="sums")
    return replace(row, **changes)


def attempt(job_id: str = "job-1", number: int = 1, **changes: Any) -> AttemptRow:
    """Return a running attempt, named <job>-a<number>."""
    row = AttemptRow(
        id=f"{job_id}-a{number}",
        job_id=job_id,
        index=0,
        number=number,
        state="running",
        handle={"pid": 4711},
        created_at=NOON,
        started_at=minutes(1),
    )
    return replace(row, **changes)


def event(id_: str = "event-1", attempt_id: str = "job-1-a1", **changes: Any) -> EventRow:
    """Return an event."""
    row = EventRow(id=id_, attempt_id=attempt_id, received_at=minutes(2), body={"status": "running", "id": "sums"})
    return replace(row, **changes)


def score(job_id: str = "job-1", number: int = 1, **changes: Any) -> ScoreRow:
    """Return the primary score."""
    row = ScoreRow(
        job_id=job_id,
        index=0,
        attempt_id=f"{job_id}-a{number}",
        provider_id="lm_evaluation_harness",
        benchmark_id="sums",
        metric="exact_match",
        filter="none",
        value=2 / 3,
        stderr=0.27,
        ci_low=0.2,
        ci_high=0.94,
        interval_method="wilson",
        n=3,
        n_errors=0,
        higher_is_better=True,
        primary=True,
        question_key=QUESTIONS,
        validity="degraded",
        validity_reasons=("small n",),
        threshold=0.5,
        passed=True,
    )
    return replace(row, **changes)


def sample(doc_id: int, value: float | None, **changes: Any) -> SampleRow:
    """Return a sample with one score."""
    row = SampleRow(
        doc_id=doc_id,
        repeat=0,
        doc_hash=f"{doc_id:02x}" * 32,
        prompt_hash="cd" * 32,
        response_hash="ef" * 32,
        prompt_tokens=12,
        completion_tokens=3,
        latency_ms=41.7,
        finish_reason="stop",
        error=None,
        text_offset=0,
        text_line=doc_id,
        scores={("exact_match", "none"): value},
    )
    return replace(row, **changes)


def artifact(id_: str = "artifact-1", job_id: str = "job-1", **changes: Any) -> ArtifactRow:
    """Return a samples artifact."""
    row = ArtifactRow(
        id=id_,
        job_id=job_id,
        index=0,
        attempt_id=f"{job_id}-a1",
        kind="samples",
        name="samples.jsonl",
        path="ab/abcd",
        sha256="01" * 32,
        bytes=123,
        codec="zstd-frames",
    )
    return replace(row, **changes)


def result(job_id: str = "job-1", number: int = 1, **changes: Any) -> AttemptResult:
    """Return a result with one score, three samples and one artifact."""
    row = AttemptResult(
        attempt_id=f"{job_id}-a{number}",
        job_id=job_id,
        index=0,
        recorded_at=minutes(5),
        metrics={"exact_match": 2 / 3},
        scores=(score(job_id, number),),
        samples=[sample(0, 1.0), sample(1, 0.0), sample(2, None, error="timed out", response_hash=None)],
        artifacts=(artifact(f"{job_id}-artifact-{number}", job_id, attempt_id=f"{job_id}-a{number}"),),
        dataset=DatasetRow(name="sums", fingerprint="f1", revision=None, n=3, detail={"split": "test"}),
        question_key=QUESTIONS,
        provenance={"harness": {"name": "lm-eval", "version": "0.4.13"}},
    )
    return replace(row, **changes)


def comparison(job_id: str, baseline: str, **changes: Any) -> ComparisonRow:
    """Return a comparison."""
    row = ComparisonRow(
        job_id=job_id,
        index=0,
        baseline_job_id=baseline,
        baseline_index=0,
        metric="exact_match",
        filter="none",
        n=3,
        baseline_value=1.0,
        value=2 / 3,
        delta=-1 / 3,
        ci_low=-0.8,
        ci_high=0.3,
        p_value=0.5,
        lost=1,
        gained=0,
        discordance=1 / 3,
        smallest_detectable=0.9,
        margin=0.01,
        method="McNemar mid-p",
        verdict="INCONCLUSIVE",
    )
    return replace(row, **changes)


async def ended_job(store: Store, row: JobRow, made: AttemptResult | None = None) -> None:
    """Store a job that completed with a result; it ended a minute after it was made."""
    await store.create_job(row, [benchmark(row.id)], actor="ada")
    await store.save_attempt(attempt(row.id))
    await store.record_result(made or result(row.id))
    await store.save_attempt(attempt(row.id, state="completed", exit_code=0))
    ended = replace(row, state="completed", finished_at=row.created_at + timedelta(minutes=1))
    await store.save_job(ended, [benchmark(row.id, state="completed")])
