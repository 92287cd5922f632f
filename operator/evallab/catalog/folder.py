"""A configuration directory that changes while a server runs: the last good version of every file, and what is wrong.

The server's live catalog calls `read` at start and whenever `signature` has changed. A change is seen by name, inode,
size and time of every file, through symbolic links: an edited file, a replaced one, and the `..data` swap of a
mounted ConfigMap.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from evallab.catalog.files import Contents, Source, contents_of, first_of_each_id
from evallab.catalog.reading import FileProblem

T = TypeVar("T")
Signature = tuple[object, ...]
_SERVED = "its last good version is served until it is mended"
_GONE = "the configuration directory is gone; what it held last is served until it is back"


class Folder:
    """A configuration directory and what its files said last."""

    def __init__(self, directory: Path) -> None:
        """Read nothing yet."""
        self._directory = directory
        self._good = Contents()

    def signature(self) -> Signature:
        """Return a value that is different when a file has changed."""
        folders = (self._directory / "providers", self._directory / "collections")
        return tuple(entry for folder in folders for entry in _marks(folder))

    def read(self) -> Contents:
        """Read every file; of one that broke since, the last good version stays and the problem says so.

        A directory that is not there holds nothing; one that was there and is gone is a problem.
        """
        if not self._directory.is_dir():
            gone = self._good != Contents()
            return replace(self._good, problems=(FileProblem(self._directory, _GONE),) if gone else ())
        found, good = _with_names(contents_of(self._directory)), self._good
        broken = {problem.file for problem in found.problems}
        served = Contents(
            _with_last_good(found.providers, good.providers, broken),
            _with_last_good(found.collections, good.collections, broken),
        )
        kept = {each.file for each in served.providers} | {each.file for each in served.collections}
        self._good = served
        return replace(served, problems=tuple(_said(each, served=each.file in kept) for each in found.problems))


def _with_names(found: Contents) -> Contents:
    """Read the names of benchmarks now, so that nothing fails later."""
    sound, wrong = [], []
    for each in found.providers:
        try:
            _ = each.value.benchmark_ids
            sound.append(each)
        except (OSError, UnicodeDecodeError) as error:
            wrong.append(FileProblem(each.file, f"its file of benchmark names cannot be read: {error}"))
    return replace(found, providers=tuple(sound), problems=(*found.problems, *wrong))


def _with_last_good(found: Iterable[Source[T]], good: Iterable[Source[T]], broken: set[Path]) -> tuple[Source[T], ...]:
    """Add the last good versions of broken files, where no other file has taken their id."""
    return tuple(first_of_each_id([*found, *(each for each in good if each.file in broken)])[0])


def _said(problem: FileProblem, *, served: bool) -> FileProblem:
    return replace(problem, reason=f"{problem.reason} ({_SERVED})") if served else problem


def _marks(folder: Path) -> Sequence[tuple[object, ...]]:
    try:
        return [_mark(each) for each in sorted(folder.iterdir())]
    except OSError as error:
        return [(str(folder), error.errno)]


def _mark(file: Path) -> tuple[object, ...]:
    try:
        status = file.stat()
    except OSError as error:
        return (str(file), error.errno)
    return (str(file), status.st_ino, status.st_size, status.st_mtime_ns)
