"""What a snapshot holds: every file with its size and sha256, where it came from and when. Written beside the content.

The hash of a snapshot can be checked without evallab. One file: its sha256. Several: `sha256sum` of all of them in the
order of their names, and `sha256sum` of that list.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import Field

from evallab.api.value import Value
from evallab.datasets.failures import DatasetChanged, DatasetFailed
from evallab.datasets.watch import Watch

_CHUNK = 1 << 20
_SHOWN = 5


class DataFile(Value):
    """One file, by its path inside the snapshot."""

    path: str
    size: int
    sha256: str


class Manifest(Value):
    """`manifest.json` of a snapshot."""

    schema_version: int = 1
    kind: str
    source: str  #: without secrets
    asked: str | None = None  #: the revision as it was asked for
    revision: str  #: a commit, or the first 16 characters of the hash where the source knows no commits
    sha256: str
    files: tuple[DataFile, ...]
    fetched_at: datetime
    confidential: bool = False
    detail: dict[str, Any] = Field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(each.size for each in self.files)


def scan(root: Path, watch: Watch) -> tuple[DataFile, ...]:
    """Hash every file below `root`. Raises DatasetFailed for what is no file: a snapshot holds no links."""
    paths = sorted(_files(root), key=lambda path: path.as_posix())
    return tuple(hashed(path, path.relative_to(root).as_posix(), watch) for path in paths)


def digest(files: Iterable[DataFile]) -> str:
    """Return the one hash of a set of files."""
    listed = list(files)
    if len(listed) == 1:
        return listed[0].sha256
    lines = "".join(f"{each.sha256}  {each.path}\n" for each in sorted(listed, key=lambda each: each.path))
    return hashlib.sha256(lines.encode()).hexdigest()


def verify(content: Path, manifest: Manifest, watch: Watch) -> None:
    """Raise DatasetChanged unless the content is exactly what the manifest says, byte for byte."""
    if not content.is_dir():
        raise _changed(manifest, ["everything is missing"])
    found = {each.path: each for each in scan(content, watch)}
    said = {each.path: each for each in manifest.files}
    problems = [f"{path} is missing" for path in said if path not in found]
    problems += [f"{path} is new" for path in found if path not in said]
    problems += [f"{path} is different" for path in said if path in found and found[path] != said[path]]
    if problems or digest(manifest.files) != manifest.sha256:
        raise _changed(manifest, sorted(problems) or ["the manifest itself was changed"])


def inside(root: Path, name: str) -> Path:
    """Return where a file of that name lies below `root`. Raises DatasetFailed for a name that leads elsewhere."""
    parts = name.split("/")
    if any(part in {"", ".", ".."} or "\0" in part or "\\" in part for part in parts):
        raise DatasetFailed(f"The source names a file {name!r}, which would lie outside of the snapshot.")
    return root.joinpath(*parts)


def _files(root: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(root):
        for name in [*folders, *names]:
            path = Path(folder, name)
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                raise DatasetChanged(
                    f"{path} is not a plain file.", remedy="Remove the snapshot and fetch it again: evallab datasets."
                )
        yield from (Path(folder, name) for name in names)


def hashed(path: Path, name: str, watch: Watch) -> DataFile:
    """Hash one file, which lies in the snapshot under `name`."""
    digested, size = hashlib.sha256(), 0
    with path.open("rb") as stream:
        while piece := stream.read(_CHUNK):
            digested.update(piece)
            size += len(piece)
            watch.tick()
    return DataFile(path=name, size=size, sha256=digested.hexdigest())


def _changed(manifest: Manifest, problems: list[str]) -> DatasetChanged:
    more = f", and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
    return DatasetChanged(
        f"The snapshot of {manifest.source} is not what was fetched: {', '.join(problems[:_SHOWN])}{more}.",
        remedy="Fetch it again: evallab datasets fetch SOURCE --refresh; see: evallab datasets verify.",
    )
