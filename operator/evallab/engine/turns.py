"""Whose turn it is on this machine: one local job at a time, the others wait in the order of the store.

The place itself is a file lock, so it is free again the moment its holder dies, however it dies. Called by the driver.
"""

import fcntl
import os
from collections.abc import Sequence
from pathlib import Path

from evallab.store.interface import JobRow


class Place:
    """The one place for a running local job under an EVALLAB_HOME."""

    def __init__(self, home: Path) -> None:
        """Use a lock file in `home`."""
        home.mkdir(parents=True, exist_ok=True)
        self._path = home / "running.lock"
        self._file: int | None = None

    def take(self) -> bool:
        """Take the place if it is free, or already ours; never waits."""
        if self._file is not None:
            return True
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return False
        self._file = file
        return True

    def leave(self) -> None:
        """Free the place."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def ahead(job_id: str, unfinished: Sequence[JobRow]) -> tuple[JobRow, ...]:
    """Return the jobs that go before `job_id`: those that run already, then those before it in the queue's order."""
    place = next((number for number, row in enumerate(unfinished) if row.id == job_id), len(unfinished))
    running = [row for row in unfinished[place + 1 :] if row.state == "running"]
    return (*running, *unfinished[:place])
