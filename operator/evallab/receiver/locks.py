"""File locks that end with their holder, however it dies. Used by the mailbox and by whoever needs it."""

import fcntl
import os
from pathlib import Path


def locked(path: Path, kind: int = fcntl.LOCK_EX, *, wait: bool = False, make: bool = True) -> int | None:
    """Return the descriptor that holds the lock of a file; None when somebody else has it.

    Raises FileNotFoundError for a file that is missing and not to be made.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if make else 0), 0o600)
    try:
        fcntl.flock(descriptor, kind if wait else kind | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def held(path: Path) -> bool:
    """Say whether somebody has the lock for himself alone. Asking keeps nobody out but for an instant."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
