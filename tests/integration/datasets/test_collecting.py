"""What gc removes, and what it never does."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from tests.integration.datasets.conftest import NOW

from evallab.datasets.collecting import Needs, collect, unneeded
from evallab.datasets.fetching import Fetcher
from evallab.datasets.sources import parse
from evallab.datasets.watch import Watch


def test_only_what_nobody_needs_goes(fetcher: Fetcher, tmp_path: Path) -> None:
    for name in ("old", "pinned", "used", "busy"):
        (tmp_path / f"{name}.jsonl").write_text(name)
    old, pinned, used, busy = (
        fetcher.fetch(parse(str(tmp_path / f"{name}.jsonl")), Watch()) for name in ("old", "pinned", "used", "busy")
    )
    snapshots, later = fetcher.snapshots, NOW + timedelta(days=40)
    snapshots.pin(pinned, pinned=True)
    snapshots.use("job-1", 0, used, now=later - timedelta(days=1))
    snapshots.use("job-2", 0, busy, now=NOW)
    needs = Needs(since=later - timedelta(days=30), unfinished={"job-2"})
    assert unneeded(snapshots, replace(needs, since=NOW - timedelta(days=1))) == []
    assert [each.id for each in unneeded(snapshots, needs)] == [old.id]
    leaving = snapshots.root / "incoming" / "hf--x"
    leaving.mkdir(parents=True)
    (snapshots.root / "private" / "job-1").mkdir(parents=True)
    assert [each.id for each in collect(snapshots, needs)] == [old.id]
    assert {each.id for each in snapshots.all()} == {pinned.id, used.id, busy.id}
    assert (leaving.exists(), list((snapshots.root / "private").iterdir())) == (False, [])
    assert len(snapshots.records("refs")) == 3
    with snapshots.lock(f"path--{used.directory.name.rpartition('@')[0]}", None):
        assert collect(snapshots, Needs(since=later, unfinished=())) != []
        assert used.directory.exists(), "somebody is fetching it now"
