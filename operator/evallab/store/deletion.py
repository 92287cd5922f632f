"""The store's methods about keys and deletion: whether a job was asked for before, and hiding it for good.

A deleted job's row stays with a tombstone (`deleted_at`), because results are never deleted; every query that shows
jobs looks past it.
"""

from datetime import datetime

from evallab.store import storable
from evallab.store.latest import refresh_latest
from evallab.store.part import Part, first, no_job, only, write
from evallab.store.retention import sweep_blobs
from evallab.store.transactions import Connection


class Deletion(Part):
    """Idempotency keys and tombstones."""

    async def job_of_key(self, tenant: str | None, key: str) -> tuple[str, str] | None:
        """Return (job id, request hash) of the job that was made with that idempotency key, or None."""
        asked = {"tenant": tenant and storable.text(tenant), "idempotency_key": storable.text(key)}
        found = await self._first("job_of_key", **asked)
        return None if found is None else (str(found["id"]), str(found["request_hash"]))

    async def delete_job(self, job_id: str, *, actor: str, now: datetime) -> None:
        """Hide a job for good: its results stay in the tables, its files are free for `gc`, its key and names too.

        One that has not ended is cancelled as well: `queue` and `unfinished` show it until it did. Audited. Repeating
        changes nothing. Raises NotFound.
        """

        async def work(connection: Connection) -> None:
            key = {"job_id": job_id, "now": now}
            if await first(connection, "delete_job", key) is None:
                if not (await only(connection, "was_deleted", key))["found"]:
                    raise no_job(job_id)
                return
            await write(connection, "drop_baselines", key)
            await write(connection, "drop_leavings", key)
            await write(connection, "drop_seals", key)
            await sweep_blobs(connection, job_id)
            await refresh_latest(connection, job_id)
            audit = {"at": now, "actor": actor, "action": "delete_job", "job_id": job_id, "detail": storable.json({})}
            await write(connection, "add_audit", audit)

        await self._transactions.run(work)
