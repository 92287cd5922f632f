"""The frozen rows that the store takes and gives, and the words they use; `interface` re-exports them for its verbs.

Times are timezone-aware UTC and come in as parameters, as do ids. Rows of one theme are beside it: `lasting` for what
is kept along time, `serving` for what lists and queues show.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

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
    runtime: Literal["local", "kubernetes", "imported"] = "local"
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
    resumed_at: datetime | None = None  #: when somebody last asked to go on with it
    tenant: str | None = None  #: whose it is, where tenants share a store; in a cluster its namespace
    resource: str | None = None  #: name of the object in the cluster that asks for it
    owner: str | None = None  #: who asked; jobs of "system" are seen by every tenant
    request: Json | None = None  #: the body it was asked with over REST, as it was sent
    idempotency_key: str | None = None  #: the client's own name for asking, once per tenant
    request_hash: str | None = None  #: hex; what asking again with the same key must equal
    updated_at: datetime | None = None  #: when its row last changed; on writing None means: when it was made, or ended
    deleted_at: datetime | None = None  #: when it was deleted: hidden since, its results kept
    suspended: bool = False  #: to wait with what it has until somebody lets it go on


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
    metrics: Mapping[str, Json] = field(default_factory=dict)  #: of those attempts, by id, as posted


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


@dataclass(frozen=True, kw_only=True, slots=True)
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
    cluster: str | None = None  #: what it shares with questions that it is not independent of
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
    expired_at: datetime | None = None  #: when retention removed the file


@dataclass(frozen=True, kw_only=True)
class LeavingRow:
    """A file that an attempt in a cluster left: handed in piece by piece, there from its begin to `bytes`."""

    area: str  #: "result", "artifacts", "work", "meta"
    name: str  #: a relative path
    bytes: int


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
    q_value: float | None = None  #: p corrected for the benchmarks that were compared at once


@dataclass(frozen=True, kw_only=True)
class Pairable:
    """What pairing two benchmarks needs, in (doc_id, repeat) order; all sequences have the same length.

    `groups` are equal for questions that are not independent: of one cluster, or copies of one document.
    """

    keys: tuple[tuple[int, int], ...]
    values: tuple[float | None, ...]
    response_hashes: tuple[str | None, ...]
    groups: tuple[str, ...] = ()  #: empty where each question is its own
