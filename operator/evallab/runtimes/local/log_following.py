"""Follows a log that may not be there yet, may be replaced, and loses its middle when long. The server calls it."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from evallab.runtimes.local.log_reader import LogAsk, LogReader, index_of


@dataclass
class LogFollower:
    """One log, read as it grows; used as a context. It holds a piece at a time, however slow the reader."""

    path: Path | None  #: None while it is not known
    ask: LogAsk
    seen: bool = False  #: the log was there at some time
    _log: BinaryIO | None = None
    _reader: LogReader | None = None
    _exits: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def __enter__(self) -> "LogFollower":
        return self

    def __exit__(self, *_: object) -> None:
        self._exits.close()

    @property
    def timed(self) -> bool:
        """Say whether the lines' times are known, if they are needed."""
        return self._reader is None or self._reader.timed

    def new(self, *, rest: bool = False) -> Iterator[bytes]:
        """Yield what came since the last call; `rest`: nobody writes any more."""
        if self.path is not None and self._replaced(self.path):
            yield from self._reader.rest() if self._reader is not None else ()
            self._open(self.path)
        if self._reader is not None:
            yield from self._reader.new(rest=rest)

    def _replaced(self, path: Path) -> bool:
        """Say whether another file lies there than the one that is open."""
        try:
            now = path.stat()
        except FileNotFoundError:
            return False
        return self._log is None or os.fstat(self._log.fileno()).st_ino != now.st_ino

    def _open(self, path: Path) -> None:
        ask = self.ask if not self.seen else replace(self.ask, tail=None, since=None)
        with contextlib.suppress(FileNotFoundError):
            log = self._exits.enter_context(path.open("rb"))
            self._log, self._reader, self.seen = log, LogReader(log, index_of(path), ask), True
