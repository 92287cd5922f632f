"""Being told that something changed: it wakes the engine, the server, and the commands that watch."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import psycopg

from evallab.api.errors import StoreUnavailable
from evallab.store.part import Part
from evallab.store.queries import QUERIES

_PAUSE_S = 1.0


class Changes(Part):
    """Notifications. Each method listens on a connection of its own, and anew, yielding again, when that breaks."""

    async def changes(self, job_id: str) -> AsyncGenerator[None]:
        """Yield when listening begins (something may have happened before), then whenever that job changed.

        Best effort: callers poll behind it.
        """
        async with aclosing(self._heard("listen_to_jobs")) as payloads:
            async for payload in payloads:
                if payload in {"", job_id}:
                    yield

    async def entry_changes(self) -> AsyncGenerator[None]:
        """Yield when listening begins, then whenever an entry changed (LISTEN/NOTIFY); best effort, poll behind it."""
        async with aclosing(self._heard("listen_to_catalog")) as payloads:
            async for _ in payloads:
                yield

    async def queue_changes(self) -> AsyncGenerator[str]:
        """Yield "" when listening begins, then the id of each job that was made (to be run), resumed or cancelled."""
        async with aclosing(self._heard("listen_to_queue")) as payloads:
            async for payload in payloads:
                yield payload

    async def listen(self) -> AsyncGenerator[str]:
        """Yield "" whenever listening begins, then ids of jobs of the cluster that somebody must look at."""
        async with aclosing(self._heard("listen_to_cluster")) as payloads:
            async for payload in payloads:
                yield payload

    async def _heard(self, listen: str) -> AsyncGenerator[str]:
        """Yield "" whenever listening begins, then payloads."""
        while True:
            try:
                async with aclosing(self._notifications(listen)) as payloads:
                    async for payload in payloads:
                        yield payload
            except (psycopg.OperationalError, psycopg.InterfaceError, OSError, StoreUnavailable):
                await asyncio.sleep(_PAUSE_S)

    async def _notifications(self, listen: str) -> AsyncGenerator[str]:
        async with await self._transactions.connect() as connection, aclosing(connection.notifies()) as notices:
            await connection.execute(QUERIES[listen])
            yield ""
            async for notice in notices:
                yield notice.payload
