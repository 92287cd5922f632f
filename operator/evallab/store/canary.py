"""The store's methods about canaries."""

from datetime import datetime

from evallab.store import storable
from evallab.store.canaries import CanaryRow
from evallab.store.part import Part
from evallab.store.values import Json


class CanaryRows(Part):
    """Answers to fixed prompts, and what they told."""

    async def save_canary_pass(self, job_id: str, name: str, body: Json, *, now: datetime) -> None:
        """Keep what a pass was answered; one that is asked again replaces the one before."""
        row = {"job_id": job_id, "pass": name, "at": now, "body": storable.json(body)}
        await self._write("save_canary_pass", row)

    async def save_canary_verdict(self, job_id: str, setup_key: str | None, body: Json, *, now: datetime) -> None:
        """Keep what a job's canary told; judged again it is replaced."""
        row = {"job_id": job_id, "setup_key": setup_key, "at": now, "body": storable.json(body)}
        await self._write("save_canary_verdict", row)

    async def canary(self, job_id: str) -> CanaryRow | None:
        """Return a job's canary, or None when it has none (yet)."""
        found = await self._all("list_canary_passes", job_id=job_id)
        verdict = await self._first("fetch_canary_verdict", job_id=job_id)
        if not found and verdict is None:
            return None
        return CanaryRow(
            job_id=job_id,
            passes={each["pass"]: each["body"] for each in found},
            asked_at={each["pass"]: each["at"] for each in found},
            verdict=verdict["body"] if verdict else None,
        )

    async def last_valid_canary(self, setup_key: str, *, prompts: str, but: str) -> CanaryRow | None:
        """Return the newest usable canary of a setup with that version of the prompts, of another job than `but`."""
        found = await self._first("last_valid_canary", setup_key=setup_key, prompts=prompts, but=but)
        return await self.canary(found["job_id"]) if found else None
