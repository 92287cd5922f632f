"""The store's methods about what goes on: what arrived, whether a job changed, how much waits. A server asks them."""

from collections.abc import Sequence

from evallab.store.interface import Activity, ArrivedEvent, EventRow
from evallab.store.part import Part


class Goings(Part):
    """What goes on."""

    async def events_after(self, job_id: str, arrival: int, *, limit: int) -> list[ArrivedEvent]:
        """Return the events of a job that arrived after that one, in the order of arrival; 0 is before the first."""
        found = await self._all("list_events_after", job_id=job_id, arrival=arrival, limit=limit)
        return [
            ArrivedEvent(arrival=each.pop("arrival"), index=each.pop("index"), event=EventRow(**each)) for each in found
        ]

    async def pulse(self, job_id: str) -> str | None:
        """Return a text that changes whenever a client could see a difference in the job; None without such a job."""
        found = await self._first("job_pulse", job_id=job_id)
        return None if found is None else str(found["pulse"])

    async def activity(self) -> Activity:
        """Count what waits and runs; also how one asks whether Postgres answers."""
        found = await self._first("count_activity")
        return Activity(**(found or {}))

    async def not_detached(self, job_ids: Sequence[str]) -> frozenset[str]:
        """Return which of these jobs nobody drives in the background: they ended, or a command drives them."""
        if not job_ids:
            return frozenset()
        found = await self._all("list_not_detached", job_ids=list(job_ids))
        return frozenset(each["id"] for each in found)
