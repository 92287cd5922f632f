"""Files that need care: one that is written whole or not at all, and the end of one that is long."""

import os
import tempfile
from pathlib import Path

BLOCK = 64 * 1024
MOST = 8 * 1024 * 1024  #: one endless line must not fill the memory


def write_atomically(file: Path, text: str) -> None:
    """Write a file that is ours alone; readers see the old one or the new one."""
    handle, temporary = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(text)
    Path(temporary).replace(file)


def tail(file: Path, *, lines: int) -> str:
    """Return the last lines of a file, "" when there is none; logs grow to gigabytes."""
    try:
        with file.open("rb") as stream:
            position, data = stream.seek(0, os.SEEK_END), b""
            while position > 0 and data.count(b"\n") <= lines and len(data) < MOST:
                size = min(BLOCK, position)
                position = stream.seek(position - size)
                data = stream.read(size) + data
    except FileNotFoundError:
        return ""
    kept = data.splitlines(keepends=True)[-lines:] if lines > 0 else []
    return b"".join(kept).decode("utf-8", errors="replace")
