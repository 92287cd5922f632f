"""Weights of a hub, in the cache that every Hugging Face library of this machine shares: found there, or fetched once.

    <cache>/models--OWNER--NAME/{blobs/<hash>,refs/<branch>,snapshots/<commit>/<file> → ../../blobs/<hash>}
    <records>/OWNER--NAME@<commit>[…].json   what was verified, so that the next job need not ask the hub

The engine calls it (in a thread) for `model.serve.source.hf`. What happens when this process dies: a file appears under
its hash when it is complete, the next fetch goes on with what is there of it, and the record is written last.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from evallab.datasets.failures import DatasetFailed, DatasetNoSpace, DatasetNotFound, DatasetOffline
from evallab.datasets.fetching import told
from evallab.datasets.hub import HubFile, Repository, complete
from evallab.datasets.locking import taken
from evallab.datasets.manifest import inside
from evallab.datasets.sources import COMMIT, Source
from evallab.datasets.transfer import client
from evallab.datasets.watch import Watch, size

RESERVE = 1 << 30  #: bytes that a fetch leaves free
_POLL_S = 0.1
_NEVER = ("original/*", "onnx/*", "*.onnx", "*.onnx_data", "*.h5", "*.msgpack", "*.tflite", "openvino/*", "coreml/*")
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")
_QUANTISED = ("*.gguf",)


@dataclass(frozen=True, kw_only=True)
class Weights:
    """Weights on this machine: where, of which commit, and what their files hashed to when they were verified."""

    path: Path
    commit: str
    repository: str
    asked: str | None
    sha256: Mapping[str, str] = field(default_factory=dict)  #: by name below `path`, of those that the hub calls so

    def record(self) -> dict[str, Any]:
        """Return what belongs into the provenance."""
        return {"repository": self.repository, "asked": self.asked, "commit": self.commit}


def needed(files: Sequence[HubFile]) -> list[HubFile]:
    """Return the files that a server reads: one form of the weights (safetensors before others), and what describes it.

    Quantised GGUF files lie in many sizes beside each other: they are fetched where nothing else is there.
    """
    kept = [each for each in files if not _matches(each.path, _NEVER)]
    if any(each.path.endswith(".safetensors") for each in kept):
        return [each for each in kept if not _matches(each.path, (*_PICKLES, *_QUANTISED))]
    if any(_matches(each.path, _PICKLES) for each in kept):
        return [each for each in kept if not _matches(each.path, _QUANTISED)]
    return kept


def _matches(path: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch(path, pattern) for pattern in patterns)


def cache_of(environ: Mapping[str, str]) -> Path:
    """Return the directory of repositories, where Hugging Face's own libraries look for it."""
    if environ.get("HF_HUB_CACHE"):
        return Path(environ["HF_HUB_CACHE"]).expanduser()
    if environ.get("HF_HOME"):
        return Path(environ["HF_HOME"]).expanduser() / "hub"
    home = Path(environ.get("HOME") or Path.home())
    return Path(environ.get("XDG_CACHE_HOME") or home / ".cache") / "huggingface" / "hub"


@dataclass(frozen=True, kw_only=True)
class WeightsCache:
    """Fetches into `cache`, remembers in `records`; with `offline` it never goes to the network."""

    cache: Path
    records: Path
    environ: Mapping[str, str] = field(default_factory=dict)
    offline: bool = False
    free: Callable[[Path], int] = lambda path: shutil.disk_usage(path).free

    def fetch(self, source: Source, watch: Watch) -> Weights:
        """Return the verified weights of a source of the kind `hf`. Raises DatasetFailed."""
        with told(self.cache), self._locked(source, watch):
            known = self._known(source)
            if known is not None:
                return known
            if self.offline:
                return self._unverified(source)
            with client() as http:
                repository = Repository(source, watch, self.environ, http, kind="model")
                watch.begin(f"resolving {source.shown}")
                commit = repository.resolve()
                return self._known(source, commit) or self._fetched(source, commit, repository, watch)

    def _known(self, source: Source, commit: str | None = None) -> Weights | None:
        """Return what was verified before. A commit means the same for ever, a branch what the hub says now."""
        revision = commit or (source.revision if source.pinned else None)
        if revision is None:
            return None
        record = _read(self._record(source, revision))
        folder = self._snapshot(source, revision)
        if record is None or not all(_there(folder / name, each["size"]) for name, each in record["files"].items()):
            return None
        hashes = {name: each["sha256"] for name, each in record["files"].items() if each["sha256"]}
        return self._weights(source, revision, hashes)

    def _fetched(self, source: Source, commit: str, repository: Repository, watch: Watch) -> Weights:
        blobs, folder = self._folder(source) / "blobs", self._snapshot(source, commit)
        blobs.mkdir(parents=True, exist_ok=True)
        files = needed(repository.files(commit)) if not source.sub_path else repository.files(commit)
        watch.begin(f"verifying {source.shown}")
        missing = [each for each in files if not complete(blobs / _blob(each), each, watch.tick)]
        self._require(blobs, sum(each.size for each in missing) - _begun(blobs, missing))
        watch.begin(f"fetching {source.shown}", sum(each.size for each in missing))
        for each in missing:
            repository.fetch(each, commit, blobs / _blob(each))
        for each in files:
            _link(inside(folder, each.path), blobs / _blob(each))
        self._remember(source, commit, files)
        return self._weights(source, commit, {each.path: each.sha256 for each in files if each.sha256})

    def _unverified(self, source: Source) -> Weights:
        """Return what lies in the cache although nobody here verified it: a branch means what it did last."""
        commit = (
            source.revision if source.pinned else _text(self._folder(source) / "refs" / (source.revision or "main"))
        )
        if commit and _whole(self._snapshot(source, commit)):
            return self._weights(source, commit, {})
        raise DatasetOffline(
            f"The weights {source.shown} are not (wholly) in {self.cache}, and EVALLAB_OFFLINE is set.",
            remedy="Fetch them where there is a network, by running the job or with `hf download`; see HF_HOME.",
        )

    def _weights(self, source: Source, commit: str, hashes: Mapping[str, str]) -> Weights:
        folder = self._snapshot(source, commit)
        path = folder / source.sub_path.strip("/") if source.sub_path else folder
        if not path.exists():
            raise DatasetNotFound(f"{source.shown} holds no such file or folder.", remedy="Check subPath.")
        inner = {_inner(name, source): digest for name, digest in hashes.items()}
        return Weights(path=path, commit=commit, repository=source.location, asked=source.revision, sha256=inner)

    def _remember(self, source: Source, commit: str, files: Sequence[HubFile]) -> None:
        if source.revision != commit:
            reference = inside(self._folder(source) / "refs", source.revision or "main")
            _write(reference, commit)
        listed = {each.path: {"size": each.size, "sha256": each.sha256} for each in files}
        _write(self._record(source, commit), json.dumps({"source": source.shown, "commit": commit, "files": listed}))

    def _require(self, place: Path, count: int) -> None:
        free = self.free(place)
        if count > 0 and free < count + RESERVE:
            raise DatasetNoSpace(
                f"The weights need {size(count)}; {place} has {size(free)} free, and keeps {size(RESERVE)}.",
                remedy="Make room (`hf cache` lists what lies there), or set HF_HOME to a larger disk.",
            )

    def _folder(self, source: Source) -> Path:
        return self.cache / f"models--{source.location.replace('/', '--')}"

    def _snapshot(self, source: Source, commit: str) -> Path:
        return self._folder(source) / "snapshots" / commit

    def _record(self, source: Source, commit: str) -> Path:
        return self.records / f"{source.slug}@{commit}.json"

    @contextmanager
    def _locked(self, source: Source, watch: Watch) -> Iterator[None]:
        """Be the only evallab that fetches this repository; the kernel frees the lock of one that dies."""
        self.records.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.records / f".{source.slug}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            while not taken(descriptor):
                watch.begin(f"waiting for another evallab that fetches {source.shown}")
                watch.rest(_POLL_S)
            yield
        finally:
            os.close(descriptor)


def check_hashes(weights: Weights, found: Mapping[str, str]) -> None:
    """Raise DatasetFailed when a file does not hash to what the hub called it: a disk lost bits, or somebody wrote."""
    for name, digest in found.items():
        if weights.sha256.get(name, digest) != digest:
            blob = (weights.path / name).resolve()
            raise DatasetFailed(
                f"{name} of {weights.repository} in the cache is not what the hub published.",
                remedy=f"Remove {blob}, and run the job again: it is fetched anew.",
            )


def _inner(name: str, source: Source) -> str:
    """Return a file's name below what is served: `subPath` may be a folder, or the file itself."""
    wanted = (source.sub_path or "").strip("/")
    return name.rpartition("/")[2] if name == wanted else name.removeprefix(f"{wanted}/")


def _blob(file: HubFile) -> str:
    return file.sha256 or file.git_oid


def _begun(blobs: Path, files: Sequence[HubFile]) -> int:
    parts = (blobs / f"{_blob(each)}.part" for each in files)
    return sum(part.stat().st_size for part in parts if part.exists())


def _link(name: Path, blob: Path) -> None:
    """Put a relative link to a blob into a snapshot, at once, as Hugging Face's libraries do."""
    name.parent.mkdir(parents=True, exist_ok=True)
    target = os.path.relpath(blob, name.parent)
    if name.is_symlink() and os.readlink(name) == target:  # noqa: PTH115 - compared as text
        return
    fresh = name.with_name(f".{name.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    fresh.replace(name)


def _there(path: Path, size_: int) -> bool:
    return path.is_file() and path.stat().st_size == size_


def _whole(folder: Path) -> bool:
    """Tell whether a snapshot of somebody else's fetch looks complete: a configuration, and every shard it lists."""
    if not (folder / "config.json").is_file() and not any(folder.glob("*.gguf")):
        return False
    indexes = [_read(each) or {} for each in folder.glob("*.index.json")]
    shards = {name for index in indexes for name in index.get("weight_map", {}).values()}
    links = [each for each in folder.rglob("*") if each.is_symlink()]
    some = shards or any(folder.glob(pattern) for pattern in ("*.safetensors", "*.bin", "*.gguf"))
    return bool(some) and all((folder / each).is_file() for each in shards) and all(each.exists() for each in links)


def _text(path: Path) -> str | None:
    try:
        found = path.read_text(encoding="utf-8").strip()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found if COMMIT.fullmatch(found) else None


def _read(path: Path) -> dict[str, Any] | None:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    return record if isinstance(record, dict) else None


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)
