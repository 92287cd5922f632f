"""Two small logs that cannot fill the disk: one of Postgres, one of the supervisor.

Nothing rotates them but the supervisor and whoever starts it: Postgres writes to an appending descriptor.
"""

import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

_LIMIT = 4 * 2**20


def appending(path: Path) -> BinaryIO:
    """Open a log of mode 0600 for appending."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600), "ab", buffering=0)


def shorten(path: Path, *, limit: int = _LIMIT) -> None:
    """Keep a log of more than `limit` bytes once as `.1` and begin it anew, under the feet of its writer."""
    if end(path) > limit:
        with suppress(OSError):  # on a full disk the old half is what we can spare
            shutil.copy2(path, path.with_name(f"{path.name}.1"))
        os.truncate(path, 0)


def since(path: Path, offset: int) -> str:
    """Return at most the last 8 KiB that were written after `offset`."""
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        file.seek(max(offset, end - 8192))
        return file.read().decode("utf-8", errors="replace")


def end(path: Path) -> int:
    """Return the log's size in bytes."""
    return path.stat().st_size if path.exists() else 0
