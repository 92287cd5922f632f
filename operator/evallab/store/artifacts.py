"""Files that are kept: samples with their texts, logs, results. Compressed, named by their content, written whole.

The receiver writes them, commands and the server read them; their rows are in the store (`interface.ArtifactRow`).
Files lie under a root as `<first two>/<sha256 of the stored bytes>`: the name of the stored bytes rather than of the
content, because offsets into a file must stay true even where another zstd version would compress differently.

Where processes share no disk they share a `Remote`: what is kept here is given to it too, before its row is written,
and what is not here is fetched from it.
"""

import hashlib
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

import zstandard

from evallab.api.contract import SAMPLES_FILE, Sample
from evallab.api.errors import NotFound
from evallab.store import samplefile
from evallab.store.atomic import Draft, Kept
from evallab.store.interface import ArtifactRow, SampleRow

_LEVEL = 3
_PIECE = 1 << 20


class Owner(Protocol):
    """Whose file it is; without index and attempt it belongs to the whole job."""

    @property
    def job_id(self) -> str:
        """Id of the job."""

    @property
    def index(self) -> int | None:
        """Position of the benchmark."""

    @property
    def attempt_id(self) -> str | None:
        """Id of the attempt."""


class Remote(Protocol):
    """Where files are shared, by the same paths (`blobs.Blobs`). Raises StoreUnavailable when it is away."""

    def put(self, path: str, file: Path) -> None:
        """Keep a file, whole or not at all."""

    def parts(self, path: str) -> Iterator[bytes]:
        """Yield a file part by part; nothing when it is not there."""


class ArtifactFiles:
    """The directory of artifacts."""

    def __init__(self, root: Path, remote: Remote | None = None) -> None:
        """Take the root, made when something is written; with `remote` it is a copy of what others may read too."""
        self._root, self._remote = root, remote

    def write_samples(self, samples: Iterable[Sample], *, owner: Owner) -> tuple[ArtifactRow, list[SampleRow]]:
        """Keep samples as they stream by, a frame at a time, and return the artifact's row and theirs.

        Raises AdapterFailed when two samples have the same doc_id and repeat.
        """
        with Draft(self._root) as draft:
            rows = samplefile.write(samples, draft)
            kept = self._keep(draft)
        return _row(kept, owner, kind="samples", name=SAMPLES_FILE, codec="zstd-frames"), rows

    def store_file(self, path: Path, *, kind: str, name: str, owner: Owner) -> ArtifactRow:
        """Keep a copy of a file, compressed. The same file of the same owner is the same row."""
        compressor = zstandard.ZstdCompressor(level=_LEVEL).compressobj()
        with Draft(self._root) as draft, path.open("rb") as source:
            for piece in draft.contents(source):
                draft.write(compressor.compress(piece))
            draft.write(compressor.flush())
            kept = self._keep(draft)
        return _row(kept, owner, kind=kind, name=name, codec="zstd")

    def read_texts(self, path: str, rows: Sequence[SampleRow]) -> list[dict[str, Any]]:
        """Return the whole samples (contract.Sample as JSON) that rows point to, in their order; {} where none is."""
        with self._located(path).open("rb") as stream:
            return samplefile.read(stream, rows)

    def open_text(self, artifact: ArtifactRow) -> str:
        """Return the content of an artifact as text; bytes that are no UTF-8 are replaced."""
        with self.opened(artifact) as content:
            return content.read().decode("utf-8", "replace")

    def copy(self, artifact: ArtifactRow, target: BinaryIO) -> None:
        """Write the content of an artifact into an open file, a piece at a time."""
        with self.opened(artifact) as content:
            shutil.copyfileobj(content, target, _PIECE)

    @contextmanager
    def opened(self, artifact: ArtifactRow) -> Iterator[BinaryIO]:
        """Yield the content of an artifact, uncompressed."""
        if artifact.expired_at is not None:
            raise gone(f"contents of {artifact.name}", artifact.expired_at)
        with self._located(artifact.path).open("rb") as stream:
            if artifact.codec == "none":
                yield stream
                return
            with zstandard.ZstdDecompressor().stream_reader(stream, read_across_frames=True) as content:
                yield cast("BinaryIO", content)

    def _keep(self, draft: Draft) -> Kept:
        kept = draft.keep()
        if self._remote is not None:
            self._remote.put(kept.path, self._root / kept.path)
        return kept

    def _located(self, path: str) -> Path:
        located = self._root / path
        inside = located.resolve().is_relative_to(self._root.resolve())
        if not inside or not (located.is_file() or self._fetched(path)):
            raise NotFound(f"The artifact {path!r} is not in {self._root}.", remedy="Was it kept on another machine?")
        return located

    def _fetched(self, path: str) -> bool:
        """Fetch a file that is not here, whole; its path is the hash of its bytes, so a damaged one is not it."""
        if self._remote is None:
            return False
        with Draft(self._root) as draft:
            found = [draft.write(part) for part in self._remote.parts(path)]
            return bool(found) and draft.path == path and bool(draft.keep())


def gone(what: str, at: datetime) -> NotFound:
    """Return the error for a file that retention removed."""
    when = f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    return NotFound(
        f"The {what} were removed by retention on {when}.", remedy="`evallab gc --pin JOB` keeps such files."
    )


def _row(kept: Kept, owner: Owner, *, kind: str, name: str, codec: str) -> ArtifactRow:
    """Return the row; its id follows from what it is, so that keeping the same file again changes nothing."""
    identity = "\n".join((owner.job_id, str(owner.index), str(owner.attempt_id), kind, name, kept.sha256))
    return ArtifactRow(
        id=hashlib.sha256(identity.encode()).hexdigest()[:32],
        job_id=owner.job_id,
        index=owner.index,
        attempt_id=owner.attempt_id,
        kind=kind,
        name=name,
        path=kept.path,
        sha256=kept.sha256,
        bytes=kept.bytes,
        codec=codec,
    )
