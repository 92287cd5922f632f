"""Test data as it lies in the pod: what it is, and the two records of it."""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from evallab.api.contract import TestDataSpec
from evallab.datasets.failures import DatasetHashMismatch
from evallab.datasets.manifest import DataFile, Manifest, digest
from evallab.datasets.sources import Source

FETCHING = ".evallab-fetching"  #: what is being fetched lies beside where it is put: a rename is enough


@dataclass(frozen=True, kw_only=True)
class Material:
    """Verified test data."""

    snapshot: str
    source: str
    asked: str | None
    revision: str
    sha256: str
    fetched_at: datetime
    files: tuple[str, ...]
    size: int

    @classmethod
    def of(cls, manifest: Manifest, snapshot: str) -> "Material":
        """Return what a snapshot holds."""
        return cls(
            snapshot=snapshot,
            source=manifest.source,
            asked=manifest.asked,
            revision=manifest.revision,
            sha256=manifest.sha256,
            fetched_at=manifest.fetched_at,
            files=tuple(each.path for each in manifest.files),
            size=manifest.size,
        )

    def spec(self, path: Path, *, confidential: bool) -> TestDataSpec:
        """Return what the adapter is told."""
        return TestDataSpec(
            path=str(path),
            source=self.source,
            revision=self.revision,
            sha256=self.sha256,
            files=self.files,
            confidential=confidential,
        )

    def record(self) -> dict[str, Any]:
        """Return what belongs into the provenance of the scores, as the engine records it in local mode."""
        return {
            "snapshot": self.snapshot,
            "source": self.source,
            "asked": self.asked,
            "revision": self.revision,
            "sha256": self.sha256,
            "fetched_at": self.fetched_at.isoformat().replace("+00:00", "Z"),
            "files": len(self.files),
            "size": self.size,
        }


def begin(target: Path) -> None:
    """Start anew if a predecessor had begun to put data in place; what it only fetched may be gone on with."""
    target.mkdir(exist_ok=True)
    if any(each.name != FETCHING for each in target.iterdir()):
        for each in list(target.iterdir()):
            remove(each)


def put(content: Path, target: Path) -> None:
    """Move what was fetched to where the adapter reads it; readable by whoever the adapter is. Raises OSError."""
    for path in [content, *content.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o444)
    for path in list(content.iterdir()):
        path.rename(target / path.name)
    remove(target / FETCHING)


def expected(files: Iterable[DataFile], source: Source) -> str:
    """Return the hash of files. Raises DatasetHashMismatch when it is not what the source must hash to."""
    found = digest(files)
    if source.sha256 not in {None, found}:
        raise DatasetHashMismatch(
            f"The test data {source.shown} hashes to {found}, not to the {source.sha256} of testDataRef.",
            remedy="Correct testDataRef.sha256 if the new data is what is meant; pin a revision so that it stays.",
        )
    return found


def remove(path: Path) -> None:
    """Remove a file or a directory that may be there. Raises OSError."""
    if path.is_dir() and not path.is_symlink():
        path.chmod(0o700)
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
