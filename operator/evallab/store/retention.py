"""The store's methods about what is meant to stay: baselines, pins, and files that retention removes."""

from collections.abc import Sequence
from datetime import datetime

from evallab.store import storable
from evallab.store.interface import BaselineRow, EndedRow, RetainedRow
from evallab.store.part import Part, first, require_job, write
from evallab.store.transactions import Connection


class Retention(Part):
    """Baselines, pins, expirations. Each change leaves a row in the audit trail."""

    async def set_baseline(self, name: str, job_id: str, *, actor: str, now: datetime) -> None:
        """Make the job the baseline of a model or family. Raises NotFound for a job that does not exist."""
        values = {"name": storable.text(name), "job_id": job_id, "now": now}
        await self._audited("set_baseline", values, actor=actor, now=now)

    async def unset_baseline(self, name: str, *, actor: str, now: datetime) -> bool:
        """Take the baseline of a model or family away; False when there was none."""

        async def work(connection: Connection) -> bool:
            found = await first(connection, "unset_baseline", {"name": name})
            if found is not None:
                await _audit(connection, "unset_baseline", {"name": name, "job_id": found["job_id"]}, actor, now)
            return found is not None

        return await self._transactions.run(work)

    async def baselines(self) -> list[BaselineRow]:
        """Return every baseline, by name."""
        return [BaselineRow(**each) for each in await self._all("list_baselines")]

    async def baseline_for(self, job_id: str) -> str | None:
        """Return the job that is the baseline of a job: that of its model, else that of its family, else None."""
        found = await self._first("baseline_for", job_id=job_id)
        return None if found is None else str(found["job_id"])

    async def pin(self, job_id: str, *, actor: str, now: datetime) -> None:
        """Keep a job's files whatever retention says. Raises NotFound."""
        await self._audited("pin", {"job_id": job_id, "now": now}, actor=actor, now=now)

    async def unpin(self, job_id: str, *, actor: str, now: datetime) -> None:
        """Let retention have a job's files again. Raises NotFound."""
        await self._audited("unpin", {"job_id": job_id, "now": now}, actor=actor, now=now)

    async def retained(self) -> list[RetainedRow]:
        """Return the kept files of jobs that have ended, oldest job first."""
        return [RetainedRow(**each) for each in await self._all("list_retained")]

    async def expire(self, artifact_ids: Sequence[str], *, reason: str, actor: str, now: datetime) -> None:
        """Mark files as removed: their rows stay and say so."""

        async def work(connection: Connection) -> None:
            for artifact_id in artifact_ids:
                expiration = {"artifact_id": artifact_id, "reason": reason, "now": now}
                await write(connection, "expire_artifact", expiration)
            detail = {"files": len(artifact_ids), "reason": reason, "job_id": None}
            await _audit(connection, "expire_artifacts", detail, actor, now)

        await self._transactions.run(work)

    async def sweep_blobs(self) -> None:
        """Remove the files that replicas share and no row needs; those kept within the hour stay."""
        await self._transactions.run(sweep_blobs)

    async def needed_paths(self) -> frozenset[str]:
        """Return the paths of files that some row still needs."""
        return frozenset(str(each["path"]) for each in await self._all("list_needed_paths"))

    async def ended(self, job_ids: Sequence[str]) -> list[EndedRow]:
        """Return which of these jobs have ended; an id that is not known is left out."""
        return [EndedRow(**each) for each in await self._all("list_ended", job_ids=list(job_ids))]

    async def _audited(self, name: str, values: dict[str, object], *, actor: str, now: datetime) -> None:
        async def work(connection: Connection) -> None:
            await require_job(connection, str(values["job_id"]))
            await write(connection, name, values)
            await _audit(connection, name, {k: v for k, v in values.items() if k != "now"}, actor, now)

        await self._transactions.run(work)


async def sweep_blobs(connection: Connection, job_id: str | None = None) -> None:
    """Remove shared files that no row needs, of a job or of all."""
    await write(connection, "lock_blobs", {})
    await write(connection, "sweep_blobs", {"job_id": job_id})


async def _audit(connection: Connection, action: str, values: dict[str, object], actor: str, now: datetime) -> None:
    detail = storable.json({key: value for key, value in values.items() if key != "job_id"})
    row = {"at": now, "actor": actor, "action": action, "job_id": values["job_id"], "detail": detail}
    await write(connection, "add_audit", row)
