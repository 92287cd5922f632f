"""What the parts of the store share: named queries, a transaction per method. `postgres.PostgresStore` is their sum."""

from collections.abc import Mapping
from typing import Any

from evallab.api.errors import NotFound
from evallab.store.queries import PREPARED, QUERIES
from evallab.store.transactions import Connection, Record, Transactions


class Part:
    """One theme of the store's methods, on connections that all parts share.

    A method that is one statement uses `_all`, `_first` or `_write`: the statement is its own transaction, which spares
    two round trips. Others give their work to `_transactions.run`.
    """

    def __init__(self, transactions: Transactions) -> None:
        """Take the connections."""
        self._transactions = transactions

    async def _all(self, name: str, /, **parameters: Any) -> list[Record]:
        return await self._transactions.run_alone(lambda connection: every(connection, name, parameters))

    async def _first(self, name: str, /, **parameters: Any) -> Record | None:
        return await self._transactions.run_alone(lambda connection: first(connection, name, parameters))

    async def _write(self, name: str, parameters: Mapping[str, Any]) -> None:
        await self._transactions.run_alone(lambda connection: write(connection, name, parameters))


async def write(connection: Connection, name: str, parameters: Mapping[str, Any]) -> None:
    """Execute a named statement that returns nothing of interest."""
    await connection.execute(QUERIES[name], parameters, prepare=name in PREPARED)


async def first(connection: Connection, name: str, parameters: Mapping[str, Any]) -> Record | None:
    """Execute a named query and return its first record, or None."""
    return await (await connection.execute(QUERIES[name], parameters, prepare=name in PREPARED)).fetchone()


async def only(connection: Connection, name: str, parameters: Mapping[str, Any]) -> Record:
    """Execute a named query that always has a record, and return it."""
    record = await first(connection, name, parameters)
    if record is None:
        raise NotFound(f"The query {name} found nothing.")
    return record


async def every(connection: Connection, name: str, parameters: Mapping[str, Any]) -> list[Record]:
    """Execute a named query and return all its records."""
    return await (await connection.execute(QUERIES[name], parameters, prepare=name in PREPARED)).fetchall()


async def require_job(connection: Connection, job_id: str) -> None:
    """Raise NotFound unless there is such a job."""
    if not (await only(connection, "job_exists", {"job_id": job_id}))["found"]:
        raise no_job(job_id)


def no_job(job_id: str) -> NotFound:
    """Return the error for a job id that does not exist."""
    return NotFound(f"There is no job {job_id!r}.", remedy="`evallab jobs` shows the jobs there are.")
