"""What the engine, the receiver and the commands ask of the store: few verbs, frozen rows, no rules.

Times are timezone-aware UTC and come in as parameters, as do ids. Every method is one transaction: it happened or it
did not. Methods that write are safe to repeat (same ids, same content), because callers repeat them after a crash.
Implemented by `store.postgres`.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from evallab.api.job import EvalJob

JobState = Literal["pending", "running", "completed", "failed", "partially_failed", "cancelled"]
BenchmarkState = Literal["pending", "running", "completed", "failed", "cancelled"]
AttemptState = Literal["starting", "running", "completed", "failed", "cancelled"]
Validity = Literal["valid", "degraded", "invalid"]
Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class JobRow:
    """One job. `spec` is what was asked, collection expanded, defaults kept as None; `manifest` the text it was."""

    id: str
    name: str
    spec: EvalJob
    state: JobState
    runtime: Literal["local", "kubernetes"] = "local"
    attached: bool = True  #: lives and dies with the command that made it
    manifest: str = ""
    manifest_dir: str | None = None
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    reason: str | None = None  #: CamelCase, for machines
    message: str | None = None  #: for people, with the remedy
    cancel_requested: bool = False
    setup_key: str | None = None
    model_server: Json | None = None  #: url, pid and so on, while one is up; fingerprint and facts afterwards


@dataclass(frozen=True, kw_only=True)
class BenchmarkRow:
    """One benchmark of a job, as last projected."""

    job_id: str
    index: int
    provider_id: str
    benchmark_id: str
    state: BenchmarkState = "pending"
    reason: str | None = None
    message: str | None = None
    phase: str | None = None
    done: int | None = None
    total: int | None = None
    samples_per_minute: float | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class AttemptRow:
    """One execution of one benchmark. `handle` is the runtime's own note of how to find it again."""

    id: str
    job_id: str
    index: int
    number: int  #: 1 for the first attempt of that benchmark
    state: AttemptState = "starting"
    handle: Json = field(default_factory=dict)
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    stop_requested: str | None = None  #: why it was told to stop: "Cancelled", "TimedOut", …
    exit_code: int | None = None
    exit_signal: int | None = None
    reason: str | None = None
    message: str | None = None


@dataclass(frozen=True, kw_only=True)
class EventRow:
    """One event as an adapter posted it (the inner `benchmark_status_event`)."""

    id: str
    attempt_id: str
    received_at: datetime
    body: Json
    late: bool = False  #: arrived after its attempt had ended: kept, never scored


@dataclass(frozen=True, kw_only=True)
class JobSnapshot:
    """All that a reconcile needs of one job, read in one transaction."""

    job: JobRow
    benchmarks: tuple[BenchmarkRow, ...]
    attempts: tuple[AttemptRow, ...]
    events: tuple[EventRow, ...]  #: oldest first; progress that newer progress replaced is left out
    results: frozenset[str]  #: ids of attempts whose result is recorded


@dataclass(frozen=True, kw_only=True)
class ScoreRow:
    """One metric of one benchmark, with its interval (None where there is none; `interval_method` then says why)."""

    job_id: str
    index: int
    attempt_id: str
    provider_id: str
    benchmark_id: str
    metric: str
    filter: str
    value: float
    stderr: float | None
    ci_low: float | None
    ci_high: float | None
    interval_method: str
    n: int
    n_errors: int
    higher_is_better: bool
    primary: bool
    question_key: str | None
    validity: Validity
    validity_reasons: tuple[str, ...] = ()
    threshold: float | None = None
    passed: bool | None = None


@dataclass(frozen=True, kw_only=True)
class SampleRow:
    """Numbers and hashes of one question; its texts are in the samples artifact (`text_offset`, `text_line`)."""

    doc_id: int
    repeat: int
    doc_hash: str  #: hex sha256
    prompt_hash: str
    response_hash: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    latency_ms: float | None
    finish_reason: str | None
    error: str | None
    text_offset: int | None
    text_line: int | None
    scores: Mapping[tuple[str, str], float | None] = field(default_factory=dict)  #: (metric, filter) → value


@dataclass(frozen=True, kw_only=True)
class ArtifactRow:
    """One kept file. `path` is below the artifact root; `bytes` as stored; `sha256` of the content, uncompressed."""

    id: str
    job_id: str
    index: int | None
    attempt_id: str | None
    kind: str  #: "samples", "log", "result", "file"
    name: str
    path: str
    sha256: str
    bytes: int
    codec: str  #: "zstd-frames", "zstd", "none"


@dataclass(frozen=True, kw_only=True)
class DatasetRow:
    """What a benchmark's questions were: identity of the data by content."""

    name: str
    fingerprint: str
    revision: str | None = None
    n: int | None = None
    detail: Json = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class AttemptResult:
    """Everything one attempt ended with, recorded whole or not at all, once per attempt."""

    attempt_id: str
    job_id: str
    index: int
    recorded_at: datetime
    metrics: Json  #: EvalHub's `metrics` of the completed event
    scores: tuple[ScoreRow, ...]
    samples: Sequence[SampleRow]
    artifacts: tuple[ArtifactRow, ...]
    dataset: DatasetRow | None
    question_key: str | None
    provenance: Json


@dataclass(frozen=True, kw_only=True)
class ComparisonRow:
    """A job's primary score against another job's, on equal question keys."""

    job_id: str
    index: int
    baseline_job_id: str
    baseline_index: int
    metric: str
    filter: str
    n: int
    baseline_value: float
    value: float
    delta: float
    ci_low: float | None  #: None where nothing bounds the difference
    ci_high: float | None
    p_value: float | None
    lost: int
    gained: int
    discordance: float
    smallest_detectable: float | None
    margin: float
    method: str
    verdict: Literal["PASS", "REGRESSION", "INCONCLUSIVE"]
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Pairable:
    """What pairing two benchmarks needs, in (doc_id, repeat) order; all three sequences have the same length."""

    keys: tuple[tuple[int, int], ...]
    values: tuple[float | None, ...]
    response_hashes: tuple[str | None, ...]


class Store(Protocol):
    """The store. Raises StoreUnavailable when Postgres stays away longer than it is willing to wait."""

    async def create_job(self, job: JobRow, benchmarks: Sequence[BenchmarkRow], *, actor: str) -> None:
        """Insert a job with its benchmarks, its model and an audit row. Repeating with the same id changes nothing."""

    async def snapshot(self, job_id: str) -> JobSnapshot:
        """Read one job whole. Raises NotFound."""

    async def resolve(self, reference: str) -> str:
        """Return the id that a reference means.

        The first that fits: an id, a name (its newest job), name~1 (the one before), a unique prefix of ≥ 4.
        Raises NotFound (naming near names), or UsageError when a prefix is not unique.
        """

    async def jobs(
        self, *, limit: int = 50, offset: int = 0, state: str | None = None, name: str | None = None
    ) -> list[JobRow]:
        """List jobs, newest first."""

    async def unfinished(self, runtime: str) -> list[JobRow]:
        """Return the jobs of that runtime that have not ended, in the order of the queue: priority, then first come."""

    async def request_cancel(self, job_id: str, *, actor: str, now: datetime) -> None:
        """Set the one-way flag; audited."""

    async def take_lease(self, job_id: str, holder: str, *, seconds: float) -> bool:
        """Take or renew the lease on a job; False while somebody else holds a live one. Uses the database's clock."""

    async def drop_lease(self, job_id: str, holder: str) -> None:
        """Give the lease back."""

    async def lease_holder(self, job_id: str) -> str | None:
        """Return who holds a live lease, or None."""

    async def save_attempt(self, attempt: AttemptRow) -> None:
        """Insert or replace the attempt's row; an ended attempt is never changed again."""

    async def add_event(self, event: EventRow) -> None:
        """Insert an event once (its id decides); `late` is decided here: the attempt had ended already."""

    async def record_result(self, result: AttemptResult) -> bool:
        """Insert everything of an attempt's result, once; False when it was recorded before."""

    async def save_job(self, job: JobRow, benchmarks: Sequence[BenchmarkRow]) -> None:
        """Write the projection: state, reason, message, times, progress, setup key, model server.

        Never cancel_requested. Raises NotFound.
        """

    async def scores(self, job_id: str, *, primary_only: bool = False) -> list[ScoreRow]:
        """Return the scores of a job in benchmark order, the primary one first."""

    async def pairable(self, job_id: str, index: int, metric: str, filter_: str) -> Pairable:
        """Return the per-question values of one metric of one benchmark of one job."""

    async def comparable(self, job_id: str, *, question_key: str, metric: str, filter_: str) -> tuple[str, int] | None:
        """Return (job id, index) of the newest other finished job with that question key.

        Of the same model name, else of the same family; scores that are invalid do not count.
        """

    async def same_questions(self, job_id: str, *, question_key: str, metric: str, filter_: str) -> int | None:
        """Return the index in job `job_id` of the benchmark with that question key, or None."""

    async def add_comparisons(self, rows: Iterable[ComparisonRow]) -> None:
        """Insert comparisons once per (job, index, baseline job)."""

    async def comparisons(self, job_id: str) -> list[ComparisonRow]:
        """Return the comparisons made when the job ended, in benchmark order."""

    async def samples(self, job_id: str, index: int, *, limit: int | None = None, offset: int = 0) -> list[SampleRow]:
        """Return sample rows in (doc_id, repeat) order."""

    async def artifacts(self, job_id: str) -> list[ArtifactRow]:
        """Return what is kept of a job."""

    async def add_artifact(self, artifact: ArtifactRow) -> None:
        """Insert one artifact's row, once."""

    async def provenance(self, job_id: str) -> Json:
        """Return the job's provenance, merged: {"job": {...}, "benchmarks": {"0": {...}}}."""

    async def add_provenance(self, job_id: str, record: Json, *, now: datetime) -> None:
        """Insert the job-level provenance record, once."""

    async def audit(self, *, actor: str, action: str, job_id: str | None, detail: Json, now: datetime) -> None:
        """Append to the audit trail."""

    def changes(self, job_id: str) -> AsyncIterator[None]:
        """Yield whenever another process changed that job (LISTEN/NOTIFY); best effort, callers poll behind it."""
