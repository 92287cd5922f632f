"""Units of work against Postgres that survive its absence: a few connections, and another try when one breaks.

Every part of the store runs its statements through `Transactions.run`. All writes of the store are safe to repeat, so
a transaction whose outcome is unknown (the connection died during the commit) is simply run again. Each connection
asks for the URL anew: the embedded server may have left, or come back on another port. Statements are prepared until
that fails once: prepared ones do not outlive a change of what they return, and not every connection pooler keeps them.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import dict_row

from evallab.api.errors import StoreUnavailable
from evallab.store import failures
from evallab.store.queries import QUERIES

Record = dict[str, Any]
Connection = psycopg.AsyncConnection[Record]
T = TypeVar("T")

log = logging.getLogger(__name__)

# A connection to a host that vanished is given up after about a minute instead of hours.
KEEPALIVE: Mapping[str, Any] = {
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
_WHEN_ASKED = 1_000_000  # psycopg prepares after so many uses, or when asked to (`queries.PREPARED`); with None never
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 5.0
_OPENING_PATIENCE_S = 5.0  # a wrong URL is more likely than a server that is just starting


class Transactions:
    """A bounded set of connections; idle ones stay open, which also keeps the embedded server from leaving."""

    def __init__(self, connect_url: Callable[[], str], *, connections: int = 4, patience_s: float = 60.0) -> None:
        """Take where the URL comes from (called in a thread) and how long to wait for a Postgres that went away."""
        self._connect_url = connect_url
        self._patience_s = patience_s
        self._places = asyncio.Semaphore(connections)
        self._idle: list[Connection] = []
        self._prepare_threshold: int | None = _WHEN_ASKED
        self._reached = False
        self._closed = False
        self._away_since: float | None = None  #: which is said once, and how long it was when it is over

    async def run(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Run `work` in one transaction, again while Postgres is away. Raises StoreUnavailable when it stays away."""

        async def whole(connection: Connection) -> T:
            async with connection.transaction():
                return await work(connection)

        return await self.run_alone(whole)

    async def run_alone(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Run `work` like `run`, but outside of a transaction: for a single statement, which is one of its own."""
        started = time.monotonic()
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                found = await self._once(work)
                self._back()
                return found
            except psycopg.Error as error:
                self._give_up_or_not(error, waited_s=time.monotonic() - started + pause_s)
            await self._forget_idle()
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def _give_up_or_not(self, error: psycopg.Error, *, waited_s: float) -> None:
        """Raise what this error means, unless another try may succeed."""
        if failures.is_unprepared(error):
            self._prepare_threshold = None
            log.warning("statements are not prepared any more", extra={"action": "store_retry", "reason": str(error)})
            return
        if not failures.is_passing(error):
            raise failures.translated(error) from error
        patience_s = self._patience_s if self._reached else min(self._patience_s, _OPENING_PATIENCE_S)
        if waited_s > patience_s:
            raise failures.unavailable(error) from error
        if self._away_since is None:
            self._away_since = time.monotonic()
            log.warning("database away", extra={"action": "store_retry", "reason": str(error)})

    def _back(self) -> None:
        """Say that Postgres answers again, if it did not."""
        if self._away_since is not None:
            seconds = round(time.monotonic() - self._away_since, 1)
            self._away_since = None
            log.info("database back", extra={"action": "store_retry", "seconds": seconds})

    async def connect(self) -> Connection:
        """Return a new connection of the caller's own, who closes it."""
        connection = await _connected(await self._url(), self._prepare_threshold)
        await connection.execute(QUERIES["prepare_connection"])
        self._reached = True
        return connection

    async def close(self) -> None:
        """Close the idle connections now and the others when they come back. Harmless when repeated."""
        self._closed = True
        await self._forget_idle()

    async def _once(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        async with self._lent() as connection:
            return await work(connection)

    @asynccontextmanager
    async def _lent(self) -> AsyncIterator[Connection]:
        async with self._places:
            if self._closed:
                raise StoreUnavailable("The store was closed.", remedy="Open it again.")
            connection = self._idle.pop() if self._idle else await self.connect()
            try:
                yield connection
            finally:
                await self._take_back(connection)

    async def _take_back(self, connection: Connection) -> None:
        is_usable = connection.info.transaction_status == TransactionStatus.IDLE
        if not self._closed and is_usable and connection.prepare_threshold == self._prepare_threshold:
            self._idle.append(connection)
        else:
            await connection.close()

    async def _forget_idle(self) -> None:
        while self._idle:
            await self._idle.pop().close()

    async def _url(self) -> str:
        try:
            return await asyncio.to_thread(self._connect_url)
        except StoreUnavailable as error:
            if self._reached:  # it worked before, so it may again
                raise psycopg.OperationalError(error.message) from error
            raise


async def _connected(url: str, prepare_threshold: int | None) -> Connection:
    try:
        return await psycopg.AsyncConnection[Record].connect(
            url,
            autocommit=True,
            row_factory=dict_row,
            prepare_threshold=prepare_threshold,
            connect_timeout=10,
            application_name="evallab",
            **KEEPALIVE,
        )
    except psycopg.ProgrammingError:  # its message quotes the URL, and with it perhaps a password
        remedy = "EVALLAB_DATABASE_URL looks like postgresql://user@host/database."
        raise StoreUnavailable("The URL of the database is not one.", remedy=remedy) from None
