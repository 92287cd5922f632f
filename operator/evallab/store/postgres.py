"""The store in Postgres: `interface.Store`, as the sum of its parts. Composition roots get one from `connection`."""

from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

from evallab.store.activity import Goings
from evallab.store.attempts import Attempts
from evallab.store.canary import CanaryRows
from evallab.store.changes import Changes
from evallab.store.deletion import Deletion
from evallab.store.entries import Entries
from evallab.store.jobs import Jobs
from evallab.store.leavings import Leavings
from evallab.store.pages import Pages
from evallab.store.queueing import Queue
from evallab.store.records import Records
from evallab.store.references import References
from evallab.store.results import Results
from evallab.store.retention import Retention
from evallab.store.scores import Scores
from evallab.store.series import Series
from evallab.store.telemetry import Telemetry
from evallab.store.transactions import Connection, Transactions


class PostgresStore(
    Jobs,
    Pages,
    Queue,
    Deletion,
    References,
    Attempts,
    Results,
    Scores,
    Series,
    Retention,
    Records,
    Entries,
    Goings,
    Leavings,
    Telemetry,
    CanaryRows,
    Changes,
):
    """The store. One per process and event loop; it opens connections when they are needed and keeps a few."""

    def __init__(self, connect_url: Callable[[], str], *, connections: int = 4, patience_s: float = 60.0) -> None:
        """Take where the URL comes from (asked in a thread, for every connection) and how long to wait for Postgres."""
        super().__init__(Transactions(connect_url, connections=connections, patience_s=patience_s))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def prepare(self, step: Callable[[Connection], Awaitable[object]]) -> None:
        """Run a step on the schema (`migrate.migrate` or `migrate.check`) in one transaction."""
        await self._transactions.run(step)

    async def close(self) -> None:
        """Close the connections."""
        await self._transactions.close()
