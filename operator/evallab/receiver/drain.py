"""From the spool into the store, once each, in order. Run by the receiver's owner; safe to run in several processes."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Protocol

from evallab.api.errors import EvallabError, StoreUnavailable
from evallab.receiver.segments import Segment, Spooled
from evallab.receiver.spool import MOST_BYTES, MOST_EVENTS, Spool
from evallab.store.interface import EventRow

log = logging.getLogger(__name__)


class EventStore(Protocol):
    """The narrow face of the store that the drain needs."""

    async def add_events(self, events: Sequence[EventRow]) -> frozenset[str]:
        """Insert events once each; return the ids of those whose attempt does not exist."""


class Drain:
    """Empties a spool whenever it is woken."""

    def __init__(self, spool: Spool, store: EventStore, *, stored: Callable[[str], None]) -> None:
        """`stored(attempt_id)` is called after events of an attempt reached the store."""
        self._spool, self._store, self._stored = spool, store, stored
        self._more = asyncio.Event()
        self._turn = asyncio.Lock()

    def wake(self) -> None:
        """Say that there is something in the spool."""
        self._more.set()

    async def empty(self) -> None:
        """Move everything that is in the spool now. Raises StoreUnavailable when Postgres stays away."""
        async with self._turn:
            for group in _groups(self._spool.segments()):
                await self._move(group)

    async def _move(self, group: Sequence[Segment]) -> None:
        """Store some segments at once. Their files go afterwards: killed in between, they are stored again, once."""
        refused = await self._store_all([event for segment in group for event in segment.events])
        for segment in group:
            self._spool.done(segment, refused=[each for each in segment.events if each.id in refused])
        for attempt_id in {event.attempt_id: None for segment in group for event in segment.events}:
            self._stored(attempt_id)

    async def _store_all(self, events: Sequence[Spooled]) -> frozenset[str]:
        """Store events; return the ids of those that the store refuses for ever."""
        if not events:
            return frozenset()
        try:
            unknown = await self._store.add_events([_row(each) for each in events])
        except StoreUnavailable:
            raise
        except EvallabError as error:
            return await self._divided(events, error)
        if unknown:  # deleted with their jobs: nobody will ever ask for these events
            log.warning("dropped events of unknown attempts", extra={"action": "drop_events", "count": len(unknown)})
        return frozenset()

    async def _divided(self, events: Sequence[Spooled], error: EvallabError) -> frozenset[str]:
        """Find what the store refuses, so that it does not stand in the way of the rest."""
        if len(events) == 1:
            log.warning("refused", extra={"action": "store_event", "event": events[0].id, "reason": str(error)})
            return frozenset({events[0].id})
        middle = len(events) // 2
        return await self._store_all(events[:middle]) | await self._store_all(events[middle:])

    async def run(
        self, *, look_s: float | None = None, pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        """Empty the spool for ever; while Postgres is away, events wait on disk.

        `look_s`: how often to look also without being woken, for what other processes write.
        """
        while True:
            self._more.clear()
            try:
                if self._spool.pending():
                    await self.empty()
            except (StoreUnavailable, OSError) as error:
                log.warning("events wait on disk", extra={"action": "drain_spool", "reason": str(error)})
                await pause(1.0)
                continue
            with suppress(TimeoutError):
                await asyncio.wait_for(self._more.wait(), look_s)


def _groups(segments: Iterable[Segment]) -> Iterator[list[Segment]]:
    """Join small segments, so that a burst costs few transactions and a large one little memory."""
    group, events, size = list[Segment](), 0, 0
    for segment in segments:
        if group and (events + len(segment.events) > MOST_EVENTS or size + segment.size > MOST_BYTES):
            yield group
            group, events, size = [], 0, 0
        group.append(segment)
        events += len(segment.events)
        size += segment.size
    if group:
        yield group


def _row(event: Spooled) -> EventRow:
    return EventRow(id=event.id, attempt_id=event.attempt_id, received_at=event.received_at, body=event.body)
