"""What outlives every process of the detached jobs of a home: which they are, how many run at once, who drives them.

A job's mark is a file of its id: it says that this home is to bring the job to its end, also when the database is
shared with other machines, and a command can see without asking the database whether somebody is needed. Used by
`background` and by whoever submits a detached job.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from evallab.runtimes.local.files import write_atomically


@dataclass(frozen=True)
class Detached:
    """The files of the detached jobs under a home."""

    home: Path

    @property
    def lock(self) -> Path:
        """Locked by the one background process of the home."""
        return self.home / "background.lock"

    @property
    def log(self) -> Path:
        """What the background process writes."""
        return self.home / "log" / "background.log"

    def add(self, job_id: str) -> None:
        """Mark a job, before it is stored: a job that is stored is never forgotten."""
        self._marks.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self._marks / job_id).touch(mode=0o600)

    def remove(self, job_id: str) -> None:
        """Forget a job that has ended."""
        (self._marks / job_id).unlink(missing_ok=True)

    def ids(self) -> frozenset[str]:
        """Return the marked jobs."""
        try:
            return frozenset(os.listdir(self._marks))  # noqa: PTH208 - names are what is wanted
        except FileNotFoundError:
            return frozenset()

    def age(self, job_id: str, now: float) -> float:
        """Return for how many seconds a job has been marked."""
        try:
            return now - (self._marks / job_id).stat().st_mtime
        except FileNotFoundError:
            return 0.0

    @property
    def owner(self) -> int:
        """The process that brings the jobs to their end, as it wrote itself; 0 when none did."""
        return self._number("background.pid")

    def write_owner(self, pid: int) -> None:
        """Say who brings them to their end."""
        self._write("background.pid", pid)

    @property
    def parallel(self) -> int:
        """How many benchmarks may ask endpoints at once: what the last `run --detach --parallel N` said."""
        return max(1, self._number("parallel"))

    def set_parallel(self, number: int) -> None:
        """Remember how many."""
        self._write("parallel", number)

    @property
    def _marks(self) -> Path:
        return self.home / "detached"

    def _number(self, name: str) -> int:
        try:
            return int((self.home / name).read_text(encoding="ascii"))
        except (FileNotFoundError, ValueError):
            return 0

    def _write(self, name: str, number: int) -> None:
        write_atomically(self.home / name, str(number))
