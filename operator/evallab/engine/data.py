"""The test data of the jobs that this process runs: fetched in the background, verified before each attempt.

Called by the reconciler as it calls `models`. A failure waits here until the attempt that needs the data is to be
started, and is then written down as its end, with its own reason.
"""

import asyncio
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from evallab.api.contract import TestDataSpec
from evallab.api.errors import BenchmarkFailed
from evallab.api.job import TestData
from evallab.datasets.failures import DatasetFailed, DatasetNotFound
from evallab.datasets.fetching import Fetcher
from evallab.datasets.snapshots import Snapshot
from evallab.datasets.sources import of_test_data
from evallab.datasets.watch import Watch
from evallab.planning.conclusion import Conclusion
from evallab.planning.confidential import is_confidential
from evallab.planning.views import DataState
from evallab.store.interface import BenchmarkRow, JobRow

Key = tuple[str, int, int]  #: job, benchmark, attempt
FETCHES = 2  #: at once


@dataclass(frozen=True)
class _Fetch:
    watch: Watch
    task: "asyncio.Task[Snapshot]"


class Datasets:
    """Test data by job, benchmark and number of the attempt."""

    def __init__(self, fetcher: Fetcher | None = None, *, changed: Callable[[], None] = lambda: None) -> None:
        """`changed()` is called when data became ready or failed. Without a fetcher every job with data fails."""
        self._fetcher, self._changed = fetcher, changed
        self._fetches: dict[Key, _Fetch] = {}
        self._free = asyncio.Semaphore(FETCHES)

    def state(self, job: JobRow, index: int, number: int) -> DataState:
        """Return what `decide` needs to know of the data of attempt `number`; a failure is known when it is ready."""
        if _test_data(job, index) is None or self._fetcher is None:
            return "ready"
        fetch = self._fetches.get((job.id, index, number))
        return "absent" if fetch is None else "ready" if fetch.task.done() else "fetching"

    def start(self, job: JobRow, index: int, number: int) -> None:
        """Fetch and verify the data of an attempt in the background, unless that is going on."""
        data, key = _test_data(job, index), (job.id, index, number)
        if data is None or self._fetcher is None or key in self._fetches:
            return
        watch = Watch(seconds=job.spec.pending_deadline_seconds)
        task = asyncio.create_task(self._fetched(self._fetcher, job, index, data, watch))
        self._fetches[key] = _Fetch(watch, task)

    async def _fetched(self, fetcher: Fetcher, job: JobRow, index: int, data: TestData, watch: Watch) -> Snapshot:
        source = of_test_data(data, Path(job.manifest_dir or "."))
        try:
            if source is None:
                raise DatasetNotFound("Data of a cluster (pvc) is not on this machine.", remedy="Use another source.")
            async with self._free:
                return await asyncio.to_thread(fetcher.for_job, job.id, index, source, watch)
        finally:
            self._changed()

    async def given(self, job: JobRow, index: int, number: int) -> TestDataSpec | None:
        """Return what an adapter is told of its data; None when it has none of ours. Raises DatasetFailed."""
        if _test_data(job, index) is None:
            return None
        self.start(job, index, number)
        fetch = self._fetches.get((job.id, index, number))
        if fetch is None or self._fetcher is None:
            raise DatasetFailed("This process fetches no test data.")
        return _told(await fetch.task, confidential=is_confidential(job.spec, index))

    def environment(self, job: JobRow, given: TestDataSpec | None) -> dict[str, str]:
        """Return what an adapter's environment says of its data.

        Harnesses keep copies of what they load: of confidential data only where we can remove them.
        """
        if given is None or self._fetcher is None:
            return {}
        env = {"EVALLAB_TEST_DATA": given.path}
        if given.confidential:
            private = self._fetcher.snapshots.private(job.id)
            private.mkdir(mode=0o700, parents=True, exist_ok=True)
            env["HF_DATASETS_CACHE"] = str(private)
        return env

    def record(self, job: JobRow, index: int) -> dict[str, Any] | None:
        """Return what belongs into the provenance of a benchmark's scores: source, revision, hash."""
        if _test_data(job, index) is None or self._fetcher is None:
            return None
        used = self._fetcher.snapshots.used(job.id, index)
        if used is None:
            return None
        kept = used.manifest.model_dump(mode="json", include={"source", "asked", "revision", "sha256", "fetched_at"})
        return {"snapshot": used.id, **kept, "files": len(used.manifest.files), "size": used.manifest.size}

    def told(self, job: JobRow, row: BenchmarkRow) -> str | None:
        """Return how far the fetch for a benchmark is, None when nothing is being fetched."""
        going = [fetch for key, fetch in self._fetches.items() if key[:2] == (job.id, row.index)]
        return next((fetch.watch.sentence() for fetch in going if not fetch.task.done()), None)

    async def stop(self, job_id: str) -> None:
        """End the fetches of a job, wait until their threads are gone, and remove copies of confidential data."""
        mine = [key for key in self._fetches if key[0] == job_id]
        for key in mine:
            self._fetches[key].watch.stop()
        await asyncio.gather(*(self._fetches.pop(key).task for key in mine), return_exceptions=True)
        if self._fetcher is not None:
            await asyncio.to_thread(shutil.rmtree, self._fetcher.snapshots.private(job_id), ignore_errors=True)

    async def stop_all(self) -> None:
        """End every fetch of this process."""
        for job_id in {key[0] for key in self._fetches}:
            await self.stop(job_id)


def not_started(error: BenchmarkFailed) -> Conclusion:
    """Return the end of an attempt that was never started: data that cannot be had has its own reasons."""
    reason = error.reason if isinstance(error, DatasetFailed) else "NotStarted"
    return Conclusion(outcome="failed", reason=reason, message=str(error))


class Telling(Protocol):
    """Whoever knows how far fetches are."""

    def told(self, job: JobRow, row: BenchmarkRow) -> str | None:
        """Return how far the fetch for a benchmark is, None when nothing is being fetched."""


def waiting(job: JobRow, rows: tuple[BenchmarkRow, ...], datasets: Telling) -> tuple[BenchmarkRow, ...]:
    """Say of each benchmark that waits for its data how far the fetch is."""
    told = ((row, datasets.told(job, row) if row.state in {"pending", "running"} else None) for row in rows)
    return tuple(replace(row, message=message) if message else row for row, message in told)


def _test_data(job: JobRow, index: int) -> TestData | None:
    return job.spec.benchmarks[index].test_data


def _told(snapshot: Snapshot, *, confidential: bool) -> TestDataSpec:
    manifest = snapshot.manifest
    return TestDataSpec(
        path=str(snapshot.content),
        source=manifest.source,
        revision=manifest.revision,
        sha256=manifest.sha256,
        files=tuple(each.path for each in manifest.files),
        confidential=confidential,
    )
