"""A file that appears whole or not at all, under the hash of its bytes. `artifacts` writes every file through it."""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

_CHUNK = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A file that is there now: its path below the root, its size, and the hash of its content before compression."""

    path: str
    bytes: int
    sha256: str


class Draft:
    """A file being written. Used as a context: what was not kept is removed."""

    def __init__(self, root: Path) -> None:
        """Begin a file below `root`, on the same file system as where it will lie."""
        self._root = root
        incoming = root / "incoming"
        incoming.mkdir(parents=True, exist_ok=True)
        self._file = tempfile.NamedTemporaryFile(dir=incoming, delete=False)  # noqa: SIM115 — closed in __exit__
        self._stored, self._content = hashlib.sha256(), hashlib.sha256()
        self.size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()
        Path(self._file.name).unlink(missing_ok=True)

    def write(self, data: bytes) -> int:
        """Append bytes as they are stored."""
        self._stored.update(data)
        self.size += len(data)
        return self._file.write(data)

    def note_content(self, data: bytes) -> bytes:
        """Count bytes into the hash of the content, and return them."""
        self._content.update(data)
        return data

    def contents(self, source: BinaryIO) -> Iterator[bytes]:
        """Yield what is in `source` in pieces, noting it as content."""
        while piece := source.read(_CHUNK):
            yield self.note_content(piece)

    @property
    def path(self) -> str:
        """Where the file belongs with what it has so far, below the root."""
        digest = self._stored.hexdigest()
        return f"{digest[:2]}/{digest}"

    def keep(self) -> Kept:
        """Put the file where it belongs, durably: bytes first, then its name."""
        path = self.path
        target = self._root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        self._file.flush()
        os.fsync(self._file.fileno())
        Path(self._file.name).replace(target)
        for directory in (target.parent, self._root):
            _sync(directory)
        return Kept(path=path, bytes=self.size, sha256=self._content.hexdigest())


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
