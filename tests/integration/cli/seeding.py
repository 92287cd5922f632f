"""Two finished jobs with real texts and a real comparison, stored through the Store interface as the engine does."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from evallab.analysis.intervals import wilson
from evallab.api.contract import Sample
from evallab.api.job import Benchmark, EvalJob, Lineage, Model
from evallab.engine.comparing import comparisons
from evallab.store.artifacts import ArtifactFiles
from evallab.store.interface import (
    ArtifactRow,
    AttemptResult,
    AttemptRow,
    BenchmarkRow,
    JobRow,
    SampleRow,
    ScoreRow,
    Store,
)

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
PROVIDER = "lm_evaluation_harness"
BENCHMARKS = ("demo_arith", "demo_facts")
BASELINE = "5a5e11ae00000000"
CANDIDATE = "ca4d1da7e0000000"
QUESTIONS = 40
RIGHT = {  #: how many of each benchmark's questions each job answers rightly, the first ones
    BASELINE: (38, 30),
    CANDIDATE: (22, 29),
}


@dataclass(frozen=True)
class Owner:
    """Whose file it is."""

    job_id: str
    index: int | None
    attempt_id: str | None


async def seed(store: Store, home: Path) -> None:
    """Store the baseline and, three minutes younger, the candidate, compared with it."""
    await finished_job(store, home, job(BASELINE, "demo-f16"))
    candidate = job(CANDIDATE, "demo-q3", created_at=NOON + timedelta(minutes=3))
    await finished_job(store, home, candidate)
    await store.add_comparisons(await comparisons(store, candidate, against=None, margin=None))
    await store.add_provenance(CANDIDATE, {"host": {"cpu": "a cpu"}}, now=NOON)


def job(job_id: str, name: str, *, created_at: datetime = NOON) -> JobRow:
    """Return a job of two benchmarks."""
    spec = EvalJob(
        name=name,
        model=Model(name=name, url="http://127.0.0.1:1/v1", lineage=Lineage(family="demo")),
        benchmarks=tuple(Benchmark(provider_id=PROVIDER, id=each) for each in BENCHMARKS),
    )
    return JobRow(id=job_id, name=name, spec=spec, state="pending", created_at=created_at)


async def finished_job(store: Store, home: Path, row: JobRow) -> None:
    """Store a job that completed, with its results, logs and texts."""
    await store.create_job(row, benchmarks(row, state="pending"), actor="test")
    for index, right in enumerate(RIGHT[row.id]):
        await store.save_attempt(attempt(row, index, state="running"))
        await store.record_result(result(row, index, right, home))
        await store.save_attempt(attempt(row, index, state="completed"))
        await store.add_artifact(kept_log(row, index, home))
    start = row.created_at + timedelta(seconds=1)
    ended = replace(row, state="completed", started_at=start, finished_at=start + timedelta(seconds=72))
    await store.save_job(ended, benchmarks(row, state="completed"))


def benchmarks(row: JobRow, *, state: str) -> list[BenchmarkRow]:
    """Return the rows of both benchmarks."""
    return [
        BenchmarkRow(job_id=row.id, index=index, provider_id=PROVIDER, benchmark_id=each, state=state)  # type: ignore[arg-type]
        for index, each in enumerate(BENCHMARKS)
    ]


def attempt(row: JobRow, index: int, *, state: str) -> AttemptRow:
    """Return the one attempt of a benchmark."""
    return AttemptRow(id=f"{row.id}-{index}", job_id=row.id, index=index, number=1, state=state, created_at=NOON)  # type: ignore[arg-type]


def result(row: JobRow, index: int, right: int, home: Path) -> AttemptResult:
    """Return what an attempt ended with; its texts are kept below `home`."""
    artifact, rows = kept_samples(row, index, right, home)
    return AttemptResult(
        attempt_id=f"{row.id}-{index}",
        job_id=row.id,
        index=index,
        recorded_at=NOON,
        metrics={"exact_match": right / QUESTIONS},
        scores=(score(row, index, right),),
        samples=rows,
        artifacts=(artifact,),
        dataset=None,
        question_key=f"{index:02x}" * 32,
        provenance={"harness": {"name": "lm-eval"}},
    )


def score(row: JobRow, index: int, right: int) -> ScoreRow:
    """Return the primary score."""
    interval = wilson(right, QUESTIONS)
    return ScoreRow(
        job_id=row.id,
        index=index,
        attempt_id=f"{row.id}-{index}",
        provider_id=PROVIDER,
        benchmark_id=BENCHMARKS[index],
        metric="exact_match",
        filter="strict-match",
        value=right / QUESTIONS,
        stderr=None,
        ci_low=interval.low,
        ci_high=interval.high,
        interval_method="wilson",
        n=QUESTIONS,
        n_errors=0,
        higher_is_better=True,
        primary=True,
        question_key=f"{index:02x}" * 32,
        validity="valid",
    )


def kept_samples(row: JobRow, index: int, right: int, home: Path) -> tuple[ArtifactRow, list[SampleRow]]:
    """Keep the texts of a benchmark's questions."""
    samples = (sample(doc_id, right=doc_id < right) for doc_id in range(QUESTIONS))
    return ArtifactFiles(home / "artifacts").write_samples(samples, owner=Owner(row.id, index, f"{row.id}-{index}"))


def sample(doc_id: int, *, right: bool) -> Sample:
    """Return a question: the sum of its id and one."""
    answer = f"The answer is {doc_id + 1}.\nThat was easy." if right else f"I think it is\x1b[31m {doc_id + 3}."
    return Sample(
        doc_id=doc_id,
        doc_hash=f"{doc_id:064x}",
        prompt_hash=f"{doc_id:064x}",
        prompt=f"{doc_id} + 1 =",
        target=str(doc_id + 1),
        response=answer,
        scores={"exact_match,strict-match": 1.0 if right else 0.0},
        prompt_tokens=5,
        completion_tokens=7,
        latency_ms=41.5,
        finish_reason="stop",
    )


def kept_log(row: JobRow, index: int, home: Path) -> ArtifactRow:
    """Keep the log of an attempt."""
    path = home / f"{row.id}-{index}.log"
    path.write_text(f"loading {BENCHMARKS[index]}\ndone\n", encoding="utf-8")
    files = ArtifactFiles(home / "artifacts")
    return files.store_file(path, kind="log", name="jobrun.log", owner=Owner(row.id, index, f"{row.id}-{index}"))
