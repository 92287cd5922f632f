"""A job as people and `--output json` see it: one frozen value, read from the store in one place.

Called by `evallab run` (at its end), `show`, `jobs` and `frames`; `table` draws it and `document` writes it as JSON.
A report judges nothing anew: states, intervals, validity and verdicts are what was recorded when the job ended.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import Any

from evallab.api.errors import NotFound
from evallab.api.job import EvalJob
from evallab.reporting import canary
from evallab.reporting.canary import Canary
from evallab.reporting.overall import Overall, overall
from evallab.reporting.telemetry import Telemetry, telemetry
from evallab.store.interface import BenchmarkRow, ComparisonRow, JobSnapshot, ScoreRow, Store


@dataclass(frozen=True, kw_only=True)
class Model:
    """What was evaluated, and where it comes from."""

    name: str
    family: str | None = None
    parent: str | None = None
    change: str | None = None


@dataclass(frozen=True, kw_only=True)
class Score:
    """One metric with its interval. `passed` is None where there is no threshold."""

    metric: str
    filter: str
    value: float
    ci_low: float | None
    ci_high: float | None
    interval_method: str
    n: int
    n_errors: int
    higher_is_better: bool
    validity: str
    validity_reasons: tuple[str, ...]
    threshold: float | None
    passed: bool | None


@dataclass(frozen=True, kw_only=True)
class Change:
    """The primary score against the baseline's, on the same questions; the numbers are in the metric's own unit."""

    baseline_job: str
    baseline_name: str | None
    metric: str
    filter: str
    n: int
    baseline_value: float
    value: float
    delta: float
    ci_low: float | None
    ci_high: float | None
    p_value: float | None
    lost: int
    gained: int
    discordance: float
    smallest_detectable: float | None
    margin: float
    method: str
    verdict: str
    note: str
    q_value: float | None = None  #: p corrected for the benchmarks that were compared at once


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a benchmark is, as its adapter last said."""

    done: int
    total: int | None
    samples_per_minute: float | None


@dataclass(frozen=True, kw_only=True)
class BenchmarkReport:
    """One benchmark of the job. `comparison` is None when there was nothing to compare with."""

    index: int
    provider: str
    id: str
    state: str
    reason: str | None
    message: str | None
    phase: str | None
    progress: Progress | None
    primary_score: Score | None
    scores: tuple[Score, ...]  #: all other metrics
    comparison: Change | None

    @property
    def label(self) -> str:
        """Return the benchmark's full name."""
        return f"{self.provider}/{self.id}"


@dataclass(frozen=True, kw_only=True)
class JobReport:
    """A job whole. `overall` exists when every benchmark completed; `not_enforced` are defaults nothing enforced."""

    id: str
    name: str
    state: str
    reason: str | None
    message: str | None
    model: Model
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    overall: Overall | None
    not_enforced: tuple[str, ...]
    benchmarks: tuple[BenchmarkReport, ...]
    compare_against: str = "previous"  #: previous, baseline, or a job as the manifest names it
    telemetry: Telemetry | None = None  #: None until it ended, and where it was imported
    canary: Canary | None = None  #: None while the job runs

    @property
    def finished(self) -> bool:
        """True when nothing of it will change any more."""
        return self.state not in {"pending", "running"}


def labels(benchmarks: Sequence[BenchmarkReport]) -> list[str]:
    """Name benchmarks by id where ids are unambiguous, else by provider/id, else with their index."""
    return _labels([(benchmark.index, benchmark.provider, benchmark.id) for benchmark in benchmarks])


def short_labels(rows: Sequence[BenchmarkRow]) -> list[str]:
    """Name the rows of benchmarks in the same way."""
    return _labels([(row.index, row.provider_id, row.benchmark_id) for row in rows])


def _labels(named: Sequence[tuple[int, str, str]]) -> list[str]:
    ids = [each for _, _, each in named]
    full = [f"{provider}/{each}" for _, provider, each in named]
    if len(set(ids)) == len(ids):
        return ids
    if len(set(full)) == len(full):
        return full
    return [f"{label}#{index}" for label, (index, _, _) in zip(full, named, strict=True)]


async def job_report(store: Store, job_id: str) -> JobReport:
    """Read the report of a job. Raises NotFound."""
    snapshot = await store.snapshot(job_id)
    comparisons = await store.comparisons(job_id)
    provenance = await store.provenance(job_id)
    names = await names_of(store, {row.baseline_job_id for row in comparisons} | canary.baselines(provenance))
    return build(
        snapshot,
        scores=await store.scores(job_id),
        comparisons=comparisons,
        baseline_names=names,
        not_enforced=provenance.get("job", {}).get("not_enforced", ()),
        told=canary.canary(provenance, names),
        seen=telemetry(provenance),
    )


def build(
    snapshot: JobSnapshot,
    *,
    scores: Sequence[ScoreRow],
    comparisons: Iterable[ComparisonRow] = (),
    baseline_names: Mapping[str, str] | None = None,
    not_enforced: Iterable[Any] = (),
    told: Canary | None = None,
    seen: Telemetry | None = None,
) -> JobReport:
    """Assemble a report from rows (pure)."""
    job = snapshot.job
    by_index: dict[int, list[ScoreRow]] = defaultdict(list)
    for score in scores:
        by_index[score.index].append(score)
    rows = sorted(snapshot.benchmarks, key=lambda row: row.index)
    names = baseline_names or {}
    changes = {each.index: change(each, names.get(each.baseline_job_id)) for each in comparisons}
    return JobReport(
        id=job.id,
        name=job.name,
        state=job.state,
        reason=job.reason,
        message=job.message,
        model=_model(job.spec),
        created_at=job.created_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
        overall=overall(job.spec, scores) if job.state == "completed" else None,
        not_enforced=tuple(str(item) for item in not_enforced),
        benchmarks=tuple(_benchmark(row, by_index[row.index], changes.get(row.index)) for row in rows),
        compare_against=job.spec.compare.against or "previous",
        telemetry=seen,
        canary=told,
    )


async def names_of(store: Store, job_ids: Iterable[str]) -> dict[str, str]:
    """Name jobs by id; one that is gone has no name."""
    names = {}
    for job_id in job_ids:
        try:
            names[job_id] = (await store.snapshot(job_id)).job.name
        except NotFound:
            continue
    return names


def _model(spec: EvalJob) -> Model:
    lineage = spec.model.lineage
    if lineage is None:
        return Model(name=spec.model.name)
    return Model(name=spec.model.name, family=lineage.family, parent=lineage.parent, change=lineage.change)


def _benchmark(row: BenchmarkRow, scores: list[ScoreRow], change: Change | None) -> BenchmarkReport:
    primary = next((score for score in scores if score.primary), None)
    return BenchmarkReport(
        index=row.index,
        provider=row.provider_id,
        id=row.benchmark_id,
        state=row.state,
        reason=row.reason,
        message=row.message,
        phase=row.phase,
        progress=_progress(row),
        primary_score=_score(primary) if primary else None,
        scores=tuple(_score(score) for score in scores if score is not primary),
        comparison=change,
    )


def _progress(row: BenchmarkRow) -> Progress | None:
    if row.done is None:
        return None
    return Progress(done=row.done, total=row.total, samples_per_minute=row.samples_per_minute)


def _score(row: ScoreRow) -> Score:
    return Score(
        metric=row.metric,
        filter=row.filter,
        value=row.value,
        ci_low=_number(row.ci_low),
        ci_high=_number(row.ci_high),
        interval_method=row.interval_method,
        n=row.n,
        n_errors=row.n_errors,
        higher_is_better=row.higher_is_better,
        validity=row.validity,
        validity_reasons=row.validity_reasons,
        threshold=row.threshold,
        passed=row.passed,
    )


def change(row: ComparisonRow, baseline_name: str | None = None) -> Change:
    """Return a comparison as reports show it."""
    return Change(
        baseline_job=row.baseline_job_id,
        baseline_name=baseline_name,
        metric=row.metric,
        filter=row.filter,
        n=row.n,
        baseline_value=row.baseline_value,
        value=row.value,
        delta=row.delta,
        ci_low=_number(row.ci_low),
        ci_high=_number(row.ci_high),
        p_value=row.p_value,
        lost=row.lost,
        gained=row.gained,
        discordance=row.discordance,
        smallest_detectable=_number(row.smallest_detectable),
        margin=row.margin,
        method=row.method,
        verdict=row.verdict,
        note=row.note,
        q_value=row.q_value,
    )


def _number(value: float | None) -> float | None:
    """A bound that nothing bounds is recorded as infinite or NaN; readers get None."""
    return value if value is not None and isfinite(value) else None
