"""Weights of a hub: pinned, in the cache that Hugging Face's libraries share, resumed, verified, offline afterwards."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import snapshot_download
from tests.integration.datasets.servers import Hub, Seen, Server, git_oid, serving

from evallab.datasets.failures import (
    DatasetCredentials,
    DatasetFailed,
    DatasetNoSpace,
    DatasetNotFound,
    DatasetOffline,
    FetchStopped,
)
from evallab.datasets.hub import HubFile
from evallab.datasets.sources import Source
from evallab.datasets.watch import Watch
from evallab.datasets.weights import WeightsCache, cache_of, check_hashes, needed

SHARD = b"weights " * 4000
FILES = {
    "README.md": b"# a model",
    "config.json": b'{"architectures": ["LlamaForCausalLM"]}',
    "model.safetensors": SHARD,
    "pytorch_model.bin": b"a pickle",
    "tokenizer.json": b"{}",
}
FETCHED = {name: content for name, content in FILES.items() if name != "pytorch_model.bin"}


@pytest.fixture
def hub() -> Hub:
    return Hub(large=frozenset({"model.safetensors", "pytorch_model.bin"}), kind="models")


@pytest.fixture
def storage(hub: Hub) -> Iterator[Server]:
    with serving(hub.stored) as server:
        hub.storage = server.url
        yield server


@pytest.fixture
def hub_server(hub: Hub, storage: Server) -> Iterator[Server]:
    with serving(hub.answer) as server:
        yield server


@pytest.fixture
def cache(tmp_path: Path, hub_server: Server) -> WeightsCache:
    return WeightsCache(cache=tmp_path / "hub", records=tmp_path / "records", environ={"HF_ENDPOINT": hub_server.url})


def model(revision: str | None = None, **fields: object) -> Source:
    return Source(kind="hf", location="acme/exam", revision=revision, **fields)  # type: ignore[arg-type]


def contents(directory: Path) -> dict[str, bytes]:
    return {path.relative_to(directory).as_posix(): path.read_bytes() for path in directory.rglob("*")}


def test_a_branch_becomes_a_commit_in_the_layout_of_the_shared_cache(hub: Hub, cache: WeightsCache) -> None:
    sha = hub.commit(FILES)
    found = cache.fetch(model("main"), Watch())
    assert (found.commit, contents(found.path)) == (sha, FETCHED)
    assert found.record() == {"repository": "acme/exam", "asked": "main", "commit": sha}
    digest = hashlib.sha256(SHARD).hexdigest()
    assert found.sha256 == {"model.safetensors": digest}
    folder = cache.cache / "models--acme--exam"
    assert found.path == folder / "snapshots" / sha
    assert (found.path / "model.safetensors").readlink() == Path(f"../../blobs/{digest}")
    assert (found.path / "config.json").readlink() == Path(f"../../blobs/{git_oid(FILES['config.json'])}")
    assert (folder / "refs" / "main").read_text() == sha


def test_what_was_fetched_here_hugging_faces_own_library_finds(hub: Hub, cache: WeightsCache) -> None:
    hub.commit(FILES)
    found = cache.fetch(model("main"), Watch())
    theirs = snapshot_download("acme/exam", cache_dir=cache.cache, local_files_only=True)
    assert Path(theirs) == found.path


def test_what_hugging_faces_own_library_fetched_is_verified_and_not_fetched_again(
    hub: Hub, cache: WeightsCache, storage: Server
) -> None:
    sha = hub.commit(FILES)
    folder = cache.cache / "models--acme--exam"
    (folder / "blobs").mkdir(parents=True)
    (folder / "blobs" / hashlib.sha256(SHARD).hexdigest()).write_bytes(SHARD)
    (folder / "blobs" / git_oid(FILES["config.json"])).write_bytes(b"x" * len(FILES["config.json"]))  # damaged
    assert contents(cache.fetch(model(sha), Watch()).path) == FETCHED
    assert storage.paths() == []


def test_a_commit_that_was_verified_is_found_without_asking(hub: Hub, cache: WeightsCache, hub_server: Server) -> None:
    sha = hub.commit(FILES)
    first = cache.fetch(model(sha), Watch())
    asked = len(hub_server.requests)
    assert cache.fetch(model(sha), Watch()) == first
    assert len(hub_server.requests) == asked


def test_a_branch_is_asked_for_each_time(hub: Hub, cache: WeightsCache) -> None:
    hub.commit(FILES)
    cache.fetch(model(), Watch())
    sha = hub.commit({**FILES, "config.json": b"{}"})
    assert cache.fetch(model(), Watch()).commit == sha


def test_offline_a_commit_and_what_a_branch_meant_last_are_there_and_nothing_else(
    hub: Hub, cache: WeightsCache, tmp_path: Path
) -> None:
    sha = hub.commit(FILES)
    cache.fetch(model("main"), Watch())
    offline = WeightsCache(cache=cache.cache, records=tmp_path / "other", offline=True)
    assert [offline.fetch(model(each), Watch()).commit for each in (sha, "main", None)] == [sha] * 3
    (cache.cache / "models--acme--exam" / "snapshots" / sha / "model.safetensors").resolve().unlink()
    for revision in (sha, "v2", "0" * 40):
        with pytest.raises(DatasetOffline, match="EVALLAB_OFFLINE is set"):
            offline.fetch(model(revision), Watch())


def test_an_interrupted_fetch_goes_on_where_it_stopped(hub: Hub, cache: WeightsCache, tmp_path: Path) -> None:
    hub.commit(FILES)
    broken: list[str] = []

    def cut(seen: Seen) -> bool:
        broken.append(seen.headers["Range"] or "all")
        return len(broken) == 1

    with serving(hub.stored, cut=cut) as unreliable:
        hub.storage = unreliable.url
        found = cache.fetch(model("main"), Watch())
    assert contents(found.path) == FETCHED
    assert broken == ["all", f"bytes={len(SHARD) // 2}-"]


class Impatient(Watch):
    """Stops in the middle of the weights, as a kill would."""

    def tick(self, size: int = 0) -> None:
        super().tick(size)
        if self.what.startswith("fetching") and self.done > len(SHARD) // 4:
            self.stop()
            super().tick()


def test_stopped_in_the_middle_what_was_there_is_kept(hub: Hub, cache: WeightsCache, storage: Server) -> None:
    hub.commit(FILES)
    with pytest.raises(FetchStopped):
        cache.fetch(model("main"), Impatient())
    [part] = (cache.cache / "models--acme--exam" / "blobs").glob("*.part")
    part.write_bytes(SHARD[: len(SHARD) // 4])
    assert contents(cache.fetch(model("main"), Watch()).path) == FETCHED
    assert storage.requests[-1].headers["Range"] == f"bytes={len(SHARD) // 4}-"


def test_bytes_that_are_not_those_of_the_list_are_refused(hub: Hub, cache: WeightsCache) -> None:
    hub.commit(FILES)

    def forged(seen: Seen) -> tuple[int, dict[str, str], bytes]:
        return 200, {}, SHARD[::-1]

    with serving(forged) as other:
        hub.storage = other.url
        with pytest.raises(DatasetFailed, match=r"model\.safetensors of .* arrived damaged"):
            cache.fetch(model("main"), Watch())


def test_a_disk_without_room_is_said_before_anything_is_fetched(
    hub: Hub, cache: WeightsCache, storage: Server, hub_server: Server
) -> None:
    hub.commit(FILES)
    full = WeightsCache(cache=cache.cache, records=cache.records, environ=cache.environ, free=lambda _: 1 << 30)
    with pytest.raises(DatasetNoSpace, match=r"The weights need 32\.0 kB; .* has 1\.1 GB free"):
        full.fetch(model("main"), Watch())
    assert storage.requests == []


REFUSALS = {
    "has no such revision": ("v9", None, False, DatasetNotFound),
    "is gated": ("main", "t", True, DatasetCredentials),
    "does not exist, or is private": ("main", "t", False, DatasetNotFound),
}


@pytest.mark.parametrize("words", REFUSALS)
def test_each_refusal_of_the_hub_is_a_sentence_about_the_model(hub: Hub, cache: WeightsCache, words: str) -> None:
    hub.commit(FILES)
    revision, hub.token, hub.gated, error = REFUSALS[words]
    with pytest.raises(error, match=f"The model hf acme/exam@{revision} {words}"):
        cache.fetch(model(revision), Watch())


def test_a_file_of_a_repository_alone(hub: Hub, cache: WeightsCache) -> None:
    hub.commit({"a.gguf": b"small", "b.gguf": b"large", "README.md": b""})
    found = cache.fetch(model("main", sub_path="b.gguf"), Watch())
    assert found.path.read_bytes() == b"large"
    assert not (found.path.parent / "a.gguf").exists()


def test_a_file_that_changed_on_the_disk_is_told_with_the_remedy(hub: Hub, cache: WeightsCache) -> None:
    hub.commit(FILES)
    found = cache.fetch(model("main"), Watch())
    check_hashes(found, {"model.safetensors": hashlib.sha256(SHARD).hexdigest(), "config.json": "whatever"})
    with pytest.raises(DatasetFailed, match="is not what the hub published") as caught:
        check_hashes(found, {"model.safetensors": "0" * 64})
    assert str((found.path / "model.safetensors").resolve()) in caught.value.remedy


@pytest.mark.parametrize(
    ("names", "kept"),
    [
        (["m.safetensors", "pytorch_model.bin", "m.gguf", "original/x.pth"], ["m.safetensors"]),
        (["pytorch_model.bin", "config.json", "m-Q4.gguf"], ["pytorch_model.bin", "config.json"]),
        (["m-Q4.gguf", "config.json", "onnx/model.onnx", "tf_model.h5"], ["m-Q4.gguf", "config.json"]),
    ],
)
def test_one_form_of_the_weights_is_fetched(names: list[str], kept: list[str]) -> None:
    assert [each.path for each in needed([HubFile(name, 1, "o", None) for name in names])] == kept


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        ({"HF_HUB_CACHE": "/c", "HF_HOME": "/h"}, "/c"),
        ({"HF_HOME": "/h"}, "/h/hub"),
        ({"XDG_CACHE_HOME": "/x", "HOME": "/me"}, "/x/huggingface/hub"),
        ({"HOME": "/me"}, "/me/.cache/huggingface/hub"),
    ],
)
def test_the_cache_is_where_hugging_faces_libraries_look(environ: dict[str, str], folder: str) -> None:
    assert cache_of(environ) == Path(folder)
