"""The directory of snapshots: what is there, what a name means, who used what, and one writer at a time.

    <root>/<kind>/<name>@<revision>/{content/…,manifest.json,pinned}
    <root>/refs/<identity>.json     which snapshot a name meant when it was resolved
    <root>/uses/<job>.<index>.json  which snapshot a benchmark of a job uses
    <root>/incoming/<kind>--<name>  what is being fetched; only under <root>/locks/<kind>--<name>

A snapshot appears by one rename and is never changed afterwards.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from evallab.datasets.failures import DatasetNoSpace
from evallab.datasets.locking import taken
from evallab.datasets.manifest import Manifest
from evallab.datasets.sources import KINDS, Source
from evallab.datasets.watch import Watch, size

MANIFEST = "manifest.json"
CONTENT = "content"
PINNED = "pinned"
RESERVE = 64 * 1024 * 1024  #: bytes that a fetch leaves free
_POLL_S = 0.05


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """One complete snapshot."""

    id: str  #: `<kind>/<name>@<revision>`
    directory: Path
    manifest: Manifest

    @property
    def content(self) -> Path:
        """Where the files are."""
        return self.directory / CONTENT

    @property
    def pinned(self) -> bool:
        """Whether it must never be collected."""
        return (self.directory / PINNED).exists()


@dataclass(frozen=True, kw_only=True)
class Use:
    """That a benchmark of a job used a snapshot."""

    job_id: str
    index: int
    snapshot: str
    at: datetime


@dataclass(frozen=True)
class Record:
    """A file that names a snapshot."""

    path: Path
    snapshot: str


class Snapshots:
    """The snapshots below `root`."""

    def __init__(self, root: Path, *, free: Callable[[Path], int] = lambda path: shutil.disk_usage(path).free) -> None:
        """Take the root; it is made when something is fetched."""
        self.root, self._free = root, free

    def all(self) -> list[Snapshot]:
        """Return every complete snapshot, in the order of their ids."""
        folders = [path for kind in KINDS for path in sorted((self.root / kind).glob("[!.]*"))]
        return [each for each in map(self._open, folders) if each is not None]

    def find(self, source: Source, revision: str) -> Snapshot | None:
        """Return the snapshot of a source at a revision."""
        return self._open(self.root / source.kind / f"{source.slug}@{revision}")

    def by_id(self, snapshot_id: str) -> Snapshot | None:
        """Return a snapshot by its id."""
        return next((each for each in self.all() if each.id == snapshot_id), None)

    def _open(self, directory: Path) -> Snapshot | None:
        try:
            manifest = Manifest.model_validate_json((directory / MANIFEST).read_bytes())
        except (FileNotFoundError, NotADirectoryError, ValidationError):
            return None
        return Snapshot(id=f"{directory.parent.name}/{directory.name}", directory=directory, manifest=manifest)

    def recorded(self, source: Source) -> Snapshot | None:
        """Return what the name of a source meant when it was resolved."""
        record = _read(self.root / "refs" / f"{source.identity}.json")
        return self.by_id(str(record.get("snapshot"))) if record else None

    def record(self, source: Source, snapshot: Snapshot, *, now: datetime) -> None:
        """Remember what the name means."""
        record = {"source": source.shown, "snapshot": snapshot.id, "resolved_at": now.isoformat()}
        self._write("refs", f"{source.identity}.json", record)

    def used(self, job_id: str, index: int) -> Snapshot | None:
        """Return what a benchmark of a job used before: another attempt gets the same."""
        record = _read(self.root / "uses" / f"{job_id}.{index}.json")
        return self.by_id(str(record.get("snapshot"))) if record else None

    def use(self, job_id: str, index: int, snapshot: Snapshot, *, now: datetime) -> None:
        """Remember that a benchmark of a job uses a snapshot."""
        self._write("uses", f"{job_id}.{index}.json", {"snapshot": snapshot.id, "at": now.isoformat()})

    def private(self, job_id: str) -> Path:
        """Return where harnesses may keep copies of a job's confidential data; it goes when the job ends."""
        return self.root / "private" / job_id

    def uses(self) -> list[Use]:
        """Return who used what."""
        found = []
        for path in sorted((self.root / "uses").glob("*.json")):
            record, (job_id, _, index) = _read(path), path.stem.rpartition(".")
            if record:
                at = datetime.fromisoformat(record["at"])
                found.append(Use(job_id=job_id, index=int(index), snapshot=record["snapshot"], at=at))
        return found

    def records(self, folder: str) -> list[Record]:
        """Return the records of a folder (`refs`, `uses`)."""
        read = ((path, _read(path)) for path in sorted((self.root / folder).glob("*.json")))
        return [Record(path, str(record.get("snapshot"))) for path, record in read if record]

    def keep(self, incoming: Path, source: Source, manifest: Manifest) -> Snapshot:
        """Put a complete content into its place: bytes first, then its name."""
        _write_json(incoming / MANIFEST, manifest.model_dump(mode="json"))
        for path in incoming.rglob("*"):
            path.chmod(0o700 if path.is_dir() else 0o400)
            _sync(path)
        target = self.root / source.kind / f"{source.slug}@{manifest.revision}"
        self._private(target.parent)
        if target.exists():  # damaged: a good one would have been found
            remove(target)
        incoming.rename(target)
        _sync(target.parent)
        snapshot = self._open(target)
        if snapshot is None:
            raise OSError(f"{target} vanished while it was written")
        return snapshot

    def pin(self, snapshot: Snapshot, *, pinned: bool) -> None:
        """Protect a snapshot from collection, or no longer."""
        if pinned:
            (snapshot.directory / PINNED).touch(mode=0o600)
        else:
            (snapshot.directory / PINNED).unlink(missing_ok=True)

    def incoming(self, source: Source, *, resume: str | None = None) -> Path:
        """Return a directory to fetch into, held under the source's lock.

        What an interrupted fetch left there is kept only where it was for the same commit (`resume`).
        """
        directory = self.root / "incoming" / f"{source.kind}--{source.slug}"
        mark = directory.with_name(directory.name + ".commit")
        if resume is None or not mark.is_file() or mark.read_text() != resume:
            remove(directory)
            mark.unlink(missing_ok=True)
        self._private(directory / CONTENT)
        if resume is not None:
            mark.write_text(resume)
        return directory

    def dismiss(self, incoming: Path) -> None:
        """Remove what was fetched for nothing."""
        remove(incoming)
        incoming.with_name(incoming.name + ".commit").unlink(missing_ok=True)

    def require(self, count: int) -> None:
        """Raise DatasetNoSpace unless that many bytes fit, and a little more."""
        self._private(self.root)
        free = self._free(self.root)
        if free < count + RESERVE:
            raise DatasetNoSpace(
                f"The test data needs {size(count)}; {self.root} has {size(free)} free, and keeps {size(RESERVE)}.",
                remedy="Make room (evallab datasets gc), or put EVALLAB_HOME on a larger disk.",
            )

    @contextmanager
    def locked(self, source: Source, watch: Watch) -> Iterator[None]:
        """Be the only process that fetches this source; the kernel frees the lock of one that dies."""
        with self.lock(f"{source.kind}--{source.slug}", watch):
            yield

    @contextmanager
    def lock(self, name: str, watch: Watch | None) -> Iterator[bool]:
        """Hold a lock by name and yield True; without a watch yield False at once when somebody else holds it."""
        self._private(self.root / "locks")
        descriptor = os.open(self.root / "locks" / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            held = taken(descriptor)
            while not held and watch is not None:
                watch.rest(_POLL_S)
                held = taken(descriptor)
            yield held
        finally:
            os.close(descriptor)

    def _private(self, directory: Path) -> None:
        """Like mkdir -p, and nobody else may look below the root; what lies above it is not ours alone."""
        self.root.parent.mkdir(parents=True, exist_ok=True)
        missing = [parent for parent in (directory, *directory.parents) if not parent.exists()]
        for parent in reversed(missing):
            parent.mkdir(mode=0o700, exist_ok=True)

    def _write(self, folder: str, name: str, record: dict[str, Any]) -> None:
        self._private(self.root / folder)
        handle, temporary = tempfile.mkstemp(dir=self.root / folder, prefix=".")
        os.close(handle)
        _write_json(Path(temporary), record)
        Path(temporary).replace(self.root / folder / name)


def remove(directory: Path) -> None:
    """Remove a directory: its name first, so that nobody finds half of it."""
    if directory.exists():
        gone = directory.with_name(f".{directory.name}.gone-{os.getpid()}")
        directory.rename(gone)
        shutil.rmtree(gone)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return record if isinstance(record, dict) else None


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
