"""Datasets of a hub: pinned, complete, resumed, offline afterwards; each refusal has its own reason."""

import json
import multiprocessing
import os
import threading
from pathlib import Path

import pytest
from tests.integration.datasets.conftest import FILES, NOW
from tests.integration.datasets.servers import Hub, Server, serving

from evallab.datasets.failures import (
    DatasetChanged,
    DatasetCredentials,
    DatasetFailed,
    DatasetHashMismatch,
    DatasetNoSpace,
    DatasetNotFound,
    DatasetOffline,
    DatasetTimeout,
)
from evallab.datasets.fetching import Fetcher
from evallab.datasets.manifest import digest
from evallab.datasets.snapshots import Snapshots
from evallab.datasets.sources import Source, parse
from evallab.datasets.watch import Watch

EXAM = Source(kind="hf", location="acme/exam", revision="main")


def on(source: Source, **changes: object) -> Source:
    return Source(**{**vars(source), **changes})


def contents(directory: Path) -> dict[str, bytes]:
    return {
        path.relative_to(directory).as_posix(): path.read_bytes() for path in directory.rglob("*") if path.is_file()
    }


def test_a_branch_becomes_a_commit_once_and_is_there_offline_afterwards(
    hub: Hub, on_hub: Fetcher, hub_server: Server, root: Path
) -> None:
    sha = hub.commit(FILES)
    snapshot = on_hub.fetch(EXAM, Watch())
    assert contents(snapshot.content) == FILES
    assert (snapshot.id, snapshot.manifest.revision) == (f"hf/acme--exam@{sha}", sha)
    assert snapshot.manifest.sha256 == digest(snapshot.manifest.files)
    hub.commit({**FILES, "data/test.jsonl": b"{}\n"})
    asked = len(hub_server.requests)
    offline = Fetcher(snapshots=Snapshots(root), now=lambda: NOW, offline=True)
    assert offline.fetch(EXAM, Watch()).id == snapshot.id
    assert len(hub_server.requests) == asked
    assert on_hub.fetch(EXAM, Watch(), refresh=True).id != snapshot.id


def test_a_commit_is_found_without_asking(hub: Hub, on_hub: Fetcher, hub_server: Server) -> None:
    sha = hub.commit(FILES)
    first = on_hub.fetch(EXAM, Watch())
    asked = len(hub_server.requests)
    assert on_hub.fetch(on(EXAM, revision=sha), Watch()).id == first.id
    assert len(hub_server.requests) == asked


def test_the_token_goes_to_the_hub_and_never_to_the_storage(
    hub: Hub, on_hub: Fetcher, storage: Server, tmp_path: Path
) -> None:
    hub.token = "hf_secret"
    hub.commit(FILES)
    (tmp_path / "hf-token").write_text("hf_secret\n")
    snapshot = on_hub.fetch(on(EXAM, secret=tmp_path), Watch())
    assert contents(snapshot.content) == FILES
    assert [each.headers["Authorization"] for each in storage.requests] == [None]
    assert "hf_secret" not in (snapshot.directory / "manifest.json").read_text()


@pytest.mark.parametrize(
    ("asked", "token", "gated", "reason"),
    [
        ({}, "t", True, DatasetCredentials),
        ({}, "t", False, DatasetNotFound),
        ({"revision": "nowhere"}, None, False, DatasetNotFound),
        ({"location": "acme/other"}, None, False, DatasetNotFound),
        ({"location": "../x"}, None, False, DatasetNotFound),
    ],
)
def test_what_the_hub_refuses_has_its_reason(
    hub: Hub, on_hub: Fetcher, asked: dict[str, str], token: str | None, *, gated: bool, reason: type[DatasetFailed]
) -> None:
    hub.commit(FILES)
    hub.token, hub.gated = token, gated
    with pytest.raises(reason) as raised:
        on_hub.fetch(on(EXAM, **asked), Watch())
    assert raised.value.remedy
    assert on_hub.snapshots.all() == []


def test_a_sub_path_is_fetched_alone(hub: Hub, on_hub: Fetcher) -> None:
    hub.commit(FILES)
    folder = on_hub.fetch(on(EXAM, sub_path="data"), Watch())
    assert sorted(contents(folder.content)) == ["test.jsonl", "train.jsonl"]
    file = on_hub.fetch(on(EXAM, sub_path="data/test.jsonl"), Watch())
    assert contents(file.content) == {"test.jsonl": FILES["data/test.jsonl"]}
    with pytest.raises(DatasetNotFound):
        on_hub.fetch(on(EXAM, sub_path="nothing"), Watch())


def test_a_body_that_breaks_off_is_continued(hub: Hub, root: Path) -> None:
    sha = hub.commit(FILES)
    broken: list[str] = []

    def cut(seen: object) -> bool:
        path = getattr(seen, "path", "")
        first = path.endswith("train.jsonl") and path not in broken
        broken.extend([path] if first else [])
        return first

    hub.large = frozenset()
    with serving(hub.answer, cut=cut) as server:
        environ = {"HF_ENDPOINT": server.url}
        fetcher = Fetcher(snapshots=Snapshots(root), now=lambda: NOW, environ=environ)
        snapshot = fetcher.fetch(EXAM, Watch())
        ranges = [each.headers["Range"] for each in server.requests if each.path.endswith("train.jsonl")]
    assert contents(snapshot.content) == FILES
    assert len(ranges) == 2
    assert ranges[1].startswith("bytes=")
    assert snapshot.manifest.revision == sha


def test_a_fetch_that_was_killed_leaves_nothing_half_done_and_is_continued(
    hub: Hub, on_hub: Fetcher, hub_server: Server, root: Path
) -> None:
    sha = hub.commit(FILES)
    incoming = root / "incoming" / "hf--acme--exam"
    (incoming / "content" / "data").mkdir(parents=True)
    (incoming / "content" / "README.md").write_bytes(FILES["README.md"])
    (incoming / "content" / "data" / "train.jsonl.part").write_bytes(FILES["data/train.jsonl"][:10])
    incoming.with_name("hf--acme--exam.commit").write_text(sha)
    assert on_hub.snapshots.all() == []
    snapshot = on_hub.fetch(EXAM, Watch())
    assert contents(snapshot.content) == FILES
    assert [path for path in hub_server.paths() if path.endswith("README.md")] == []
    assert list((root / "incoming").iterdir()) == []


def test_a_file_that_does_not_hash_to_what_the_hub_lists_is_refused(hub: Hub, on_hub: Fetcher) -> None:
    sha = hub.commit(FILES)
    hub._entry = lambda name, content: {"type": "file", "path": name, "size": len(content), "oid": "0" * 40}  # type: ignore[method-assign]
    with pytest.raises(DatasetFailed, match="arrived damaged"):
        on_hub.fetch(on(EXAM, revision=sha), Watch())
    assert on_hub.snapshots.all() == []


def test_a_name_that_leads_out_of_the_snapshot_is_refused(hub: Hub, on_hub: Fetcher, root: Path) -> None:
    hub.commit({"../../evil": b"x"})
    with pytest.raises(DatasetFailed, match="outside"):
        on_hub.fetch(EXAM, Watch())
    assert not (root.parent / "evil").exists()


def test_the_expected_hash(hub: Hub, on_hub: Fetcher) -> None:
    hub.commit(FILES)
    with pytest.raises(DatasetHashMismatch):
        on_hub.fetch(on(EXAM, sha256="0" * 64), Watch())
    assert on_hub.snapshots.all() == []
    good = on_hub.fetch(EXAM, Watch()).manifest.sha256
    assert on_hub.fetch(on(EXAM, sha256=good), Watch()).manifest.sha256 == good
    with pytest.raises(DatasetHashMismatch):
        on_hub.fetch(on(EXAM, sha256="0" * 64), Watch())


@pytest.mark.parametrize("damage", ["different", "missing", "new"])
def test_a_snapshot_that_was_changed_is_refused_and_mended_on_demand(hub: Hub, on_hub: Fetcher, damage: str) -> None:
    hub.commit(FILES)
    snapshot = on_hub.fetch(EXAM, Watch())
    path = snapshot.content / "data" / ("more.jsonl" if damage == "new" else "test.jsonl")
    if damage == "missing":
        path.unlink()
    else:
        path.unlink(missing_ok=True)
        path.write_bytes(FILES["data/test.jsonl"].replace(b"2", b"3"))
    with pytest.raises(DatasetChanged, match=f"is {damage}"):
        on_hub.fetch(EXAM, Watch())
    assert contents(on_hub.fetch(EXAM, Watch(), refresh=True).content) == FILES


def test_offline_without_the_data_says_so(hub: Hub, hub_server: Server, root: Path) -> None:
    hub.commit(FILES)
    environ = {"HF_ENDPOINT": hub_server.url}
    offline = Fetcher(snapshots=Snapshots(root), now=lambda: NOW, environ=environ, offline=True)
    with pytest.raises(DatasetOffline):
        offline.fetch(EXAM, Watch())
    assert hub_server.requests == []


def test_a_full_disk_is_found_before_anything_is_fetched(hub: Hub, hub_server: Server, root: Path) -> None:
    hub.commit(FILES)
    full = Snapshots(root, free=lambda _: 1000)
    with pytest.raises(DatasetNoSpace, match=r"has 1\.0 kB free"):
        Fetcher(snapshots=full, now=lambda: NOW, environ={"HF_ENDPOINT": hub_server.url}).fetch(EXAM, Watch())
    assert [path for path in hub_server.paths() if "/resolve/" in path] == []


def test_a_hub_that_is_not_there_or_too_slow(root: Path, hub: Hub, on_hub: Fetcher) -> None:
    nowhere = Fetcher(snapshots=Snapshots(root), now=lambda: NOW, environ={"HF_ENDPOINT": "http://127.0.0.1:9"})
    with pytest.raises(DatasetFailed, match="cannot be reached"):
        nowhere.fetch(EXAM, Watch())
    hub.commit(FILES)
    with pytest.raises(DatasetTimeout):
        on_hub.fetch(EXAM, Watch(seconds=0))


def _fetch_in_a_process(root: Path, endpoint: str, barrier: object) -> None:
    barrier.wait()  # type: ignore[attr-defined]
    fetcher = Fetcher(snapshots=Snapshots(root), now=lambda: NOW, environ={"HF_ENDPOINT": endpoint})
    os._exit(0 if contents(fetcher.fetch(EXAM, Watch(seconds=60)).content) == FILES else 1)


def test_two_processes_at_once_fetch_it_once(hub: Hub, hub_server: Server, root: Path) -> None:
    hub.commit(FILES)
    context = multiprocessing.get_context("forkserver")
    barrier = context.Barrier(3)
    both = [context.Process(target=_fetch_in_a_process, args=(root, hub_server.url, barrier)) for _ in range(3)]
    for each in both:
        each.start()
    for each in both:
        each.join()
    assert [each.exitcode for each in both] == [0, 0, 0]
    fetched = [path for path in hub_server.paths() if "/resolve/" in path]
    assert len(fetched) == len(set(fetched)) == len(FILES)
    [snapshot] = Snapshots(root).all()
    assert json.loads((snapshot.directory / "manifest.json").read_text())["source"] == "hf acme/exam@main"


def _fetch_until_killed(root: Path, url: str) -> None:
    Fetcher(snapshots=Snapshots(root), now=lambda: NOW).fetch(parse(url), Watch())


def test_the_lock_of_a_fetch_that_was_killed_is_free_again(root: Path) -> None:
    arrived, release = threading.Event(), threading.Event()

    def answer(_: object) -> tuple[int, dict[str, str], bytes]:
        if not arrived.is_set():
            arrived.set()
            release.wait(60)
        return 200, {}, b"{}\n"

    with serving(answer, cut=lambda _: False) as web:
        url = f"{web.url}/x.jsonl"
        process = multiprocessing.get_context("forkserver").Process(target=_fetch_until_killed, args=(root, url))
        process.start()
        assert arrived.wait(60)
        process.kill()
        process.join()
        assert Snapshots(root).all() == []
        assert [path.name for path in (root / "incoming").iterdir()] != []
        snapshot = Fetcher(snapshots=Snapshots(root), now=lambda: NOW).fetch(parse(url), Watch(seconds=60))
        release.set()
    assert contents(snapshot.content) == {"x.jsonl": b"{}\n"}
    assert list((root / "incoming").iterdir()) == []
