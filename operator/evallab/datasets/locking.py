"""The kernel's file locks, as `snapshots` and `weights` take them: freed when their holder dies."""

import fcntl


def taken(descriptor: int) -> bool:
    """Take the exclusive lock on an open file, and say whether it was free."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
