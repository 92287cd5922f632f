"""The store's methods about whose turn it is: light rows, whatever the length of the queue."""

from datetime import datetime

from evallab.store.interface import QueueRow
from evallab.store.part import Part


class Queue(Part):
    """The queue of a runtime: priority, then first come."""

    async def queue(self, runtime: str, *, first: int, now: datetime) -> list[QueueRow]:
        """Return the queue of a runtime in its order, as far as somebody must look at it.

        All jobs that run, the first few that wait, and those that wait no longer: cancelled, or past their deadline.
        """
        found = await self._all("queue", runtime=runtime, first=first, now=now)
        return [QueueRow(**each) for each in found]

    async def queue_position(self, job_id: str) -> int | None:
        """Return a waiting job's place in the line: 1 starts next; None when it does not wait."""
        found = await self._first("queue_position", job_id=job_id)
        return None if found is None else int(found["place"])
