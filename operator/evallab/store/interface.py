"""What the engine, the receiver, the server and the commands ask of the store: few verbs, frozen rows, no rules.

Times are timezone-aware UTC and come in as parameters, as do ids. Every method is one transaction: it happened or it
did not. Methods that write are safe to repeat (same ids, same content), because callers repeat them after a crash.
Implemented by `store.postgres`.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime
from typing import Protocol

from evallab.store.canaries import Canarying
from evallab.store.clustering import Clustering
from evallab.store.going import Going
from evallab.store.lasting import BaselineRow, EndedRow, HistoryRow, LatestRow, RetainedRow
from evallab.store.serving import (
    Activity,
    ArrivedEvent,
    Cursor,
    EntryKind,
    EntryRow,
    JobPage,
    JobQuery,
    QueueRow,
    Stamp,
    StampPage,
)
from evallab.store.telling import Telling
from evallab.store.values import (
    ArtifactRow,
    AttemptResult,
    AttemptRow,
    AttemptState,
    BenchmarkRow,
    BenchmarkState,
    ComparisonRow,
    DatasetRow,
    EventRow,
    JobRow,
    JobSnapshot,
    JobState,
    Json,
    LeavingRow,
    Pairable,
    SampleRow,
    ScoreRow,
    Validity,
)

__all__ = [
    "Activity",
    "ArrivedEvent",
    "ArtifactRow",
    "AttemptResult",
    "AttemptRow",
    "AttemptState",
    "BaselineRow",
    "BenchmarkRow",
    "BenchmarkState",
    "ComparisonRow",
    "Cursor",
    "DatasetRow",
    "EndedRow",
    "EntryKind",
    "EntryRow",
    "EventRow",
    "HistoryRow",
    "JobPage",
    "JobQuery",
    "JobRow",
    "JobSnapshot",
    "JobState",
    "Json",
    "Lasting",
    "LatestRow",
    "LeavingRow",
    "Pairable",
    "QueueRow",
    "RetainedRow",
    "SampleRow",
    "ScoreRow",
    "Serving",
    "Stamp",
    "StampPage",
    "Store",
    "Validity",
]


class Lasting(Protocol):
    """What the store answers along time and across models, and what is meant to stay (`store.series`, `.retention`)."""

    async def latest(self, benchmarks: Sequence[str] | None = None) -> list[LatestRow]:
        """Return the newest usable scores by benchmark, model and question key; of all, or of some as provider/id."""

    async def history(self, name: str, benchmark: str, *, family: bool = False) -> list[HistoryRow]:
        """Return the scores of a model or family on a benchmark (id, or provider/id), oldest first."""

    async def names(self) -> list[str]:
        """Return the names of all models and families."""

    async def set_baseline(self, name: str, job_id: str, *, actor: str, now: datetime) -> None:
        """Make the job the baseline of a model or family. Raises NotFound for a job that does not exist."""

    async def unset_baseline(self, name: str, *, actor: str, now: datetime) -> bool:
        """Take the baseline of a model or family away; False when there was none."""

    async def baselines(self) -> list[BaselineRow]:
        """Return every baseline, by name."""

    async def baseline_for(self, job_id: str) -> str | None:
        """Return the job that is the baseline of a job: that of its model, else that of its family, else None."""

    async def pin(self, job_id: str, *, actor: str, now: datetime) -> None:
        """Keep a job's files whatever retention says. Raises NotFound."""

    async def unpin(self, job_id: str, *, actor: str, now: datetime) -> None:
        """Let retention have a job's files again. Raises NotFound."""

    async def retained(self) -> list[RetainedRow]:
        """Return the kept files of jobs that have ended, oldest job first."""

    async def expire(self, artifact_ids: Sequence[str], *, reason: str, actor: str, now: datetime) -> None:
        """Mark files as removed: their rows stay and say so."""

    async def needed_paths(self) -> frozenset[str]:
        """Return the paths of files that some row still needs."""

    async def ended(self, job_ids: Sequence[str]) -> list[EndedRow]:
        """Return which of these jobs have ended; an id that is not known is left out."""


class Serving(Protocol):
    """What a server asks besides: pages of jobs, the queue, a catalogue that is made over REST."""

    async def job_page(self, query: JobQuery) -> JobPage:
        """Return one page of jobs, newest first, with how many there are in all and where the next page begins."""

    async def stamp_page(self, query: JobQuery) -> StampPage:
        """Return the same page as stamps: for who knows what most of these jobs look like."""

    async def stamp(self, job_id: str) -> Stamp | None:
        """Return a job's stamp; None when there is no such job."""

    async def views(self, ids: Sequence[str]) -> list[JobSnapshot]:
        """Return several jobs whole, in the order asked; ids that are unknown or deleted are left out."""

    async def job_of_key(self, tenant: str | None, key: str) -> tuple[str, str] | None:
        """Return (job id, request hash) of the job that was made with that idempotency key, or None."""

    async def delete_job(self, job_id: str, *, actor: str, now: datetime) -> None:
        """Hide a job for good: its results stay in the tables, its files are free for `gc`, its key and names too.

        One that has not ended is cancelled as well: `queue` and `unfinished` show it until it did. Audited. Repeating
        changes nothing. Raises NotFound.
        """

    async def queue(self, runtime: str, *, first: int, now: datetime) -> list[QueueRow]:
        """Return the queue of a runtime in its order, as far as somebody must look at it.

        All jobs that run, the first few that wait, and those that wait no longer: cancelled, or past their deadline.
        """

    async def queue_position(self, job_id: str) -> int | None:
        """Return a waiting job's place in the line: 1 starts next; None when it does not wait."""

    async def add_events(self, events: Sequence[EventRow]) -> frozenset[str]:
        """Insert events, each once (its id decides), `late` as in `add_event`; return the ids without an attempt."""

    async def artifact(self, artifact_id: str) -> ArtifactRow | None:
        """Return one kept file's row; None when there is none, or its job was deleted."""

    async def count_samples(self, job_id: str, index: int) -> int:
        """Return how many rows `samples` has for a benchmark."""

    async def save_entry(self, row: EntryRow, *, actor: str) -> None:
        """Insert a provider or collection, or replace its body (created_at, tenant and owner stay); audited."""

    async def entry(self, kind: EntryKind, id_: str) -> EntryRow | None:
        """Return one provider or collection, or None."""

    async def entries(self, kind: EntryKind) -> list[EntryRow]:
        """Return all of a kind, oldest first."""

    async def delete_entry(self, kind: EntryKind, id_: str, *, actor: str, now: datetime) -> bool:
        """Delete a provider or collection, audited; False when there was none."""

    def entry_changes(self) -> AsyncIterator[None]:
        """Yield when listening begins, then whenever an entry changed (LISTEN/NOTIFY); best effort, poll behind it."""

    def queue_changes(self) -> AsyncIterator[str]:
        """Yield "" when listening begins, then the id of each job that was made (to be run), resumed or cancelled."""


class Store(Lasting, Serving, Going, Clustering, Telling, Canarying, Protocol):
    """The store. Raises StoreUnavailable when Postgres stays away longer than it is willing to wait."""

    async def create_job(self, job: JobRow, benchmarks: Sequence[BenchmarkRow], *, actor: str) -> str:
        """Insert a job with its benchmarks, its model and an audit row, and return its id.

        Repeating with the same id changes nothing. When another job of its tenant has its idempotency key already,
        nothing is inserted and the id of that one is returned.
        """

    async def snapshot(self, job_id: str, *, deleted: bool = False) -> JobSnapshot:
        """Read one job whole, as of one moment; a deleted one only when asked to. Raises NotFound."""

    async def resolve(self, reference: str) -> str:
        """Return the id that a reference means.

        The first that fits: an id, a name (its newest job), name~1 (the one before), a unique prefix of ≥ 4.
        Raises NotFound (naming near names), or UsageError when a prefix is not unique.
        """

    async def jobs(
        self, *, limit: int = 50, offset: int = 0, state: str | None = None, name: str | None = None
    ) -> list[JobRow]:
        """List jobs, newest first, without deleted ones."""

    async def unfinished(self, runtime: str) -> list[JobRow]:
        """Return the jobs of that runtime that have not ended, in the order of the queue: priority, then first come.

        Deleted ones too: somebody must bring them to their end.
        """

    async def request_cancel(self, job_id: str, *, actor: str, now: datetime) -> None:
        """Set the one-way flag; audited."""

    async def resume_job(self, job_id: str, *, actor: str, now: datetime, attached: bool = True) -> bool:
        """Note that a job goes on from now on with the process that asks (`attached`), or in the background; audited.

        What ended it before (cancelled, failed, owner died) no longer counts. False when it completed. Raises NotFound.
        """

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

        Never cancel_requested. `updated_at` never goes back; without one it is that of the newest other time. A deleted
        job is written too. Raises NotFound.
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
        """Return the index in job `job_id` of a benchmark with that question key and a usable score, or None."""

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
