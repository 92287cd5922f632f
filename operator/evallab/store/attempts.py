"""The store's methods about attempts and what their adapters reported."""

from collections.abc import Sequence

from evallab.api.errors import NotFound
from evallab.store import rows
from evallab.store.interface import AttemptRow, EventRow
from evallab.store.part import Part, every, write
from evallab.store.transactions import Connection, Record


class Attempts(Part):
    """Attempts and events."""

    async def save_attempt(self, attempt: AttemptRow) -> None:
        """Insert or replace the attempt's row; an ended attempt is never changed again."""
        await self._write("save_attempt", rows.parameters(attempt))

    async def add_event(self, event: EventRow) -> None:
        """Insert an event once (its id decides); `late` is decided here: the attempt had ended already."""
        if await self.add_events([event]):
            raise NotFound(f"There is no attempt {event.attempt_id!r}.")

    async def add_events(self, events: Sequence[EventRow]) -> frozenset[str]:
        """Insert events, each once (its id decides), `late` as in `add_event`; return the ids without an attempt."""
        if not events:
            return frozenset()

        async def work(connection: Connection) -> list[Record]:
            await write(connection, "order_events", {})  # a statement of its own: it holds when numbers are given
            return await every(connection, "add_events", {"events": rows.recordset(events)})

        return frozenset(str(each["id"]) for each in await self._transactions.run(work))
