"""Reads logs of attempts, which may be long and may be growing: all of it or its end, and when its lines came.

Called by the server for live logs and for kept ones alike. Nothing here holds more than a piece of a log in memory.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from evallab.runtimes.local.line_times import times_path
from evallab.runtimes.local.log_times import LogTimes

LIVE_LOG = "jobrun.log"
PIECE = 256 * 1024
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, kw_only=True)
class LogAsk:
    """What of a log is wanted: its last lines (None: all), with times, not older than a moment."""

    tail: int | None = None
    timestamps: bool = False
    since: datetime | None = None

    @property
    def needs_times(self) -> bool:
        """Say whether it cannot be answered in full without an index."""
        return self.timestamps or self.since is not None


@dataclass(frozen=True, kw_only=True)
class LogText:
    """What was read. `truncated`: there was more; `timed`: the index was there, if it was needed."""

    text: str = ""
    truncated: bool = False
    timed: bool = True


def live_logs(directory: Path) -> list[Path]:
    """Return the live logs of a benchmark, somewhere below: its id may hold slashes. Links are not followed."""
    return [path for path in sorted(directory.rglob(LIVE_LOG)) if path.is_file() and not path.is_symlink()]


def index_of(log: Path) -> Path:
    """Return where the index of a log lies."""
    return Path(times_path(str(log)))


def read_log(
    path: Path,
    times: Path | None,
    *,
    tail: int | None = None,
    timestamps: bool = False,
    since: datetime | None = None,
    max_bytes: int,
) -> LogText:
    """Return what of a log is wanted, at most its first `max_bytes`; a log that is not there is empty.

    A tail has no newline after its last line; all of a log is as it was written.
    """
    ask = LogAsk(tail=tail, timestamps=timestamps, since=since)
    try:
        with path.open("rb") as log:
            reader = LogReader(log, times, ask)
            found = bytearray()
            for piece in reader.pieces():
                found += piece
                if len(found) > max_bytes:
                    break
            timed = reader.timed
    except FileNotFoundError:
        return LogText()
    text = found[:max_bytes].decode("utf-8", errors="replace")
    return LogText(text=text, truncated=len(found) > max_bytes, timed=timed)


class LogReader:
    """One log that is open, and how far it was read."""

    def __init__(self, log: BinaryIO, times: Path | None, ask: LogAsk) -> None:
        """Find where to begin."""
        self._log, self._ask = log, ask
        self._times = LogTimes(times)
        self._times.refresh(log)
        self._line_begins = True
        self._place = self._times.place(max(self._since(), self._tail()))

    @property
    def timed(self) -> bool:
        """Say whether the index was there, if it was needed."""
        return self._times.known or not self._ask.needs_times or self._size() == 0

    def pieces(self) -> Iterator[bytes]:
        """Yield what is wanted; the newline at the end of a tail is not."""
        end = self._size()
        if self._ask.tail is not None and end and self._at(end - 1) == b"\n":
            end -= 1
        yield from self._between(self._times.position(self._place), end)

    def new(self, *, rest: bool = False) -> Iterator[bytes]:
        """Yield what came since the last call, wherever it lies by now; `rest`: nobody writes any more."""
        while piece := self._next(rest=rest):
            yield piece

    def rest(self) -> Iterator[bytes]:
        """Yield what came since the last call, of a log that another one has replaced."""
        self._times.freeze()
        return self.new(rest=True)

    def _next(self, *, rest: bool) -> bytes:
        """Return the next piece, and remember its end as a place; nothing while the log loses its middle."""
        self._times.refresh(self._log)
        lost = self._lost()
        begin = self._times.position(self._place)
        data = os.pread(self._log.fileno(), PIECE, begin)
        self._times.refresh(self._log)
        if self._lost()[: len(lost)] != lost or (self._times.parts[-1].moving and not rest):
            return b""
        self._place = self._times.place(begin + len(data))
        return b"".join(self._stamped(begin, data))

    def _lost(self) -> list[int]:
        return [part.left_out for part in self._times.parts]

    def _between(self, begin: int, end: int) -> Iterator[bytes]:
        while begin < end and (data := os.pread(self._log.fileno(), min(PIECE, end - begin), begin)):
            yield b"".join(self._stamped(begin, data))
            begin += len(data)

    def _stamped(self, begin: int, data: bytes) -> Iterator[bytes]:
        """Yield the data, every line after the time at which its first byte came."""
        while data and self._ask.timestamps:
            moment, until = self._times.moment(begin)
            size = len(data) if until is None else max(1, min(len(data), until - begin))
            yield self._marked(data[:size], b"" if moment is None else written(moment))
            begin, data = begin + size, data[size:]
        yield data

    def _marked(self, data: bytes, mark: bytes) -> bytes:
        first = mark if self._line_begins else b""
        self._line_begins = data.endswith(b"\n")
        within, last = (data[:-1], b"\n") if self._line_begins else (data, b"")
        return first + within.replace(b"\n", b"\n" + mark) + last

    def _since(self) -> int:
        """Return where the first line begins that came since the moment that was asked for."""
        if self._ask.since is None or not self._times.known:
            return 0
        position = self._times.first_since((self._ask.since - EPOCH) // MICROSECOND)
        return self._size() if position is None else self._line_at(position)

    def _line_at(self, position: int) -> int:
        """Return where the first line begins that begins at a position or after it."""
        if position == 0 or self._at(position - 1) == b"\n":
            return position
        while data := os.pread(self._log.fileno(), PIECE, position):
            found = data.find(b"\n")
            if found >= 0:
                return position + found + 1
            position += len(data)
        return position

    def _tail(self) -> int:
        """Return where the last lines begin."""
        end = self._size()
        if self._ask.tail is None or not end:
            return 0
        wanted = self._ask.tail + (self._at(end - 1) == b"\n")
        while end > 0 and wanted > 0:
            size = min(PIECE, end)
            data = os.pread(self._log.fileno(), size, end - size)
            count = data.count(b"\n")
            if count >= wanted:
                return end - size + _from_the_end(data, wanted) + 1
            end, wanted = end - size, wanted - count
        return 0 if wanted > 0 else self._size()

    def _at(self, position: int) -> bytes:
        return os.pread(self._log.fileno(), 1, position)

    def _size(self) -> int:
        return os.fstat(self._log.fileno()).st_size


def written(moment: int) -> bytes:
    """Return a moment (microseconds since 1970) as it stands before a line."""
    return f"{EPOCH + moment * MICROSECOND:%Y-%m-%dT%H:%M:%S}.{moment % 1_000_000 // 1000:03d}Z ".encode()


def _from_the_end(data: bytes, count: int) -> int:
    """Return where the newline is that is the count-th from the end."""
    place = len(data)
    for _ in range(count):
        place = data.rfind(b"\n", 0, place)
    return place
