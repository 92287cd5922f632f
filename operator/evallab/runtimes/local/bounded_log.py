"""What a command writes, into a file that cannot fill the disk: of a long log its beginning and its end are kept.

Part of the shim, which is a program of its own (see there): it imports nothing but `os`. The command writes into a
pipe, so neither a limit nor a full disk can block it or end it. When the file has grown beyond the limit, its end is
moved towards its beginning; a line in between says how much is missing. So the file is complete at any time, also when
the shim is killed.
"""

import os

CHUNK = 1024 * 1024
LINE_WITHIN = 4096  #: so far is looked for the beginning of a line
MARKER = 160  #: bytes of the line that says what is missing, whatever the number


class BoundedLog:
    """The part of a log file that one attempt appends."""

    def __init__(self, path: str, *, limit: int) -> None:
        """Append to `path`; of what is appended at most `limit` bytes are kept, a quarter of it from the beginning."""
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._limit = limit
        self._size = self._begin = os.lseek(self.fd, 0, os.SEEK_END)
        self._left_out = self._unwritten = 0

    def write(self, data: bytes) -> None:
        """Append; what the disk does not take is counted and forgotten."""
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

    def _shorten(self) -> None:
        """Keep the beginning, and of the rest the last half of the limit."""
        head = self._begin + self._limit // 4
        kept = head + MARKER
        source = self._line_after(self._size - self._limit // 2)
        self._left_out += source - (kept if self._left_out else head)
        target = self._move(source, kept)
        os.pwrite(self.fd, self._marker(), head)
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
        words = f"\n=== evallab left out {self._left_out} bytes: of an attempt's log {self._limit} bytes are kept "
        return words.encode().ljust(MARKER - 1, b"=") + b"\n"
