"""Logs as they are written: what `evallab logs --follow` shows until the job ends.

An adapter appends to the live log of its benchmark, attempt after attempt. Where that file is gone (another machine, a
job directory that was cleaned), what was kept of it is shown when the benchmark has ended.
"""

import asyncio
import codecs
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from evallab.runtimes.local.log_reader import live_logs
from evallab.store.interface import JobSnapshot, Store

FINISHED = frozenset({"completed", "failed", "partially_failed", "cancelled"})
PAUSE_S = 0.2
SNAPSHOT_EVERY = 5  #: pauses
_CHUNK = 1 << 16
Say = Callable[[int, str], None]  #: the benchmark's index, and a line


@dataclass
class Tail:
    """A growing file, read from where reading stopped; a file that was replaced or cut is read anew."""

    path: Path
    skip: int | None = None  #: at first show only so many of the lines that are there
    _place: tuple[int, int] = (0, 0)  #: inode and offset
    _rest: str = ""
    _decoder: codecs.IncrementalDecoder = field(
        default_factory=lambda: codecs.getincrementaldecoder("utf-8")(errors="replace")
    )

    def lines(self, *, last: bool = False) -> list[str]:
        """Return the lines that came since the last call; the unfinished one only at the `last`."""
        text = self._rest + "".join(self._new())
        *whole, self._rest = text.split("\n")
        if last and self._rest:
            whole, self._rest = [*whole, self._rest], ""
        if self.skip is not None and whole:
            whole, self.skip = whole[max(0, len(whole) - self.skip) :], None
        return whole

    def _new(self) -> Iterator[str]:
        try:
            with self.path.open("rb") as stream:
                status = self.path.stat()
                inode, offset = self._place
                offset = offset if inode == status.st_ino and offset <= status.st_size else 0
                stream.seek(offset)
                while piece := stream.read(_CHUNK):
                    offset += len(piece)
                    yield self._decoder.decode(piece)
                self._place = status.st_ino, offset
        except FileNotFoundError:
            return


@dataclass
class Follower:
    """Follows the live logs of some benchmarks of one job, and says each line once."""

    directory: Path  #: of the job
    indexes: tuple[int, ...]
    say: Say
    skip: int | None = None
    _tails: dict[Path, Tail] = field(default_factory=dict)
    _seen: set[int] = field(default_factory=set)

    async def until_the_end(self, store: Store, job_id: str) -> None:
        """Say what is written until the job, or every benchmark that is followed, has ended."""
        while not self._ended(await store.snapshot(job_id)):
            for _ in range(SNAPSHOT_EVERY):
                self.look()
                await asyncio.sleep(PAUSE_S)
        self.look(last=True)

    def look(self, *, last: bool = False) -> None:
        """Say what came since the last look."""
        for index in self.indexes:
            for path in live_logs(self.directory / str(index)):
                self._seen.add(index)
                tail = self._tails.setdefault(path, Tail(path, self.skip))
                for line in tail.lines(last=last):
                    self.say(index, line)

    def kept(self, texts: Mapping[int, str]) -> None:
        """Say the kept log of every benchmark that had no live one."""
        for index, text in texts.items():
            lines = text.splitlines() if index not in self._seen else []
            for line in lines if self.skip is None else lines[max(0, len(lines) - self.skip) :]:
                self.say(index, line)

    def _ended(self, snapshot: JobSnapshot) -> bool:
        followed = (row for row in snapshot.benchmarks if row.index in self.indexes)
        return snapshot.job.state in FINISHED or all(row.state in FINISHED for row in followed)
