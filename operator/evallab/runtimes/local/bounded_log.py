"""What a command writes, into a file that cannot fill the disk: of a long log its beginning and its end are kept.

Part of the shim, which is a program of its own (see there): it imports nothing but `os` and its neighbour. The command
writes into a pipe, so neither a limit nor a full disk can block it or end it. When the file has grown beyond the limit,
its end is moved towards its beginning; a line in between says how much is missing, and while bytes are being moved it
says that instead. So the file is complete at any time, also when the shim is killed, and whoever reads it meanwhile
knows where he is. When the lines came is noted beside it (`line_times`).
"""

import os

TYPE_CHECKING = False
if TYPE_CHECKING or __package__:
    from evallab.runtimes.local.line_times import LineTimes, times_path
else:
    from line_times import LineTimes, times_path

CHUNK = 1024 * 1024
LINE_WITHIN = 4096  #: so far is looked for the beginning of a line
MARKER = 160  #: bytes of the line that says what is missing, whatever the number
LEFT_OUT = "\n=== evallab left out "  #: how that line begins; the number of bytes follows
MOVING = "\n=== evallab is leaving out the middle of this log"


class BoundedLog:
    """The part of a log file that one attempt appends."""

    def __init__(self, path: str, *, limit: int) -> None:
        """Append to `path`; of what is appended at most `limit` bytes are kept, a quarter of it from the beginning."""
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._path, self._limit = path, limit
        self._size = self._begin = os.lseek(self.fd, 0, os.SEEK_END)
        self._left_out = self._unwritten = 0
        self._line_begins = True
        self._times: LineTimes | None = None

    def write(self, data: bytes) -> None:
        """Append; what the disk does not take is counted and forgotten."""
        if not data:
            return
        self._note(data)
        try:
            while data:
                written = os.write(self.fd, data)
                self._size += written
                data = data[written:]
            if self._size - self._begin > self._limit:
                self._shorten()
        except OSError:
            self._unwritten += len(data)

    def finish(self) -> None:
        """Say what could not be written, if the disk takes that by now."""
        if self._unwritten:
            self.write(f"\n=== evallab could not write {self._unwritten} bytes of this log ===\n".encode())

    def _note(self, data: bytes) -> None:
        """Note when the lines that begin in `data` came, before anybody can read them."""
        if self._times is None:  # not before there is something: another shim may find that it need not do anything
            self._times = LineTimes(times_path(self._path), begin=self._begin, limit=self._limit)
        if self._line_begins or data.find(b"\n", 0, -1) >= 0:
            self._times.note(self._size - self._begin + self._shift())
        self._line_begins = data.endswith(b"\n")

    def _shift(self) -> int:
        """Return how much further in what was written a byte after the missing ones lies than in the file."""
        return self._left_out - MARKER if self._left_out else 0

    def _shorten(self) -> None:
        """Keep the beginning, and of the rest the last half of the limit."""
        head = self._begin + self._limit // 4
        kept = head + MARKER
        source = self._line_after(self._size - self._limit // 2)
        os.pwrite(self.fd, _line(MOVING), head)
        target = self._move(source, kept)
        self._left_out += source - (kept if self._left_out else head)
        os.pwrite(self.fd, self._marker(), head)
        if self._times is not None:
            self._times.left_out = (head - self._begin, head - self._begin + self._left_out)
        os.ftruncate(self.fd, target)
        self._size = os.lseek(self.fd, target, os.SEEK_SET)

    def _line_after(self, position: int) -> int:
        """Return where the next line begins; in an endless line any place is as good."""
        return position + os.pread(self.fd, LINE_WITHIN, position).find(b"\n") + 1

    def _move(self, source: int, target: int) -> int:
        """Copy everything from `source` on to `target`, which lies before it; return where the copy ends."""
        while part := os.pread(self.fd, CHUNK, source):
            written = os.pwrite(self.fd, part, target)
            source += written
            target += written
        return target

    def _marker(self) -> bytes:
        return _line(f"{LEFT_OUT}{self._left_out} bytes: of an attempt's log {self._limit} bytes are kept")


def _line(words: str) -> bytes:
    return f"{words} ".encode().ljust(MARKER - 1, b"=") + b"\n"
