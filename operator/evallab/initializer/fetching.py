"""Where the test data comes from: its source itself, a volume that is mounted, or the server's cache."""

import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from evallab.api.job import ClaimSource, TestData
from evallab.datasets.failures import DatasetFailed, DatasetNotFound
from evallab.datasets.fetching import Fetcher
from evallab.datasets.manifest import DataFile, hashed
from evallab.datasets.snapshots import Snapshots
from evallab.datasets.sources import Source, of_test_data
from evallab.datasets.watch import Watch
from evallab.initializer.material import FETCHING, Material, expected, put


def source_of(data: TestData, secret: Path) -> Source:
    """Return the source with its credentials where the Secret is mounted. Raises DatasetNotFound."""
    source = of_test_data(data, Path("/"))
    if source is None or source.kind == "path":
        raise DatasetNotFound("A path is not in the cluster.", remedy="Use hf, http, git, s3, pvc or bundled.")
    return replace(source, secret=secret if source.secret else None)


def directly(source: Source, target: Path, watch: Watch, *, environ: Mapping[str, str]) -> Material:
    """Fetch from the source itself. Raises DatasetFailed, OSError."""
    fetcher = Fetcher(snapshots=Snapshots(target / FETCHING), now=lambda: datetime.now(UTC), environ=environ)
    snapshot = fetcher.fetch(source, watch)
    put(snapshot.content, target)
    return Material.of(snapshot.manifest, snapshot.id)


def mounted(data: TestData, claim: ClaimSource, root: Path, watch: Watch) -> Material:
    """Verify and list what a volume holds. Raises DatasetFailed, OSError."""
    files = tuple(_listed(root, watch))
    inside = f" ({claim.sub_path})" if claim.sub_path else ""
    place = f"pvc {claim.claim_name}{inside}"
    if not files:
        raise DatasetNotFound(f"The volume of {place} holds no files.", remedy="Check testDataRef.pvc.")
    found = expected(files, Source(kind="path", location=place, sha256=data.sha256))
    return Material(
        snapshot=f"pvc/{claim.claim_name}@{found[:16]}",
        source=place,
        asked=None,
        revision=found[:16],
        sha256=found,
        fetched_at=datetime.now(UTC),
        files=tuple(each.path for each in files),
        size=sum(each.size for each in files),
    )


def _listed(root: Path, watch: Watch) -> list[DataFile]:
    """Hash the files of a volume. Links are followed where they stay inside: caches of hubs are made of them."""
    inside, found = root.resolve(), list[DataFile]()
    if not root.is_dir():
        raise DatasetFailed(f"There is no volume at {root}.", remedy="Operator and image should be of one version.")
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(each for each in folders if each != "lost+found")
        for name in sorted(names):
            path = Path(folder, name)
            if path.is_file() and path.resolve().is_relative_to(inside):
                found.append(hashed(path, path.relative_to(root).as_posix(), watch))
    return sorted(found, key=lambda each: each.path)
