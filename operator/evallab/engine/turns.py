"""The places of this machine as file locks, free again the moment their holder dies, however it dies.

A job that serves its model takes `running.lock` for itself. Jobs that only ask endpoints share it, and have one of the
locks `place-0`, `place-1`, … per benchmark that runs. Whose turn it is says `planning.waiting`; the locks only keep
that promise between processes that see the queue at different moments. Called by the driver.
"""

import fcntl
import os
from collections.abc import Sequence
from pathlib import Path

from evallab.planning import waiting
from evallab.planning.waiting import Queued
from evallab.store.interface import QueueRow


class Place:
    """What one job holds of the places under an EVALLAB_HOME."""

    def __init__(self, home: Path) -> None:
        """Use lock files in `home`; nothing is held yet."""
        home.mkdir(parents=True, exist_ok=True)
        self._home = home
        self._machine: int | None = None
        self._places: dict[int, int] = {}

    def take(self) -> bool:
        """Take the machine for one job alone if it is free, or already ours; never waits."""
        if self._machine is None:
            self._machine = locked(self._home / "running.lock")
        return self._machine is not None

    def share(self, *, wanted: int, parallel: int) -> int:
        """Hold up to `wanted` of the `parallel` places beside others of our kind; return how many are held."""
        if self._machine is None:
            self._machine = locked(self._home / "running.lock", fcntl.LOCK_SH)
        if self._machine is None:
            return 0
        for number in [each for each in range(parallel) if each not in self._places]:
            if len(self._places) < wanted:
                self._try(number)
        self._give_back(wanted)
        if not self._places:
            self.leave()
        return len(self._places)

    def _try(self, number: int) -> None:
        held = locked(self._home / f"place-{number}.lock")
        if held is not None:
            self._places[number] = held

    def _give_back(self, wanted: int) -> None:
        while len(self._places) > wanted:
            os.close(self._places.popitem()[1])

    def leave(self) -> None:
        """Free everything."""
        self._give_back(0)
        if self._machine is not None:
            os.close(self._machine)
            self._machine = None


def locked(path: Path, kind: int = fcntl.LOCK_EX) -> int | None:
    """Return the descriptor that holds the lock of a file, None when somebody else has it; never waits."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    return file


def line(unfinished: Sequence[QueueRow]) -> tuple[Queued, ...]:
    """Return the queue as `planning.waiting` looks at it; `unfinished` comes in the order of the store."""
    return tuple(Queued(id=row.id, running=row.running, shares=row.shares) for row in unfinished)


def ahead(job_id: str, unfinished: Sequence[QueueRow], *, parallel: int = 1) -> tuple[QueueRow, ...]:
    """Return the jobs that keep `job_id` from starting now."""
    rows = {row.id: row for row in unfinished}
    return tuple(rows[each] for each in waiting.ahead(job_id, line(unfinished), parallel=parallel))
