"""The store's methods about what is kept beside scores: artifacts, provenance, the audit trail."""

from datetime import datetime

from evallab.store import rows, storable
from evallab.store.interface import ArtifactRow, Json
from evallab.store.part import Part


class Records(Part):
    """Artifacts, provenance, audit."""

    async def artifacts(self, job_id: str) -> list[ArtifactRow]:
        """Return what is kept of a job, in benchmark order, files of the whole job last."""
        return [ArtifactRow(**each) for each in await self._all("list_artifacts", job_id=job_id)]

    async def artifact(self, artifact_id: str) -> ArtifactRow | None:
        """Return one kept file's row; None when there is none, or its job was deleted."""
        found = await self._first("fetch_artifact", artifact_id=artifact_id)
        return None if found is None else ArtifactRow(**found)

    async def add_artifact(self, artifact: ArtifactRow) -> None:
        """Insert one artifact's row, once."""
        await self._write("add_artifact", rows.parameters(artifact))

    async def provenance(self, job_id: str) -> Json:
        """Return the job's provenance, merged: {"job": {...}, "benchmarks": {"0": {...}}}."""
        found = await self._all("list_provenance", job_id=job_id)
        whole = [each["record"] for each in found if each["index"] is None]
        parts = {str(each["index"]): each["record"] for each in found if each["index"] is not None}
        return {"job": whole[0] if whole else {}, "benchmarks": parts}

    async def add_provenance(self, job_id: str, record: Json, *, now: datetime) -> None:
        """Insert the job-level provenance record, once."""
        row = {"job_id": job_id, "attempt_id": None, "recorded_at": now, "record": storable.json(record)}
        await self._write("add_provenance", row)

    async def audit(self, *, actor: str, action: str, job_id: str | None, detail: Json, now: datetime) -> None:
        """Append to the audit trail; the same act at the same instant is one row."""
        row = {"at": now, "actor": actor, "action": action, "job_id": job_id, "detail": storable.json(detail)}
        await self._write("add_audit", row)
