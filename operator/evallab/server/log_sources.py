"""Where the log of a benchmark is: the file its attempts write, else what was kept of it. `log_sections` reads it.

A job's directory goes when `evallab gc` cleans up; the copies that the engine keeps of every attempt's log stay as long
as retention lets them. The log of a later attempt begins with those of the earlier ones, so the newest copy has all.
"""

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from evallab.api.errors import NotFound
from evallab.runtimes.local.log_reader import LogAsk, LogReader, index_of
from evallab.store.artifacts import ArtifactFiles
from evallab.store.interface import ArtifactRow, BenchmarkRow, JobSnapshot

LOG = "log"
TIMES = "log-times"  #: the kind of artifact that holds a kept log's index


@dataclass(frozen=True, kw_only=True)
class LogSource:
    """The log of one benchmark: where its attempts write it, and what is kept of it."""

    row: BenchmarkRow
    live: Path | None
    kept: ArtifactRow | None
    kept_times: ArtifactRow | None
    files: ArtifactFiles

    @property
    def is_live(self) -> bool:
        """Say whether the file that the attempts write is there."""
        return self.live is not None and self.live.is_file()

    @property
    def timed(self) -> bool:
        """Say whether it is known when its lines came; nothing is to be known of a log without lines."""
        if self.live is not None and self.is_live:
            return index_of(self.live).is_file() or self.live.stat().st_size == 0
        return self.kept is None or self.kept_times is not None

    def pieces(self, ask: LogAsk) -> Iterator[bytes]:
        """Yield what is wanted of the log; nothing when there is none."""
        if self.live is not None:
            with contextlib.suppress(FileNotFoundError), self.live.open("rb") as log:
                yield from LogReader(log, index_of(self.live), ask).pieces()
                return
        yield from self.kept_pieces(ask)

    def kept_pieces(self, ask: LogAsk) -> Iterator[bytes]:
        """Yield what is wanted of the kept log; nothing when there is none, here or by now."""
        if self.kept is None:
            return
        with contextlib.suppress(NotFound), tempfile.TemporaryDirectory(prefix="evallab-log-") as folder:
            path = Path(folder) / "kept.log"
            self._unpack(self.kept, path)
            if self.kept_times is not None and ask.needs_times:
                self._unpack(self.kept_times, index_of(path))
            with path.open("rb") as log:
                yield from LogReader(log, index_of(path), ask).pieces()

    def _unpack(self, artifact: ArtifactRow, path: Path) -> None:
        with path.open("wb") as stream:
            self.files.copy(artifact, stream)


def source_of(row: BenchmarkRow, snapshot: JobSnapshot, kept: Sequence[ArtifactRow], files: ArtifactFiles) -> LogSource:
    """Return where the log of a benchmark is; `kept` are the job's artifacts, oldest first."""
    own = [each for each in kept if each.index == row.index and each.expired_at is None]
    log = next((each for each in reversed(own) if each.kind == LOG), None)
    times = [each for each in own if log and each.kind == TIMES and each.attempt_id == log.attempt_id]
    return LogSource(
        row=row, live=live_path(row, snapshot), kept=log, kept_times=times[-1] if times else None, files=files
    )


def live_path(row: BenchmarkRow, snapshot: JobSnapshot) -> Path | None:
    """Return where the newest attempt that was launched writes."""
    own = sorted((each for each in snapshot.attempts if each.index == row.index), key=lambda each: each.number)
    paths = [each.handle["log_file"] for each in own if "log_file" in each.handle]
    return Path(paths[-1]) if paths else None
