"""From a source to a verified snapshot: found, or fetched once. Called by the engine (in a thread) and by the commands.

What happens when this process dies: before the rename nothing is there, and the next fetch removes or continues what
lies in `incoming`; after it the snapshot is complete, and only the record of what a branch meant may be missing.
"""

import errno
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from evallab.datasets.failures import DatasetChanged, DatasetFailed, DatasetHashMismatch, DatasetNoSpace, DatasetOffline
from evallab.datasets.files import Files
from evallab.datasets.interface import Origin, Work
from evallab.datasets.manifest import Manifest, digest, scan, verify
from evallab.datasets.snapshots import CONTENT, Snapshot, Snapshots, remove
from evallab.datasets.sources import Source
from evallab.datasets.watch import Watch

VARIABLES = ("HF_ENDPOINT", "http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
             "SSL_CERT_FILE", "SSL_CERT_DIR")  # fmt: skip
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@dataclass(frozen=True, kw_only=True)
class Fetcher:
    """Fetches into `snapshots`; with `offline` it never goes to the network."""

    snapshots: Snapshots
    now: Callable[[], datetime]
    environ: Mapping[str, str] = field(default_factory=dict)
    offline: bool = False

    def fetch(self, source: Source, watch: Watch, *, refresh: bool = False) -> Snapshot:
        """Return the verified snapshot of a source; `refresh` asks anew what a name means. Raises DatasetFailed."""
        with told(self.snapshots.root), self.snapshots.locked(source, watch):
            found = None if refresh or source.local else self._known(source)
            if found is None or not _fits(found, source):
                found = self._fetched(source, watch, refresh=refresh)
            self._check(found, source, watch)
            self.snapshots.record(source, found, now=self.now())
            return found

    def for_job(self, job_id: str, index: int, source: Source, watch: Watch) -> Snapshot:
        """Return the snapshot for a benchmark of a job: the same one for each of its attempts."""
        with told(self.snapshots.root):
            found = self.snapshots.used(job_id, index)
            if found is None:
                found = self.fetch(source, watch)
            else:
                self._check(found, source, watch)
            self.snapshots.use(job_id, index, found, now=self.now())
            return found

    def verify(self, snapshot: Snapshot, watch: Watch) -> None:
        """Raise DatasetChanged unless a snapshot is what was fetched."""
        with told(self.snapshots.root):
            watch.begin(f"verifying {snapshot.id}", None)
            verify(snapshot.content, snapshot.manifest, watch)

    def _check(self, snapshot: Snapshot, source: Source, watch: Watch) -> None:
        self.verify(snapshot, watch)
        _expect(snapshot.manifest.sha256, source)

    def _known(self, source: Source) -> Snapshot | None:
        """Return what is here already. A commit means the same forever; a branch what it meant the first time."""
        named = source.revision if source.pinned else None if source.versioned else (source.sha256 or "")[:16]
        return (self.snapshots.find(source, named) if named else None) or self.snapshots.recorded(source)

    def _fetched(self, source: Source, watch: Watch, *, refresh: bool) -> Snapshot:
        if self.offline and not source.local:
            raise DatasetOffline(
                f"The test data {source.shown} is not here, and EVALLAB_OFFLINE is set.",
                remedy="Fetch it where there is a network: evallab datasets fetch SOURCE; or unset EVALLAB_OFFLINE.",
            )
        work = Work(snapshots=self.snapshots, watch=watch, environ=self._told_to_programs())
        with ExitStack() as opened:
            origin = origin_of(source, work, opened)
            watch.begin(f"resolving {source.shown}")
            revision = origin.resolve()
            if revision and (found := self._existing(source, revision, watch, mend=refresh)):
                return found
            return self._kept(source, origin, revision, watch)

    def _existing(self, source: Source, revision: str, watch: Watch, *, mend: bool) -> Snapshot | None:
        """Return the snapshot of a revision; to mend means to do without one that is damaged."""
        found = self.snapshots.find(source, revision)
        if found is None or not mend:
            return found
        try:
            self.verify(found, watch)
        except DatasetChanged:
            remove(found.directory)
            return None
        return found

    def _kept(self, source: Source, origin: Origin, revision: str | None, watch: Watch) -> Snapshot:
        incoming = self.snapshots.incoming(source, resume=revision if source.kind == "hf" else None)
        detail = origin.download(revision, incoming / CONTENT)
        watch.begin(f"hashing {source.shown}")
        files = scan(incoming / CONTENT, watch)
        total = digest(files)
        try:
            _expect(total, source)
        except DatasetHashMismatch:
            self.snapshots.dismiss(incoming)
            raise
        manifest = Manifest(
            kind=source.kind,
            source=source.shown,
            asked=source.revision,
            revision=revision if revision and source.versioned else total[:16],
            sha256=total,
            files=files,
            fetched_at=self.now(),
            confidential=source.confidential,
            detail=detail,
        )
        snapshot = self.snapshots.find(source, manifest.revision) or self.snapshots.keep(incoming, source, manifest)
        self.snapshots.dismiss(incoming)
        return snapshot

    def _told_to_programs(self) -> dict[str, str]:
        return {name: self.environ[name] for name in VARIABLES if self.environ.get(name)}


def origin_of(source: Source, work: Work, opened: ExitStack) -> Origin:
    """Return the reader of a source; what it needs open is closed with `opened`."""
    if source.kind in {"path", "bundled"}:
        return Files(source, work)
    if source.kind == "git":
        from evallab.datasets.git import Git

        return Git(source, work)
    from evallab.datasets.hub import Hub
    from evallab.datasets.s3 import Bucket
    from evallab.datasets.transfer import client
    from evallab.datasets.web import Web

    http = opened.enter_context(client())
    return (
        Hub(source, work, http) if source.kind == "hf" else (Bucket if source.kind == "s3" else Web)(source, work, http)
    )


def _fits(snapshot: Snapshot, source: Source) -> bool:
    return source.pinned or source.sha256 in {None, snapshot.manifest.sha256}


def _expect(found: str, source: Source) -> None:
    if source.sha256 is not None and source.sha256 != found:
        raise DatasetHashMismatch(
            f"The test data {source.shown} hashes to {found}, not to the {source.sha256} of testDataRef.",
            remedy="Correct testDataRef.sha256 if the new data is what is meant; pin a revision so that it stays.",
        )


@contextmanager
def told(root: Path) -> Iterator[None]:
    """Give errors of the file system their reason."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise DatasetNoSpace(
                f"The disk of {root} is full.", remedy="Make room (evallab datasets gc), or move EVALLAB_HOME."
            ) from error
        raise DatasetFailed(
            f"The files in {root} cannot be read or written: {error.strerror or error}.",
            remedy="Check that this directory can be written.",
        ) from error
