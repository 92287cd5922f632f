"""Test data for pods that must not reach the network: fetched and verified here, once for all who ask for it.

A fetch goes on when who asked has gone, because they ask again; so no request lasts longer than a proxy in between
allows. `data` answers with what is found here.
"""

import asyncio
import re
from dataclasses import dataclass
from pathlib import Path

from evallab.api.job import TestData
from evallab.api.patterns import DNS_LABEL
from evallab.datasets.failures import DatasetCredentials, DatasetFailed, DatasetNotFound
from evallab.datasets.fetching import Fetcher
from evallab.datasets.snapshots import Snapshot
from evallab.datasets.sources import Source, of_test_data
from evallab.datasets.watch import Watch
from evallab.store.interface import AttemptRow, JobRow

Key = tuple[str, int, int]  #: job, benchmark, number of the attempt
FETCHES = 4  #: at once
PATIENCE_S = 20.0  #: so long one request waits for a fetch
_REMEMBERED = 256  #: fetches that nobody has asked about since they ended


@dataclass(frozen=True)
class _Fetch:
    watch: Watch
    task: "asyncio.Task[Snapshot]"


class Fetching(Exception):
    """The data is on its way; the message says how far."""


class Supply:
    """Fetches of this process, by attempt."""

    def __init__(self, fetcher: Fetcher, *, secrets: Path | None = None, patience_s: float = PATIENCE_S) -> None:
        """`secrets`: where credentials are, as <namespace>/<name of the secretRef>/; without it there are none."""
        self._fetcher, self._secrets, self._patience_s = fetcher, secrets, patience_s
        self._fetches: dict[Key, _Fetch] = {}
        self._free = asyncio.Semaphore(FETCHES)

    async def snapshot(self, job: JobRow, attempt: AttemptRow) -> Snapshot:
        """Return the verified data of an attempt. Raises DatasetFailed, and Fetching when it takes longer."""
        key = (job.id, attempt.index, attempt.number)
        fetch = self._fetches.get(key) or self._begun(key, job)
        try:
            async with asyncio.timeout(self._patience_s):
                found = await asyncio.shield(fetch.task)
        except TimeoutError:
            raise Fetching(f"The test data is being fetched: {fetch.watch.sentence()}.") from None
        except DatasetFailed:
            self._fetches.pop(key, None)
            raise
        self._fetches.pop(key, None)
        return found

    async def close(self) -> None:
        """End every fetch, and wait until its thread is gone."""
        for each in self._fetches.values():
            each.watch.stop()
        await asyncio.gather(*(each.task for each in self._fetches.values()), return_exceptions=True)
        self._fetches.clear()

    def _begun(self, key: Key, job: JobRow) -> _Fetch:
        if len(self._fetches) > _REMEMBERED:
            self._fetches = {key: each for key, each in self._fetches.items() if not each.task.done()}
        watch = Watch(seconds=job.spec.pending_deadline_seconds)
        task = asyncio.create_task(self._fetched(job, key[1], watch))
        task.add_done_callback(_seen)
        self._fetches[key] = _Fetch(watch, task)
        return self._fetches[key]

    async def _fetched(self, job: JobRow, index: int, watch: Watch) -> Snapshot:
        data = job.spec.benchmarks[index].test_data
        if data is None:
            raise DatasetNotFound("This benchmark has no test data of its own.")
        source = _source(data, self._credentials(job, data))
        async with self._free:
            return await asyncio.to_thread(self._fetcher.for_job, job.id, index, source, watch)

    def _credentials(self, job: JobRow, data: TestData) -> Path:
        """Return the directory in which the named credentials of the job's tenant are. Raises DatasetFailed.

        A name is never a path: what asks for a file of this server asks for somebody else's secret.
        """
        name = next((each.secret_ref for each in (data.hf, data.git, data.s3) if each and each.secret_ref), None)
        directory = (self._secrets or Path()) / (job.tenant or "")
        if name is None:
            return directory
        known = self._secrets is not None and job.tenant and re.fullmatch(DNS_LABEL, name)
        if not known or not (directory / name).is_dir():
            raise DatasetCredentials(
                f"The server has no credentials {name!r} for namespace {job.tenant}.",
                remedy="Give it that Secret (chart value server.datasets.secrets), or use data that needs none.",
            )
        return directory


def _source(data: TestData, directory: Path) -> Source:
    """Return where the data comes from. Raises DatasetNotFound for what this server must not, or cannot, read."""
    source = None if data.path else of_test_data(data, directory)
    if source is None:
        raise DatasetNotFound(
            "This data is not to be had through the server: it is on one computer, or in a volume of the cluster.",
            remedy="Use hf, git, s3, http or bundled; the operator mounts volumes (pvc) itself.",
        )
    return source


def _seen(task: "asyncio.Task[Snapshot]") -> None:
    """Take note of a failure that nobody asks about."""
    if not task.cancelled():
        task.exception()
