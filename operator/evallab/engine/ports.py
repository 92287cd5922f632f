"""What the engine acts through, as one frozen value that a composition root makes, and the narrow faces of its parts.

On a workstation these parts are `engine.models`, `engine.data` and `receiver.server`; in a cluster, where pods do their
work, they are in `controller`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from evallab.api.contract import JobSpec, TestDataSpec
from evallab.api.provider import Provider
from evallab.engine import recording
from evallab.engine.canary import CanarySource, NoCanaries
from evallab.engine.data import Datasets
from evallab.engine.in_process import Loaded
from evallab.planning.views import DataState, ModelView
from evallab.runtimes.interface import Runtime
from evallab.store.interface import AttemptRow, BenchmarkRow, JobRow, Store


class Reception(Protocol):
    """Where attempts report, and who may."""

    def callback_url(self, attempt_id: str) -> str:
        """Return the URL that an attempt posts to."""

    def expect(self, attempt_id: str, spec: JobSpec) -> str:
        """Take events of this attempt from now on; return the token that it may show ("" where none is needed)."""

    def adopt(self, attempt_id: str, spec: JobSpec) -> None:
        """Take events of an attempt that another process started."""

    def forget_job(self, job_id: str) -> None:
        """Take no more events of a job's attempts: it has ended."""

    async def settle(self) -> None:
        """Bring everything that arrived into the store."""


class ModelServers(Protocol):
    """The model servers of jobs."""

    def view(self, job: JobRow) -> ModelView:
        """Return what `decide` needs to know of the job's server."""

    def url(self, job: JobRow) -> str:
        """Return the base URL (ending in /v1) of the job's model."""

    def loaded(self, job: JobRow) -> Loaded | None:
        """Return what the job's adapters are told of a model that they load themselves."""

    def record(self, job: JobRow) -> dict[str, Any] | None:
        """Return what is worth keeping of the job's server."""

    def told(self, job: JobRow, row: BenchmarkRow) -> str | None:
        """Return how far what the server needs is, None when nothing is waited for."""

    async def start(self, job: JobRow) -> None:
        """Start the job's server, or again if it died. A failure shows in `view`."""

    async def stop(self, job_id: str) -> None:
        """End the job's server, if there is one."""


class DataSource(Protocol):
    """The test data of attempts."""

    def state(self, job: JobRow, index: int, number: int) -> DataState:
        """Return what `decide` needs to know of the data of attempt `number`."""

    def start(self, job: JobRow, index: int, number: int) -> None:
        """Begin to fetch the data of an attempt."""

    async def given(self, job: JobRow, index: int, number: int) -> TestDataSpec | None:
        """Return what an adapter is told of its data. Raises DatasetFailed."""

    def environment(self, job: JobRow, given: TestDataSpec | None) -> dict[str, str]:
        """Return what an adapter's environment says of its data."""

    def record(self, job: JobRow, index: int) -> dict[str, Any] | None:
        """Return what belongs into the provenance: source, revision, hash."""

    def told(self, job: JobRow, row: BenchmarkRow) -> str | None:
        """Return how far the fetch for a benchmark is, None when nothing is being fetched."""

    async def stop(self, job_id: str) -> None:
        """End the fetches of a job."""


class Telemetry(Protocol):
    """Who watches GPUs and model servers while attempts run."""

    def look(self, job: JobRow, benchmarks: Sequence[BenchmarkRow], attempts: Sequence[AttemptRow]) -> None:
        """Take note of how a job is; it is watched from its first attempt on. Never waits."""

    async def settle(self, job_id: str) -> None:
        """Keep all that was seen of a job, and watch it no more."""

    def unseen(self, job: JobRow) -> str:
        """Say why no GPU of a job was seen."""


class Unwatched:
    """Nobody watches."""

    def look(self, job: JobRow, benchmarks: Sequence[BenchmarkRow], attempts: Sequence[AttemptRow]) -> None:
        """See nothing."""

    async def settle(self, job_id: str) -> None:
        """Have nothing to keep."""

    def unseen(self, job: JobRow) -> str:
        """Say that nobody looked."""
        del job
        return "nobody watched"


@dataclass(frozen=True, kw_only=True)
class Ports:
    """What the engine acts through; made by a composition root."""

    store: Store
    runtime: Runtime
    receiver: Reception
    models: ModelServers
    files: recording.Files
    providers: Mapping[str, Provider]
    now: Callable[[], datetime]
    new_id: Callable[[], str]
    datasets: DataSource = field(default_factory=Datasets)
    telemetry: Telemetry = field(default_factory=Unwatched)
    canaries: CanarySource = field(default_factory=NoCanaries)
