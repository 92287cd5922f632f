"""When the lines of a log arrived: an index beside the log, which the shim writes and `log_times` reads.

Part of the shim, which is a program of its own (see there): it imports nothing but `os` and `time`. The index is a row
of records of 16 bytes, two little-endian numbers each:

    BEGIN | place in the file, limit     an attempt's part of the log begins there, and keeps `limit` bytes
    offset, microseconds since 1970      what that attempt wrote from `offset` on arrived then

Offsets count what the attempt wrote, not what is left of it: so the index stays true when the log loses its middle, of
which the log itself says how long it was. A record is written before the bytes it speaks of, so that a reader never
finds a line without its time, whenever the shim is killed.
"""

import os
import time

RECORD = 16
BEGIN = 1 << 63
SHARE = 32  #: the index of an attempt takes at most the log's limit divided by this
LEAST = 16  #: records that are always allowed
RESOLUTION = 1000  #: microseconds; arrivals closer to each other share a record
Pair = tuple[int, int]


def times_path(log: str) -> str:
    """Return where the index of a log lies."""
    return log.removesuffix(".log") + ".times"


class LineTimes:
    """The part of an index that one attempt appends. A disk that takes nothing costs times, never the log."""

    def __init__(self, path: str, *, begin: int, limit: int) -> None:
        """Append to `path`; the attempt's part of the log begins at `begin` and keeps `limit` bytes."""
        self._path, self._most = path, max(LEAST, limit // SHARE // RECORD)
        self._resolution, self._last, self._count = RESOLUTION, 0, 0
        self.left_out: Pair = (0, 0)  #: from which offset on, and up to which, the log lost what was written
        self._fd = -1
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            size = os.lseek(self._fd, 0, os.SEEK_END)
            os.lseek(self._fd, size - size % RECORD, os.SEEK_SET)
            self._first = size - size % RECORD + RECORD
            self._write(BEGIN | begin, limit)
        except OSError:
            return

    def note(self, offset: int) -> None:
        """Note that a line beginning at or after `offset` arrives now."""
        now = time.time_ns() // 1000
        if abs(now - self._last) < self._resolution:
            return
        try:
            self._write(offset, now)
            self._last = now
            self._count += 1
            if self._count > self._most:
                self._thin_out()
        except OSError:
            return

    def _write(self, first: int, second: int) -> None:
        data = packed(first, second)
        if os.write(self._fd, data) != len(data):  # a full disk: what is incomplete must not shift what follows
            os.lseek(self._fd, -(os.lseek(self._fd, 0, os.SEEK_CUR) % RECORD), os.SEEK_CUR)

    def _thin_out(self) -> None:
        """Halve the records: first those of lines that are gone, then by telling times less finely apart."""
        pairs = without(self._pairs(), *self.left_out)
        while len(pairs) > self._most // 2:
            self._resolution *= 2
            pairs = apart(pairs, self._resolution)
        self._replace(pairs)
        self._count = len(pairs)

    def _pairs(self) -> list[Pair]:
        data = os.pread(self._fd, os.lseek(self._fd, 0, os.SEEK_CUR) - self._first, self._first)
        numbers = [int.from_bytes(data[at : at + 8], "little") for at in range(0, len(data), 8)]
        return list(zip(numbers[::2], numbers[1::2], strict=True))

    def _replace(self, pairs: list[Pair]) -> None:
        """Write the index anew; readers, and whoever finds it after a kill, see the old one or the new one."""
        temporary = f"{self._path}.new"
        fd = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        data = os.pread(self._fd, self._first, 0) + b"".join(packed(*pair) for pair in pairs)
        if os.write(fd, data) != len(data):
            os.close(fd)
            return
        os.rename(temporary, self._path)  # noqa: PTH104
        os.close(self._fd)
        self._fd = fd


def packed(first: int, second: int) -> bytes:
    """Return a record."""
    return first.to_bytes(8, "little") + second.to_bytes(8, "little")


def without(pairs: list[Pair], begin: int, end: int) -> list[Pair]:
    """Leave out the records of what lies between two offsets, save the last, which is of what follows too."""
    after = [*(offset for offset, _ in pairs[1:]), end + 1]
    return [pair for pair, following in zip(pairs, after, strict=True) if pair[0] < begin or following > end]


def apart(pairs: list[Pair], resolution: int) -> list[Pair]:
    """Leave out records that are so close to the one before."""
    kept = pairs[:1]
    for pair in pairs[1:]:
        if abs(pair[1] - kept[-1][1]) >= resolution:
            kept.append(pair)
    return kept
