"""Being told that a job changed: the store's `changes`, which wakes the engine and the commands that watch."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import psycopg

from evallab.api.errors import StoreUnavailable
from evallab.store.part import Part
from evallab.store.queries import QUERIES

_PAUSE_S = 1.0


class Changes(Part):
    """Notifications."""

    async def changes(self, job_id: str) -> AsyncGenerator[None]:
        """Yield when listening begins (something may have happened before), then whenever that job changed.

        Best effort: it listens on a connection of its own, and anew, yielding again, when that breaks.
        """
        while True:
            try:
                async with aclosing(self._notifications(job_id)) as notices:
                    async for _ in notices:
                        yield
            except (psycopg.OperationalError, psycopg.InterfaceError, OSError, StoreUnavailable):
                await asyncio.sleep(_PAUSE_S)

    async def _notifications(self, job_id: str) -> AsyncGenerator[None]:
        async with await self._transactions.connect() as connection, aclosing(connection.notifies()) as notices:
            await connection.execute(QUERIES["listen"])
            yield
            async for notice in notices:
                if notice.payload == job_id:
                    yield
