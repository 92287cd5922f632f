"""What an attempt left in `/data`: which files are to be sent, in which order, and what is left out.

The adapter is not trusted. Only plain files are read, and none through a link: the sidecar may read secrets that the
adapter may not.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

MOST_FILES = 5000
MOST_NAME = 512  #: bytes of a relative path
DEEPEST = 32  #: folders in each other
_META = ("test_data.json", "init_failure.json")


@dataclass(frozen=True)
class Found:
    """A file to be sent: what the server calls it, and where it lies below `/data`."""

    area: str
    name: str
    parts: tuple[str, ...]
    size: int

    @property
    def appended(self) -> bool:
        """Whether it is one that grows by lines: sent while the adapter runs."""
        return self.area == "work" and "/" not in self.name and self.name.endswith(".jsonl")


@dataclass(frozen=True)
class LeftOut:
    """Something that is not sent, and why."""

    area: str
    name: str
    reason: str


def growing(data: Path) -> list[Found]:
    """Return the files that grow by lines."""
    return [each for each in _entries(data, "work", ("work",), deep=False) if isinstance(each, Found) and each.appended]


def everything(data: Path, most: int) -> tuple[list[Found], list[LeftOut]]:
    """Return all files in the order of their importance, and what is left out of them."""
    files, left, total = list[Found](), list[LeftOut](), 0
    for each in _ordered(data):
        if isinstance(each, LeftOut):
            left.append(each)
        elif len(files) >= MOST_FILES or total + each.size > most:
            left.append(LeftOut(each.area, each.name, "more than is kept of an attempt"))
        else:
            files.append(each)
            total += each.size
    return files, left


@contextmanager
def opened(data: Path, found: Found) -> Iterator[int]:
    """Open a file without following any link, and yield its descriptor. Raises OSError."""
    folder = os.open(data, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in found.parts[:-1]:
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
            os.close(folder)
            folder = inner
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        file = os.open(found.parts[-1], flags, dir_fd=folder)
    finally:
        os.close(folder)
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise OSError("not a plain file")
        yield file
    finally:
        os.close(file)


def _ordered(data: Path) -> Iterator[Found | LeftOut]:
    yield from _one(data, "result", "result.json")
    for name in _META:
        yield from _one(data, "meta", name)
    yield from _entries(data, "artifacts", ("artifacts",), deep=True)
    work = list(_entries(data, "work", ("work",), deep=True))
    yield from sorted(work, key=lambda each: not (isinstance(each, Found) and each.appended))


def _one(data: Path, area: str, name: str) -> Iterator[Found | LeftOut]:
    with suppress(FileNotFoundError):
        yield _judged(area, name, (name,), (data / name).lstat())


def _entries(data: Path, area: str, parts: tuple[str, ...], *, deep: bool) -> Iterator[Found | LeftOut]:
    folder = data.joinpath(*parts)
    if not folder.is_dir() or folder.is_symlink():
        return
    if len(parts) > DEEPEST:
        yield LeftOut(area, _shown("/".join(parts[1:])), "too deep")
        return
    try:
        with os.scandir(folder) as scanned:
            entries = sorted(scanned, key=lambda entry: entry.name)
    except OSError as error:
        yield LeftOut(area, _shown("/".join(parts[1:])), str(error.strerror))
        return
    for entry in entries:
        inner = (*parts, entry.name)
        if not entry.is_dir(follow_symlinks=False):
            with suppress(FileNotFoundError):  # its writer renamed it meanwhile
                yield _judged(area, "/".join(inner[1:]), inner, entry.stat(follow_symlinks=False))
        elif deep:
            yield from _entries(data, area, inner, deep=True)


def _judged(area: str, name: str, parts: tuple[str, ...], status: os.stat_result) -> Found | LeftOut:
    if not stat.S_ISREG(status.st_mode):
        return LeftOut(area, _shown(name), "a link" if stat.S_ISLNK(status.st_mode) else "not a plain file")
    if len(os.fsencode(name)) > MOST_NAME or _shown(name) != name or not name.isprintable():
        return LeftOut(area, _shown(name), "a name that cannot be kept")
    return Found(area, name, parts, status.st_size)


def _shown(name: str) -> str:
    """Return a name that is text, whatever bytes it is on disk."""
    return os.fsencode(name).decode("utf-8", "replace")
