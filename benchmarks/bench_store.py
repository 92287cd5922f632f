"""The store under load, on a real embedded Postgres with generated rows: ingest, leaderboard, diff.

python -m benchmarks.bench_store
"""

import asyncio
import json
import random
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from statistics import median, quantiles

import psycopg

from benchmarks.row import Row
from evallab.api.job import Benchmark, EvalJob, Model
from evallab.engine import recording
from evallab.engine.comparing import comparisons
from evallab.reporting.leaderboard import board
from evallab.runtimes.interface import Leavings
from evallab.store import embedded
from evallab.store.artifacts import ArtifactFiles
from evallab.store.connection import open_store
from evallab.store.interface import AttemptRow, BenchmarkRow, JobRow
from evallab.store.postgres import PostgresStore
from evallab.store.queries import parse, read

SAMPLES, JOBS, BENCHMARKS, MODELS = 14_000, 10_000, 20, 200
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
SEED = parse(read(Path(__file__).with_name("bench_store.sql")))
WORDS = ("alpha", "beta", "gamma", "delta", "seven", "twelve")


def rows() -> list[Row]:
    """Measure."""
    folder = Path(tempfile.mkdtemp(prefix="evallab-bench-"))
    folder.chmod(0o755)  # the account that runs Postgres enters it
    try:
        return asyncio.run(_measured(folder))
    finally:
        embedded.stop(folder)
        shutil.rmtree(folder, ignore_errors=True)


async def _measured(folder: Path) -> list[Row]:
    async with _opened(folder) as store:
        ingest = await _ingest(store, folder)
        diff = await _diff(store)
        _seed_history(embedded.ensure(folder))
        leaderboard = await _leaderboard(store)
    return [*ingest, *leaderboard, diff]


@asynccontextmanager
async def _opened(folder: Path) -> AsyncIterator[PostgresStore]:
    async with open_store(url=embedded.ensure(folder), home=folder) as store:
        yield store


async def _ingest(store: PostgresStore, folder: Path, *, repeats: int = 5) -> list[Row]:
    """Record an attempt of 14,000 samples as the engine does: parse, hash, compress, COPY, commit."""
    _leave(folder)
    whole, stored = [], []
    for number in range(repeats + 1):  # the first one warms up
        job = _job(f"ingest-{number}", created_at=NOON + timedelta(minutes=number))
        attempt = AttemptRow(id=f"{job.id}-a", job_id=job.id, index=0, number=1, state="running", created_at=NOON)
        await store.create_job(job, [_benchmark(job)], actor="bench")
        await store.save_attempt(attempt)
        leavings = Leavings(
            result_file=folder / "result.json", artifacts_dir=folder, log_file=folder / "none", work_dir=folder
        )
        ended = recording.Ended(job=job, attempt=attempt, events=(), leavings=leavings)
        begun = time.perf_counter()
        result = recording.assemble(ended, ArtifactFiles(folder / "artifacts"), now=NOON)
        assembled = time.perf_counter()
        await store.record_result(result)
        whole.append(time.perf_counter() - begun)
        stored.append(time.perf_counter() - assembled)
        await store.save_job(replace(job, state="completed", finished_at=job.created_at), [_benchmark(job)])
    rate, copied = SAMPLES / median(whole[1:]), SAMPLES / median(stored[1:])
    note = f"{SAMPLES:,} samples of 2 kB: parsed, hashed, compressed, copied, committed; median of {repeats}"
    return [
        Row(metric="recording an attempt", measured=rate, unit="samples/s", target=20_000, sense="at least", note=note),
        Row(metric="of that, the database", measured=copied, unit="samples/s", note="rows by COPY in one transaction"),
    ]


async def _diff(store: PostgresStore) -> Row:
    """Compare two jobs of 14,000 samples, as `evallab diff` does."""
    job = (await store.snapshot("ingest-2")).job

    async def work() -> object:
        return await comparisons(store, job, against="ingest-1", margin=None)

    seconds = await _timed(work, 9)
    note = f"two jobs of {SAMPLES:,} samples, paired; median of {len(seconds)}"
    return Row(metric="diff of two jobs", measured=median(seconds), unit="s", target=0.3, note=note)


async def _leaderboard(store: PostgresStore) -> list[Row]:
    """Ask for the leaderboard of everything, and arrange it."""
    latest = await store.latest()

    async def ask() -> object:
        return await store.latest()

    async def arrange() -> object:
        return board(latest)

    asked, arranged = await _timed(ask, 40), await _timed(arrange, 10)
    note = f"{JOBS:,} jobs × {BENCHMARKS} benchmarks: {len(latest):,} newest scores of {MODELS} models"
    return [
        Row(metric="leaderboard, asked, p95", measured=quantiles(asked, n=20)[-1], unit="s", target=0.05, note=note),
        Row(metric="leaderboard, asked", measured=median(asked), unit="s", note="the same, median"),
        Row(
            metric="leaderboard, arranged", measured=median(arranged), unit="s", note="columns and ranks of it, median"
        ),
    ]


async def _timed(work: Callable[[], Awaitable[object]], repeats: int) -> list[float]:
    await work()
    seconds = []
    for _ in range(repeats):
        begun = time.perf_counter()
        await work()
        seconds.append(time.perf_counter() - begun)
    return seconds


def _seed_history(url: str) -> None:
    """Make 10,000 ended jobs in the database itself; latest scores as the store makes them."""
    with psycopg.connect(url, autocommit=True) as connection:
        sizes = {"jobs": JOBS, "benchmarks": BENCHMARKS, "models": MODELS}
        for statement in SEED.values():
            connection.execute(statement, sizes)


def _job(job_id: str, *, created_at: datetime) -> JobRow:
    spec = EvalJob(name="bench", model=Model(name="bench"), benchmarks=(Benchmark(provider_id="bench", id="mmlu"),))
    return JobRow(id=job_id, name=job_id, spec=spec, state="pending", created_at=created_at)


def _benchmark(job: JobRow) -> BenchmarkRow:
    return BenchmarkRow(job_id=job.id, index=0, provider_id="bench", benchmark_id="mmlu")


def _leave(folder: Path) -> None:
    """Write what an adapter leaves."""
    generator = random.Random(7)  # noqa: S311 - the same rows each time
    with (folder / "samples.jsonl").open("w", encoding="utf-8") as lines:
        lines.writelines(f"{json.dumps(_sample(number, generator))}\n" for number in range(SAMPLES))
    score = {"metric": "acc", "filter": "none", "value": 0.7, "primary": True}
    result = {
        "status": "completed",
        "scores": [score],
        "counts": {"total": SAMPLES, "answered": SAMPLES},
        "question": {"n": SAMPLES},
        "samples": "samples.jsonl",
    }
    (folder / "result.json").write_text(json.dumps(result), encoding="utf-8")


def _sample(number: int, generator: random.Random) -> dict[str, object]:
    digest = sha256(str(number).encode()).hexdigest()
    right = float(generator.random() < 0.7)
    return {
        "doc_id": number,
        "doc_hash": digest,
        "prompt_hash": digest,
        "prompt": " ".join(generator.choices(WORDS, k=250)),
        "target": str(number),
        "response": " ".join(generator.choices(WORDS, k=50)),
        "filtered": {"none": str(number)},
        "scores": {"acc,none": right, "acc_norm,none": right},
        "prompt_tokens": 900,
        "completion_tokens": 120,
        "latency_ms": 812.5,
        "finish_reason": "stop",
    }
