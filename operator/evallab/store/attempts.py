"""The store's methods about attempts and what their adapters reported."""

from evallab.api.errors import NotFound
from evallab.store import rows
from evallab.store.interface import AttemptRow, EventRow
from evallab.store.part import Part, first, write
from evallab.store.transactions import Connection


class Attempts(Part):
    """Attempts and events."""

    async def save_attempt(self, attempt: AttemptRow) -> None:
        """Insert or replace the attempt's row; an ended attempt is never changed again."""
        await self._write("save_attempt", rows.parameters(attempt))

    async def add_event(self, event: EventRow) -> None:
        """Insert an event once (its id decides); `late` is decided here: the attempt had ended already."""

        async def work(connection: Connection) -> None:
            attempt = await first(connection, "lock_attempt", {"attempt_id": event.attempt_id})
            if attempt is None:
                raise NotFound(f"There is no attempt {event.attempt_id!r}.")
            await write(connection, "add_event", rows.parameters(event) | {"late": attempt["ended"]})

        await self._transactions.run(work)
