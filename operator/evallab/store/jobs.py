"""The store's methods about jobs as a whole: made, read, listed, cancelled, projected, leased."""

from collections.abc import Sequence
from datetime import datetime

from evallab.api.job import EvalJob, Lineage
from evallab.store import rows, snapshots, storable
from evallab.store.interface import BenchmarkRow, JobRow, JobSnapshot
from evallab.store.latest import refresh_latest
from evallab.store.part import Part, first, no_job, require_job, write
from evallab.store.transactions import Connection, Record


class Jobs(Part):
    """Jobs, their benchmarks, and the leases on them."""

    async def create_job(self, job: JobRow, benchmarks: Sequence[BenchmarkRow], *, actor: str) -> str:
        """Insert a job with its benchmarks, its model and an audit row, and return its id.

        Repeating with the same id changes nothing. When another job of its tenant has its idempotency key already,
        nothing is inserted and the id of that one is returned.
        """
        asked = _parameters(job, benchmarks) | _model(job.spec) | {"actor": storable.text(actor)}
        while True:  # nobody is in the way where that one just went, or where the model's row was being made
            found = await self._first("add_job", **asked) or await self._first("job_in_the_way", **asked)
            if found is not None:
                return str(found["id"])

    async def snapshot(self, job_id: str, *, deleted: bool = False) -> JobSnapshot:
        """Read one job whole, as of one moment; a deleted one only when asked to. Raises NotFound."""
        found = await self._first("fetch_job", job_id=job_id, deleted=deleted)
        if found is None:
            raise no_job(job_id)
        return snapshots.snapshot(found)

    async def jobs(
        self, *, limit: int = 50, offset: int = 0, state: str | None = None, name: str | None = None
    ) -> list[JobRow]:
        """List jobs, newest first."""
        found = await self._all("list_jobs", limit=limit, offset=offset, state=state, name=name)
        return [snapshots.job(record) for record in found]

    async def unfinished(self, runtime: str) -> list[JobRow]:
        """Return the jobs of that runtime that have not ended, in the order of the queue: priority, then first come.

        Deleted ones too: somebody must bring them to their end.
        """
        return [snapshots.job(record) for record in await self._all("list_unfinished", runtime=runtime)]

    async def request_cancel(self, job_id: str, *, actor: str, now: datetime) -> None:
        """Set the one-way flag; audited when it was not set before. Raises NotFound."""
        asked = {"job_id": job_id, "actor": storable.text(actor), "now": now}
        if await self._first("request_cancel", **asked) is None:
            await self._transactions.run_alone(lambda connection: require_job(connection, job_id))

    async def resume_job(self, job_id: str, *, actor: str, now: datetime, attached: bool = True) -> bool:
        """Note that a job goes on from now on; False when it completed. Raises NotFound."""

        async def work(connection: Connection) -> bool:
            await require_job(connection, job_id)
            if await first(connection, "resume_job", {"job_id": job_id, "now": now, "attached": attached}) is None:
                return False
            await refresh_latest(connection, job_id)
            await write(connection, "add_audit", _audit(actor, "resume_job", job_id, now))
            return True

        return await self._transactions.run(work)

    async def save_job(self, job: JobRow, benchmarks: Sequence[BenchmarkRow]) -> None:
        """Write the projection: state, reason, message, times, progress, setup key, model server.

        Never cancel_requested. `updated_at` never goes back; without one it is that of the newest other time. A deleted
        job is written too. Raises NotFound.
        """
        projection = _parameters(job, benchmarks)
        going = job.state in {"pending", "running"}  # then one statement does, unless it had ended before
        if going and await self._first("save_job", **projection, unlisted=True) is not None:
            return

        async def work(connection: Connection) -> None:
            if await first(connection, "save_job", projection | {"unlisted": False}) is None:
                raise no_job(job.id)
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


def _parameters(job: JobRow, benchmarks: Sequence[BenchmarkRow]) -> Record:
    request = None if job.request is None else storable.verbatim(job.request)
    return rows.parameters(job) | {"request": request, "benchmarks": rows.recordset(benchmarks)}


def _model(spec: EvalJob) -> Record:
    """Return what a model is known by."""
    lineage = (spec.model.lineage or Lineage()).model_dump()
    return {name: value and storable.text(value) for name, value in ({"model": spec.model.name} | lineage).items()}


def _audit(actor: str, action: str, job_id: str, at: datetime) -> Record:
    return {"at": at, "actor": actor, "action": action, "job_id": job_id, "detail": storable.json({})}
