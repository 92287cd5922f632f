"""The receiver as a whole, as the engine and the server know it: who may report, where to, and into the store.

`receiving` takes events within this process, for commands that end with their attempts. Whoever may be followed by a
successor has the mailbox take them: `receiver.mailbox`. Both give a `Receiver`. Made by the composition roots.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

from evallab.api.contract import JobSpec, StatusEvent
from evallab.receiver import door
from evallab.receiver.desk import Desk
from evallab.receiver.drain import Drain, EventStore
from evallab.receiver.expectation import Expectation
from evallab.receiver.expected import Expectations
from evallab.receiver.spool import Spool


class Receiver:
    """Has adapters' events taken on a loopback port, and brings them into the store."""

    def __init__(
        self,
        spool_dir: Path,
        store: EventStore,
        *,
        expected: Expectations,
        stored: Callable[[str], None],
        now: Callable[[], datetime],
    ) -> None:
        """Use `receiving` or `receiving_by_mailbox`, which also start and stop what this needs."""
        self._spool = Spool(spool_dir, written=lambda: self.drain.wake())
        self._expected, self._port = expected, 0
        self.desk = Desk(self._spool, expected, now=now)
        self.drain = Drain(self._spool, store, stored=stored)

    @property
    def port(self) -> int:
        """Where events are taken now."""
        return self._port

    def listens(self, port: int) -> None:
        """Say where events are taken from now on."""
        self._port = port

    def callback_url(self, attempt_id: str) -> str:
        """Return the URL that an attempt posts to; EvalHub's SDK appends its path."""
        return f"http://{door.HOST}:{self.port}/a/{attempt_id}"

    def expect(self, attempt_id: str, spec: JobSpec) -> str:
        """Take events of this attempt from now on; return the token that it may show. Raises BenchmarkFailed."""
        return self._expected.expect(attempt_id, spec)

    def adopt(self, attempt_id: str, spec: JobSpec) -> None:
        """Take events of an attempt that another process started."""
        self._expected.adopt(attempt_id, spec)

    def forget(self, attempt_id: str) -> None:
        """Take no more events of this attempt."""
        self._expected.forget(attempt_id)

    def forget_job(self, job_id: str) -> None:
        """Take no more events of a job's attempts: it has ended."""
        self._expected.forget_job(job_id)

    def expected_jobs(self) -> frozenset[str]:
        """Return the jobs of which events are taken, predecessors' ones too: who starts forgets those that ended."""
        return self._expected.jobs()

    def attempt_of(self, job_id: str, provider_id: str, benchmark_id: str, index: int) -> str | None:
        """Return the newest attempt that is expected of a benchmark, for events that come without a fence."""
        return self._expected.attempt_of((job_id, provider_id, benchmark_id, index))

    def fence(self, attempt_id: str, job_id: str, authorization: str | None) -> Expectation:
        """Say whether this attempt may report. Raises ApiError."""
        return self.desk.fence(attempt_id, job_id, authorization)

    async def post(self, attempt_id: str, event: StatusEvent) -> None:
        """Take an event that was checked; it is durable when this returns. Raises ApiError when the disk is full."""
        await self.desk.keep(attempt_id, event)

    def spooled(self) -> int:
        """Count the events on disk that are not in the store."""
        return sum(len(each.events) for each in self._spool.segments())

    def pending(self) -> bool:
        """Say whether events wait on disk; cheap."""
        return self._spool.pending()

    async def settle(self) -> None:
        """Bring everything that arrived into the store; called before an attempt is concluded."""
        await self._spool.flushed()
        await self.drain.empty()


@asynccontextmanager
async def receiving(
    spool_dir: Path, store: EventStore, *, stored: Callable[[str], None], now: Callable[[], datetime], port: int = 0
) -> AsyncIterator[Receiver]:
    """Run a receiver. `stored(attempt_id)` is called whenever events of an attempt have reached the store.

    `port`: where a predecessor that died listened; attempts that it started still post there. If taken, any other.
    """
    receiver = Receiver(spool_dir, store, expected=Expectations(), stored=stored, now=now)
    listener = door.bound([port] if port else [])
    receiver.listens(listener.getsockname()[1])
    async with draining(receiver), door.opened(receiver.desk, listener):
        yield receiver


@asynccontextmanager
async def draining(receiver: Receiver, *, look_s: float | None = None) -> AsyncIterator[None]:
    """Have a receiver's spool emptied as long as the block lasts."""
    task = asyncio.create_task(receiver.drain.run(look_s=look_s))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
