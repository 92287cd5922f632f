"""The store's methods about jobs as a whole: made, read, listed, cancelled, projected, leased."""

from collections.abc import Sequence
from datetime import datetime

from evallab.api.job import EvalJob, Lineage
from evallab.store import rows, storable
from evallab.store.interface import AttemptRow, BenchmarkRow, EventRow, JobRow, JobSnapshot
from evallab.store.latest import refresh_latest
from evallab.store.part import Part, every, first, no_job, only, require_job, write
from evallab.store.transactions import Connection, Record


class Jobs(Part):
    """Jobs, their benchmarks, and the leases on them."""

    async def create_job(self, job: JobRow, benchmarks: Sequence[BenchmarkRow], *, actor: str) -> None:
        """Insert a job with its benchmarks, its model and an audit row. Repeating with the same id changes nothing."""

        async def work(connection: Connection) -> None:
            job_row = rows.parameters(job) | {"model_id": await _model_id(connection, job.spec)}
            if await first(connection, "add_job", job_row) is None:
                return
            for benchmark in sorted(benchmarks, key=lambda each: (each.provider_id, each.benchmark_id)):
                await write(connection, "add_benchmark", rows.parameters(benchmark))
                await write(connection, "add_job_benchmark", rows.parameters(benchmark))
            await write(connection, "add_audit", _audit(actor, "create_job", job.id, job.created_at))

        await self._transactions.run(work)

    async def snapshot(self, job_id: str) -> JobSnapshot:
        """Read one job whole, as of one moment. Raises NotFound."""

        async def work(connection: Connection) -> JobSnapshot:
            await write(connection, "read_consistently", {})
            key = {"job_id": job_id}
            record = await first(connection, "fetch_job", key)
            if record is None:
                raise no_job(job_id)
            return JobSnapshot(
                job=rows.job(record),
                benchmarks=tuple(BenchmarkRow(**each) for each in await every(connection, "list_job_benchmarks", key)),
                attempts=tuple(AttemptRow(**each) for each in await every(connection, "list_attempts", key)),
                events=tuple(EventRow(**each) for each in await every(connection, "list_events", key)),
                results=frozenset(each["attempt_id"] for each in await every(connection, "list_results", key)),
            )

        return await self._transactions.run(work)

    async def jobs(
        self, *, limit: int = 50, offset: int = 0, state: str | None = None, name: str | None = None
    ) -> list[JobRow]:
        """List jobs, newest first."""
        found = await self._all("list_jobs", limit=limit, offset=offset, state=state, name=name)
        return [rows.job(record) for record in found]

    async def unfinished(self, runtime: str) -> list[JobRow]:
        """Return the jobs of that runtime that have not ended, in the order of the queue: priority, then first come."""
        return [rows.job(record) for record in await self._all("list_unfinished", runtime=runtime)]

    async def request_cancel(self, job_id: str, *, actor: str, now: datetime) -> None:
        """Set the one-way flag; audited when it was not set before. Raises NotFound."""

        async def work(connection: Connection) -> None:
            if await first(connection, "request_cancel", {"job_id": job_id}):
                await write(connection, "add_audit", _audit(actor, "request_cancel", job_id, now))
            else:
                await require_job(connection, job_id)

        await self._transactions.run(work)

    async def resume_job(self, job_id: str, *, actor: str, now: datetime) -> bool:
        """Note that a job goes on from now on with the process that asks; False when it completed. Raises NotFound."""

        async def work(connection: Connection) -> bool:
            await require_job(connection, job_id)
            if await first(connection, "resume_job", {"job_id": job_id, "now": now}) is None:
                return False
            await refresh_latest(connection, job_id)
            await write(connection, "add_audit", _audit(actor, "resume_job", job_id, now))
            return True

        return await self._transactions.run(work)

    async def save_job(self, job: JobRow, benchmarks: Sequence[BenchmarkRow]) -> None:
        """Write the projection: state, reason, message, times, progress, setup key, model server.

        Never cancel_requested. Raises NotFound.
        """

        async def work(connection: Connection) -> None:
            if await first(connection, "save_job", rows.parameters(job)) is None:
                raise no_job(job.id)
            for benchmark in benchmarks:
                await write(connection, "save_job_benchmark", rows.parameters(benchmark))
            await refresh_latest(connection, job.id)

        await self._transactions.run(work)

    async def take_lease(self, job_id: str, holder: str, *, seconds: float) -> bool:
        """Take or renew the lease on a job; False while somebody else holds a live one. Uses the database's clock."""
        return await self._first("take_lease", job_id=job_id, holder=holder, seconds=seconds) is not None

    async def drop_lease(self, job_id: str, holder: str) -> None:
        """Give the lease back; harmless when somebody else has it."""
        await self._write("drop_lease", {"job_id": job_id, "holder": holder})

    async def lease_holder(self, job_id: str) -> str | None:
        """Return who holds a live lease, or None."""
        record = await self._first("lease_holder", job_id=job_id)
        return None if record is None else str(record["holder"])


async def _model_id(connection: Connection, spec: EvalJob) -> int:
    lineage = spec.model.lineage or Lineage()
    model = {"name": spec.model.name} | lineage.model_dump()
    await write(connection, "add_model", model)
    return int((await only(connection, "find_model", model))["id"])


def _audit(actor: str, action: str, job_id: str, at: datetime) -> Record:
    return {"at": at, "actor": actor, "action": action, "job_id": job_id, "detail": storable.json({})}
