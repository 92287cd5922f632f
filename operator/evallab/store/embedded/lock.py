"""File locks that the kernel releases when their holder dies.

`start.lock` lets one process at a time start a supervisor; `supervisor.lock` lets one supervisor live per home.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_POLL_S = 0.02


@dataclass(frozen=True)
class Lock:
    """A lock that is held."""

    path: Path
    descriptor: int

    def write(self, text: str) -> None:
        """Say who holds it."""
        os.truncate(self.descriptor, 0)
        os.pwrite(self.descriptor, text.encode(), 0)

    def in_place(self) -> bool:
        """Return whether the locked file is still the one at that path (a removed home takes it away)."""
        try:
            return os.path.samestat(self.path.stat(), os.fstat(self.descriptor))
        except FileNotFoundError:
            return False


@contextmanager
def held(path: Path, deadline: float, *, unless: Callable[[], bool] = lambda: False) -> Iterator[Lock | None]:
    """Hold the lock; yield None when `deadline` (monotonic seconds) passed or `unless` came true before we got it."""
    lock = _try(path)
    while lock is None and time.monotonic() < deadline and not unless():
        time.sleep(_POLL_S)
        lock = _try(path)
    try:
        yield lock
    finally:
        if lock is not None:
            os.close(lock.descriptor)


def _try(path: Path) -> Lock | None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    lock = Lock(path, descriptor)
    if lock.in_place():
        return lock
    os.close(descriptor)  # the file was removed between open and lock
    return None
