"""From the spool into the store, once each, in order. Run by the receiver's owner; safe to run in several processes."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

from evallab.api.errors import EvallabError, NotFound, StoreUnavailable
from evallab.receiver.spool import Spool, Spooled
from evallab.store.interface import EventRow

log = logging.getLogger(__name__)


class EventStore(Protocol):
    """The narrow face of the store that the drain needs."""

    async def add_event(self, event: EventRow) -> None:
        """Insert an event once."""


class Drain:
    """Empties a spool whenever it is woken."""

    def __init__(self, spool: Spool, store: EventStore, *, stored: Callable[[str], None]) -> None:
        """`stored(attempt_id)` is called after each event that reached the store."""
        self._spool, self._store, self._stored = spool, store, stored
        self._more = asyncio.Event()

    def wake(self) -> None:
        """Say that there is something in the spool."""
        self._more.set()

    async def empty(self) -> None:
        """Move everything that is in the spool now. Raises StoreUnavailable when Postgres stays away."""
        for event in self._spool.pending():
            row = EventRow(id=event.id, attempt_id=event.attempt_id, received_at=event.received_at, body=event.body)
            await self._move(event, row)
            self._stored(event.attempt_id)

    async def _move(self, event: Spooled, row: EventRow) -> None:
        """Store one event. What the store refuses for ever is set aside, so that it does not stand in the way."""
        try:
            await self._store.add_event(row)
        except StoreUnavailable:
            raise
        except NotFound:  # the attempt was deleted with its job: nobody will ever ask for this event
            self._spool.done(event)
        except EvallabError:
            self._spool.set_aside(event.path)
        else:
            self._spool.done(event)

    async def run(self, *, pause: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Empty the spool for ever; while Postgres is away, events wait on disk."""
        while True:
            self._more.clear()
            try:
                await self.empty()
            except StoreUnavailable as error:
                log.warning("events wait on disk", extra={"action": "drain_spool", "reason": str(error)})
                await pause(1.0)
                continue
            await self._more.wait()
