"""A job against its repetition: the same questions, answer by answer. For `evallab reproduce`, here and over REST."""

from dataclasses import dataclass

from evallab.analysis.reproduction import Reproduction, reproduce
from evallab.api.errors import NotFound, UsageError
from evallab.store.interface import JobRow, Pairable, ScoreRow, Store

Key = tuple[int, int]  #: question and repeat


@dataclass(frozen=True, kw_only=True)
class Repeated:
    """One benchmark of both jobs; `found` None where nothing can be compared, and `why` then says why."""

    index: int
    benchmark: str
    metric: str
    found: Reproduction | None = None
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class Repetition:
    """A job and its repetition, benchmark by benchmark."""

    job: str
    name: str
    repetition: str
    benchmarks: tuple[Repeated, ...]

    @property
    def same(self) -> bool:
        """Say whether every benchmark is reproducible, as far as the window says."""
        return all(each.found and each.found.verdict != "non-reproducible" for each in self.benchmarks)


async def repetition(store: Store, job: JobRow, again_id: str) -> Repetition:
    """Compare a job with its repetition. Raises NotFound when the first recorded no score."""
    rows = await repetitions(store, job.id, again_id)
    return Repetition(job=job.id, name=job.name, repetition=again_id, benchmarks=rows)


async def repeatable(store: Store, reference: str) -> JobRow:
    """Return a job that can be run again and compared with. Raises NotFound, UsageError for one that cannot."""
    try:
        job_id = await store.resolve(reference)
    except NotFound:
        await _deleted(store, reference)
        raise
    job = (await store.snapshot(job_id)).job
    what = f"{job.name} ({job.id[:8]})"
    if job.runtime == "imported":
        raise UsageError(
            f"{what} was imported: another program ran it, and its files do not say how to run it again.",
            remedy="Describe it in a manifest and compare: evallab diff JOB IMPORTED.",
        )
    if job.finished_at is None:
        raise UsageError(
            f"{what} is still {job.state}; there is nothing to reproduce yet.",
            remedy=f"Wait for its end: evallab wait {job.id[:8]}.",
        )
    if not job.spec.benchmarks or not _reached(job):
        raise UsageError(
            f"The record of {what} does not say what to run again: it holds no spec with benchmarks and a model.",
            remedy="Run it from a manifest: evallab run -f FILE.",
        )
    if not await store.scores(job.id, primary_only=True):
        raise NotFound(
            f"Job {job.id[:8]} recorded no score, so there is nothing to reproduce.",
            remedy="Run it again: evallab rerun JOB.",
        )
    return job


async def _deleted(store: Store, reference: str) -> None:
    try:
        job = (await store.snapshot(reference, deleted=True)).job
    except NotFound:
        return
    when = f"{job.deleted_at:%Y-%m-%d}" if job.deleted_at else "earlier"
    raise NotFound(
        f"Job {job.id[:8]} ({job.name}) was deleted {when}: it is neither run again nor compared with.",
        remedy="Run it from its manifest: evallab run -f FILE.",
    )


def _reached(job: JobRow) -> bool:
    model = job.spec.model
    data = [each.test_data for each in job.spec.benchmarks]
    recorded = all(each is not None and each.type == "pre_recorded_data" for each in data)
    return bool(model.url or model.serve or model.in_process or recorded)


async def repetitions(store: Store, job_id: str, again_id: str) -> tuple[Repeated, ...]:
    """Compare the primary score of each benchmark. Raises NotFound when the first job recorded none."""
    first = {row.index: row for row in await store.scores(job_id, primary_only=True)}
    again = {row.index: row for row in await store.scores(again_id, primary_only=True)}
    if not first:
        raise NotFound(
            f"Job {job_id[:8]} recorded no score, so there is nothing to reproduce.",
            remedy="Run it again: evallab rerun JOB.",
        )
    return tuple([await _repeated(store, row, again.get(index)) for index, row in sorted(first.items())])


async def _repeated(store: Store, row: ScoreRow, other: ScoreRow | None) -> Repeated:
    named = Repeated(index=row.index, benchmark=f"{row.provider_id}/{row.benchmark_id}", metric=row.metric)
    if other is None:
        return _without(named, "the repetition has no score")
    if row.question_key is None or row.question_key != other.question_key:
        return _without(named, "the questions are not the same any more: data, task or harness changed")
    ours = await store.pairable(row.job_id, row.index, row.metric, row.filter)
    theirs = await store.pairable(other.job_id, other.index, row.metric, row.filter)
    before, after = _answered(ours), _answered(theirs)
    common = [key for key in before if key in after]
    if not common:
        return _without(named, "no question was answered in both jobs")
    found = reproduce(
        {key: before[key][0] for key in common},
        {key: after[key][0] for key in common},
        hashes=[(before[key][1], after[key][1]) for key in common],
    )
    missing = len(before.keys() ^ after.keys())
    return Repeated(
        index=row.index,
        benchmark=named.benchmark,
        metric=row.metric,
        found=found,
        why=f"{missing} questions were answered in one job only" if missing else "",
    )


def _without(named: Repeated, why: str) -> Repeated:
    return Repeated(index=named.index, benchmark=named.benchmark, metric=named.metric, why=why)


def _answered(pairable: Pairable) -> dict[Key, tuple[float, str | None]]:
    rows = zip(pairable.keys, pairable.values, pairable.response_hashes, strict=True)
    return {key: (value, text) for key, value, text in rows if value is not None}
