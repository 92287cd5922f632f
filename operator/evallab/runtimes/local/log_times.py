"""Reads what the shim noted about a log: when the bytes at a place of it arrived, and where they are by now.

`log_reader` asks this module. A log consists of the parts of its attempts; `line_times` says how the index is laid out
and `bounded_log` how a part loses its middle. A place is what stays true while that happens: the part, and how much the
attempt had written before.
"""

import contextlib
import os
import re
import struct
from array import array
from bisect import bisect_right
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from evallab.runtimes.local.bounded_log import LEFT_OUT, MARKER, MOVING
from evallab.runtimes.local.line_times import BEGIN, RECORD

LEFT_OUT_BYTES = re.compile(re.escape(LEFT_OUT.encode()) + rb"(\d+) bytes")


@dataclass(frozen=True, order=True)
class Place:
    """A place in what was written: the attempt's part of the log, and how many bytes the attempt wrote before."""

    part: int
    offset: int


@dataclass(kw_only=True)
class Part:
    """What one attempt wrote; `left_out` and `moving` are what the log says at this moment."""

    begin: int
    limit: int
    offsets: "array[int]" = field(default_factory=lambda: array("Q"))
    moments: "array[int]" = field(default_factory=lambda: array("Q"))
    left_out: int = 0
    moving: bool = False

    @property
    def head(self) -> int:
        """Where the beginning that is kept ends, and the line about what is not kept begins."""
        return self.begin + self.limit // 4

    def look(self, log: BinaryIO) -> None:
        """Read from the log what it has lost."""
        marker = os.pread(log.fileno(), MARKER, self.head) if self.limit else b""
        found = LEFT_OUT_BYTES.match(marker)
        self.left_out = int(found[1]) if found else 0
        self.moving = marker.startswith(MOVING.encode())

    @property
    def behind(self) -> int:
        """Where the line about what is not kept ends, and the rest begins."""
        return self.head + MARKER

    def offset(self, position: int) -> int:
        """Return how much the attempt wrote before what lies at a position in the file."""
        shift = self.left_out - MARKER if self.left_out and position >= self.behind else 0
        return position - self.begin + shift

    def position(self, offset: int) -> int:
        """Return where it lies; the line about what is missing stands for all that is."""
        position = self.begin + offset
        if not self.left_out or position < self.behind:
            return position
        return max(self.head, position - self.left_out + MARKER)

    def moment(self, position: int) -> tuple[int | None, int | None]:
        """Return when the lines that begin at a position came, and up to where, None being the end, that is so."""
        in_between = self.left_out and self.head <= position < self.behind  # as old as what follows
        index = bisect_right(self.offsets, self.offset(self.behind if in_between else position)) - 1
        following = self.position(self.offsets[index + 1]) if index + 1 < len(self.offsets) else None
        moment = self.moments[index] if index >= 0 else None
        if not self.moving:
            return moment, following
        if position >= self.head:  # by a shim that was killed at it: what lies behind is in no order
            return None, None
        return moment, min(following or self.head, self.head)

    def first_since(self, moment: int) -> int | None:
        """Return the position of the first bytes that came at a moment or later."""
        found = next((at for at, each in enumerate(self.moments) if each >= moment), None)
        return None if found is None else self.position(self.offsets[found])


class LogTimes:
    """The index of one log; a log without one is one part about whose times nothing is known."""

    def __init__(self, path: Path | None) -> None:
        """Take where it lies; nothing is read yet."""
        self._path = path
        self._read: tuple[int, int] = (0, 0)  #: inode, and bytes
        self.parts: list[Part] = []

    def freeze(self) -> None:
        """Read the index no more: the log is another one's by now."""
        self._path = None

    @property
    def known(self) -> bool:
        """Say whether there is an index."""
        return any(part.moments for part in self.parts)

    def refresh(self, log: BinaryIO) -> None:
        """Read what is new in the index, and what the log has lost meanwhile."""
        self._read_index()
        if not self.parts or self.parts[0].begin > 0:  # written before there were indexes
            self.parts.insert(0, Part(begin=0, limit=0))
        for part in self.parts:
            part.look(log)

    def part_at(self, position: int) -> int:
        """Return the number of the part in which a position lies."""
        return max(0, bisect_right([part.begin for part in self.parts], position) - 1)

    def place(self, position: int) -> Place:
        """Return the place of what lies at a position now."""
        number = self.part_at(position)
        return Place(number, self.parts[number].offset(position))

    def position(self, place: Place) -> int:
        """Return where a place lies now, which is never beyond its part."""
        number = min(place.part, len(self.parts) - 1)
        position = self.parts[number].position(place.offset)
        end = self._end(number)
        return position if end is None else min(position, end)

    def moment(self, position: int) -> tuple[int | None, int | None]:
        """Return when the lines that begin at a position came, and up to where, None being the end, that is so."""
        number = self.part_at(position)
        moment, following = self.parts[number].moment(position)
        ends = [each for each in (following, self._end(number)) if each is not None]
        return moment, min(ends, default=None)

    def first_since(self, moment: int) -> int | None:
        """Return the position of the first bytes that came at a moment (microseconds since 1970) or later."""
        found = (part.first_since(moment) for part in self.parts)
        return next((position for position in found if position is not None), None)

    def _end(self, number: int) -> int | None:
        return self.parts[number + 1].begin if number + 1 < len(self.parts) else None

    def _read_index(self) -> None:
        if self._path is None:
            return
        with contextlib.suppress(FileNotFoundError), self._path.open("rb") as stream:
            status = os.fstat(stream.fileno())
            if self._read[0] != status.st_ino or status.st_size < self._read[1]:
                self._read, self.parts = (status.st_ino, 0), []
            stream.seek(self._read[1])
            data = stream.read()
            whole = len(data) - len(data) % RECORD
            self._read = (status.st_ino, self._read[1] + whole)
            for first, second in struct.iter_unpack("<QQ", data[:whole]):
                self._add(first, second)

    def _add(self, first: int, second: int) -> None:
        if first & BEGIN:
            self.parts.append(Part(begin=first & ~BEGIN, limit=second))
        elif self.parts:
            self.parts[-1].offsets.append(first)
            self.parts[-1].moments.append(second)
