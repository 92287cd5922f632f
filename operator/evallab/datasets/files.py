"""Data that is on this machine: a path of the manifest, or a dataset inside the package. Copied, so that it stays."""

import os
import shutil
from collections.abc import Iterator
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from evallab.datasets.failures import DatasetCredentials, DatasetNotFound
from evallab.datasets.interface import Work
from evallab.datasets.manifest import digest, hashed, inside
from evallab.datasets.sources import Source

_SUFFIXES = {".jsonl", ".json", ".csv", ".parquet"}


class Files:
    """A file or a directory."""

    def __init__(self, source: Source, work: Work) -> None:
        """Find it."""
        self._source, self._work = source, work
        self._path = bundled(source.location) if source.kind == "bundled" else Path(source.location)

    def resolve(self) -> str | None:
        """Return what it would be called: the beginning of its hash, so that nothing is copied twice."""
        pairs = self._found(Path())
        self._work.watch.begin(f"hashing {self._source.shown}", sum(path.stat().st_size for path, _ in pairs))
        return digest(hashed(path, name.as_posix(), self._work.watch) for path, name in pairs)[:16]

    def download(self, revision: str | None, into: Path) -> dict[str, Any]:  # noqa: ARG002 - there is only one
        """Copy it. Links are followed: what they lead to is what the user named."""
        self._copy(self._found(into))
        return {}

    def _found(self, into: Path) -> list[tuple[Path, Path]]:
        if not self._path.exists():
            raise DatasetNotFound(f"There is no file or directory {self._path}.", remedy="Check testDataRef.path.")
        pairs = list(self._pairs(into))
        if not pairs:
            raise DatasetNotFound(f"The directory {self._path} holds no files.", remedy="Check testDataRef.path.")
        for path, _ in pairs:
            if not os.access(path, os.R_OK):
                raise DatasetCredentials(f"{path} may not be read.", remedy="Change its mode or owner.")
        return pairs

    def _copy(self, pairs: list[tuple[Path, Path]]) -> None:
        total = sum(path.stat().st_size for path, _ in pairs)
        self._work.snapshots.require(total)
        self._work.watch.begin(f"copying {self._source.shown}", total)
        for path, target in pairs:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
            self._work.watch.tick(target.stat().st_size)

    def _pairs(self, into: Path) -> Iterator[tuple[Path, Path]]:
        if self._path.is_file():
            yield self._path, inside(into, self._path.name)
            return
        for path in sorted(self._path.rglob("*")):
            name = path.relative_to(self._path)
            if path.is_file() and not any(part.startswith(".") for part in name.parts):
                yield path, inside(into, name.as_posix())


def bundled_names() -> tuple[str, ...]:
    """Return the names of the datasets in the package: the demo tasks' files without their suffix."""
    return tuple(sorted(_bundled()))


def bundled(name: str) -> Path:
    """Return the file of a bundled dataset. Raises DatasetNotFound."""
    known = _bundled()
    if name not in known:
        near = get_close_matches(name, known, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(sorted(known)) or 'none'}."
        raise DatasetNotFound(f"There is no bundled dataset {name!r}.", remedy=hint)
    return known[name]


def _bundled() -> dict[str, Path]:
    package = find_spec("evallab_adapters")
    places = list(package.submodule_search_locations or []) if package else []
    files = [path for place in places for path in Path(place, "demo_tasks", "data").glob("*")]
    return {path.stem: path for path in files if path.suffix in _SUFFIXES}
