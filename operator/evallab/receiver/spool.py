"""Events on disk before they are acknowledged, so that an acknowledged event survives the death of everything else.

Whoever waits while a segment is being written shares the next one: a disk syncs a few thousand times per second at
best, adapters may post faster than that together. Called by `receiver.desk` (in) and `receiver.drain` (out). Several
processes may write and empty the same folder.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from evallab.receiver import segments
from evallab.receiver.segments import PARTIAL, Segment, Spooled

log = logging.getLogger(__name__)
MOST_EVENTS, MOST_BYTES = 500, 4 * 2**20  #: of one segment, unless one event alone is larger
ABANDONED_S = 3600.0  #: a partial file of that age was never acknowledged, and nobody writes it any more


@dataclass(frozen=True)
class _Waiting:
    """An event that is not on disk yet, and who waits for it."""

    received_at: datetime
    line: bytes
    done: asyncio.Future[None]


class Spool:
    """A folder of events that the store does not have yet. One event loop uses an instance."""

    def __init__(self, root: Path, *, written: Callable[[], None] = lambda: None) -> None:
        """Use `root`, made when it is missing; `written()` is called on the loop after each segment."""
        self._root, self._written = root, written
        self._waiting: list[_Waiting] = []
        self._batch: list[_Waiting] = []  #: what is being written
        self._writing: asyncio.Task[None] | None = None
        self._newest = datetime.fromtimestamp(0, UTC)
        self._disk = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spool")  # never behind other blocking work
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        _sweep(root)

    async def put(self, event: Spooled) -> None:
        """Write an event durably: when this returns, a power cut does not lose it. Raises OSError (disk full)."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(event.received_at, segments.line(event), done))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write())
        await done

    async def _write(self) -> None:
        """Write what waits, and what came meanwhile, until nobody waits."""
        try:
            while batch := self._next():
                if error := await self._segment(batch):
                    await self._one_by_one(batch, error)
                else:
                    _tell(batch, None)
                    self._written()
        finally:
            self._writing = None

    async def _one_by_one(self, batch: Sequence[_Waiting], error: OSError) -> None:
        """Refuse nobody for the size of a neighbour when the disk is nearly full."""
        for each in batch:
            said = await self._segment([each]) if len(batch) > 1 else error
            _tell([each], said)
        self._written()

    async def _segment(self, batch: Sequence[_Waiting]) -> OSError | None:
        lines = [each.line for each in batch]
        self._newest = max(self._newest + timedelta(microseconds=1), batch[0].received_at)  # whatever the clock does
        writing = asyncio.get_running_loop().run_in_executor(
            self._disk, segments.write, self._root, self._newest, lines
        )
        try:
            await writing
        except OSError as error:
            return error
        return None

    def _next(self) -> list[_Waiting]:
        """Take what one segment may hold, in the order in which it came."""
        size, number = 0, 0
        for each in self._waiting[:MOST_EVENTS]:
            size += len(each.line)
            if number and size > MOST_BYTES:
                break
            number += 1
        self._batch, self._waiting = self._waiting[:number], self._waiting[number:]
        return self._batch

    async def flushed(self) -> None:
        """Wait until what was put before is on disk, or refused."""
        begun = [each.done for each in (*self._batch, *self._waiting) if not each.done.done()]
        if begun:
            await asyncio.wait(begun)

    def pending(self) -> bool:
        """Say whether anything waits on disk; cheap."""
        return next(segments.names(self._root), None) is not None

    def segments(self) -> Iterator[Segment]:
        """Yield what is on disk, oldest first."""
        for name in sorted(segments.names(self._root)):
            path = self._root / name
            try:
                yield segments.read(path)
            except FileNotFoundError:  # another process of the same user stored it
                continue
            except OSError as error:  # a disk that cannot be read; the other events must not suffer
                self._put_away(path, str(error))

    def done(self, segment: Segment, *, refused: Sequence[Spooled] = ()) -> None:
        """Forget a segment whose events the store has; keep what is damaged or refused where it is not read again."""
        kept = b"".join([*segment.damaged, *map(segments.line, refused)])
        if kept:
            self._set_aside(segment.path, kept)
        segment.path.unlink(missing_ok=True)

    def _set_aside(self, path: Path, kept: bytes) -> None:
        log.warning("set aside", extra={"action": "set_aside", "file": path.name})
        try:
            segments.write_durably(self._refused() / path.name, kept)
        except OSError as error:  # no room for a copy of some lines: the whole file goes
            self._put_away(path, str(error))

    def _put_away(self, path: Path, reason: str) -> None:
        log.warning("put away whole", extra={"action": "put_away", "file": path.name, "reason": reason})
        with suppress(OSError):
            path.rename(self._refused() / path.name)

    def _refused(self) -> Path:
        folder = self._root / "refused"
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder


def _tell(batch: Sequence[_Waiting], error: OSError | None) -> None:
    """Answer those who still wait."""
    for each in batch:
        if each.done.done():
            continue
        if error is None:
            each.done.set_result(None)
        else:
            each.done.set_exception(OSError(error.errno, error.strerror))


def _sweep(root: Path) -> None:
    """Remove what somebody who was killed began to write and never acknowledged."""
    for path in root.glob(f"*{PARTIAL}"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > ABANDONED_S:
                path.unlink()
