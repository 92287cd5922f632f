"""Faces of what differs between a server that runs jobs on its own computer and one that hands them to a cluster.

Handlers know these; the composition roots give them the parts of `local_jobs`, `queueing` and `log_sections`, or those
of `cluster`.
"""

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from typing import Protocol

from evallab.api.contract import StatusEvent
from evallab.api.job import EvalJob
from evallab.planning.catalog_view import CatalogView
from evallab.runtimes.local.log_reader import LogAsk
from evallab.server.stream import Bell
from evallab.store.interface import BenchmarkRow, JobRow, JobSnapshot

Pieces = AsyncGenerator[bytes]


class Queueing(Protocol):
    """Whose turn it is, and for which attempts somebody else may speak."""

    def has_room(self) -> bool:
        """Say whether a job that comes now would not wait, as far as is known here."""

    def drives(self, job_id: str) -> bool:
        """Say whether this process is bringing a job to its end now."""

    def declared(self, attempt_id: str) -> None:
        """Say that an event from outside declared the end of an attempt."""

    def is_over(self, job_id: str, attempt_id: str) -> bool:
        """Say whether events for this attempt may have to be refused."""

    async def attempt_by_hand(self, job_id: str, index: int) -> str:
        """Return the attempt that an event from outside speaks for. Raises ApiError."""


class Reports(Protocol):
    """Takes events that are posted to a job itself."""

    def attempt_of(self, job_id: str, provider_id: str, benchmark_id: str, index: int) -> str | None:
        """Return the newest attempt that is expected of a benchmark, if that is known without asking."""

    def fence(self, attempt_id: str, job_id: str, authorization: str | None) -> object:
        """Let only the attempt itself report. Raises ApiError."""

    async def post(self, attempt_id: str, event: StatusEvent) -> None:
        """Take an event that was checked; it is durable when this returns. Raises ApiError."""

    def pending(self) -> bool:
        """Say whether events wait that the store does not have; cheap."""

    async def settle(self) -> None:
        """Bring everything that arrived into the store."""


class Jobs(Protocol):
    """Where the jobs of this server run: what of a request is taken there, and how it gets there."""

    def refuse(self, job: EvalJob) -> None:
        """Raise ApiError for what may not be asked over REST."""

    def fitted(self, job: EvalJob) -> tuple[EvalJob, tuple[str, ...]]:
        """Return the job without what is not enforced here, and a warning for each such thing."""

    def problems(self, job: EvalJob, view: CatalogView, tenant: str | None) -> tuple[str, ...]:
        """Return what keeps the job from running here, one sentence each."""

    async def keep(self, job: JobRow, benchmarks: Sequence[BenchmarkRow], *, actor: str) -> tuple[JobRow, bool]:
        """Take a job in, durably; return it as it is kept, and whether another POST with its key came first.

        Raises ApiError.
        """

    async def cancel(self, job: JobRow, *, actor: str, now: datetime) -> None:
        """Have a job end."""

    async def delete(self, job: JobRow, *, actor: str, now: datetime) -> None:
        """Have a job end, and hide it."""

    async def suspend(self, job: JobRow, *, actor: str, now: datetime) -> None:
        """Have a job wait, with what it has. Raises ApiError."""

    async def resume(self, job: JobRow, *, actor: str, now: datetime) -> None:
        """Go on with a job that was suspended, failed or was cancelled. Raises ApiError."""


class Source(Protocol):
    """The log of one benchmark."""

    @property
    def timed(self) -> bool:
        """Say whether it is known when its lines came."""

    def text(self, ask: LogAsk) -> Pieces:
        """Yield what is wanted of it."""

    @property
    def header(self) -> bytes:
        """Return the line before it, which EvalHub's command splits a job's log at."""


class Follower(Protocol):
    """Follows logs of one job."""

    def texts(self, rows: Sequence[BenchmarkRow]) -> Pieces:
        """Yield the logs of benchmarks, one after the other, each until its benchmark has ended."""

    def text(self, index: int) -> Pieces:
        """Yield the log of one benchmark until it has ended."""


class Logs(Protocol):
    """The logs of jobs."""

    async def of_job(self, snapshot: JobSnapshot) -> Sequence[Source]:
        """Return where the logs of a job's benchmarks are, in their order."""

    def following(self, job_id: str, ask: LogAsk, bell: Bell) -> Follower:
        """Return what follows the logs of a job; `bell` tells when the server ends."""
