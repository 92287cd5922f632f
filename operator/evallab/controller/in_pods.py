"""Parts of the engine whose work pods do: where attempts report, and their test data.

A sidecar takes events and hands them in at the server; an init container fetches the data. The engine's process does
neither, so these parts say little.
"""

from dataclasses import dataclass
from typing import Any

from evallab.api.contract import JobSpec, TestDataSpec
from evallab.planning.views import DataState
from evallab.runtimes.kubernetes.scratch import Scratch
from evallab.store.interface import BenchmarkRow, JobRow

SIDECAR = "http://127.0.0.1:8090"


class ClusterReception:
    """Attempts report to the sidecar of their pod; everything that arrived is in the store already."""

    def callback_url(self, attempt_id: str) -> str:
        """Return the URL that an attempt posts to."""
        return f"{SIDECAR}/a/{attempt_id}"

    def expect(self, attempt_id: str, spec: JobSpec) -> str:
        """Say nothing: the sidecar shows a token of the cluster."""
        del attempt_id, spec
        return ""

    def adopt(self, attempt_id: str, spec: JobSpec) -> None:
        """Nothing to do: the server takes events whoever reconciles."""

    def forget_job(self, job_id: str) -> None:
        """Nothing to do: the server knows from the store what has ended."""

    async def settle(self) -> None:
        """Nothing to do: a pod that is over has handed in what it had."""


@dataclass(frozen=True)
class PodData:
    """Test data that the init container of each attempt fetches; it fails as the attempt, with its own reason."""

    scratch: Scratch

    def state(self, job: JobRow, index: int, number: int) -> DataState:
        """Return that there is nothing to wait for before an attempt is started."""
        del job, index, number
        return "ready"

    def start(self, job: JobRow, index: int, number: int) -> None:
        """Nothing to do: the attempt's pod fetches."""

    async def given(self, job: JobRow, index: int, number: int) -> TestDataSpec | None:
        """Return None: the init container writes what it fetched into the adapter's job.json."""
        del job, index, number
        return None

    def environment(self, job: JobRow, given: TestDataSpec | None) -> dict[str, str]:
        """Return nothing: the builder of pods knows where data lies."""
        del job, given
        return {}

    def record(self, job: JobRow, index: int) -> dict[str, Any] | None:
        """Return what the init container wrote down: source, revision, hash."""
        return self.scratch.test_data(job.id, index) if job.spec.benchmarks[index].test_data else None

    def told(self, job: JobRow, row: BenchmarkRow) -> str | None:
        """Return None: `Observation.why` tells what a pod does."""
        del job, row
        return None

    async def stop(self, job_id: str) -> None:
        """Nothing to do: a fetch ends with its pod."""
