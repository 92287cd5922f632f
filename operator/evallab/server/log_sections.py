"""The text of logs as EvalHub serves them, once or as they grow: a section per benchmark, a piece at a time.

`FileLogs` are the logs of a computer's own attempts: `House.logs` of a local server. A piece is read only when the last
one was taken, so that a slow client costs no memory.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from evallab.api.errors import NotFound, StoreUnavailable
from evallab.runtimes.local.log_following import LogFollower
from evallab.runtimes.local.log_reader import LogAsk
from evallab.server.log_sources import LogSource, live_path, source_of
from evallab.server.parts import Pieces, Source
from evallab.server.stream import Bell
from evallab.store.artifacts import ArtifactFiles
from evallab.store.interface import BenchmarkRow, JobSnapshot, Store

log = logging.getLogger(__name__)
ENDED = frozenset({"completed", "failed", "partially_failed", "cancelled"})
PAUSE_S = 0.2
ASK_EVERY = 5  #: looks at the file, for one at the store


def header(row: BenchmarkRow, pod: str = "", container: str = "local") -> bytes:
    """Return the line before a benchmark's log, which EvalHub's command splits a job's log at."""
    pod = pod or f"{row.job_id}-{row.index}"
    return f"=== pod={pod} container={container} benchmark_id={row.benchmark_id} ===\n".encode()


def texts(sources: Sequence[Source], ask: LogAsk) -> Pieces:
    """Yield the logs of a job, a section per benchmark."""
    return sections([each.header for each in sources], [each.text(ask) for each in sources])


@dataclass(frozen=True)
class FileSource:
    """The log of one benchmark that is a file."""

    source: LogSource

    @property
    def timed(self) -> bool:
        """Say whether it is known when its lines came."""
        return self.source.timed

    @property
    def header(self) -> bytes:
        """Return the line before it."""
        return header(self.source.row)

    def text(self, ask: LogAsk) -> Pieces:
        """Yield what is wanted of it."""
        return threaded(self.source.pieces(ask))


@dataclass(frozen=True)
class FileLogs:
    """The logs that attempts write on this computer, and what is kept of them."""

    store: Store
    files: ArtifactFiles

    async def of_job(self, snapshot: JobSnapshot) -> list[FileSource]:
        """Return where the logs of a job's benchmarks are, in their order."""
        return [FileSource(each) for each in await kept_of_job(self.store, self.files, snapshot)]

    def following(self, job_id: str, ask: LogAsk, bell: Bell) -> "Following":
        """Return what follows the logs of a job."""
        return Following(store=self.store, files=self.files, job_id=job_id, ask=ask, bell=bell)


@dataclass(frozen=True, kw_only=True)
class Following:
    """Follows logs of one job; `bell` tells when the server ends."""

    store: Store
    files: ArtifactFiles
    job_id: str
    ask: LogAsk
    bell: Bell

    def texts(self, rows: Sequence[BenchmarkRow]) -> Pieces:
        """Yield the logs of benchmarks, one after the other, each until its benchmark has ended."""
        return sections([header(row) for row in rows], [self.text(row.index) for row in rows])

    async def text(self, index: int) -> Pieces:
        """Yield the log of one benchmark as it grows, through its attempts, until the benchmark has ended."""
        with LogFollower(None, self.ask) as follower:
            over = False
            while not over and not self.bell.closed:
                over = await self._ended(index, follower)
                for look in range(1 if over else ASK_EVERY):
                    if look:
                        await self.bell.wait(PAUSE_S)
                    async for piece in threaded(follower.new(rest=over)):
                        yield piece
        if over and not follower.seen:
            async for piece in threaded(await self._kept(index)):
                yield piece

    async def _ended(self, index: int, follower: LogFollower) -> bool:
        """Say whether nothing more will be written, and tell the follower where is written meanwhile."""
        try:
            snapshot = await self.store.snapshot(self.job_id)
        except NotFound:  # deleted meanwhile
            return True
        except StoreUnavailable as error:
            log.warning("following blindly", extra={"action": "logs", "job": self.job_id, "reason": str(error)})
            return False
        row = snapshot.benchmarks[index]
        follower.path = live_path(row, snapshot)
        return row.state in ENDED or snapshot.job.state in ENDED

    async def _kept(self, index: int) -> Iterable[bytes]:
        try:
            sources = await kept_of_job(self.store, self.files, await self.store.snapshot(self.job_id))
        except (NotFound, StoreUnavailable):
            return ()
        return sources[index].kept_pieces(self.ask)


async def kept_of_job(store: Store, files: ArtifactFiles, snapshot: JobSnapshot) -> list[LogSource]:
    """Return where the logs of a job's benchmarks are, in their order."""
    kept = await store.artifacts(snapshot.job.id)
    return [source_of(row, snapshot, kept, files) for row in snapshot.benchmarks]


async def sections(headers: Sequence[bytes], logs: Sequence[Pieces]) -> Pieces:
    """Yield logs, each after its header; an end of line stands between two of them."""
    for number, (line, pieces) in enumerate(zip(headers, logs, strict=True)):
        yield (b"\n" if number else b"") + line
        async with aclosing(pieces):
            async for piece in pieces:
                yield piece


async def threaded(pieces: Iterable[bytes]) -> Pieces:
    """Yield what is read from a disk, read elsewhere than in the event loop."""
    iterator: Iterator[bytes] = iter(pieces)
    following: Callable[[], bytes | None] = lambda: next(iterator, None)  # noqa: E731
    while (piece := await asyncio.to_thread(following)) is not None:
        yield piece
