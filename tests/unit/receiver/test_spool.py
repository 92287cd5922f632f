"""Events on disk: whoever waits shares a segment, and what cannot be read does not stand in the way of the others."""

import asyncio
import errno
import json
import os
import resource
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from evallab.api.errors import EvallabError, StoreUnavailable
from evallab.receiver import segments
from evallab.receiver.drain import Drain
from evallab.receiver.segments import Spooled
from evallab.receiver.spool import ABANDONED_S, MOST_BYTES, MOST_EVENTS, Spool
from evallab.store.interface import EventRow

WHEN = datetime(2026, 1, 1, tzinfo=UTC)


def spooled(name: str, *, minute: int = 0, filling: str = "") -> Spooled:
    when = WHEN + timedelta(minutes=minute)
    return Spooled(id=name, attempt_id="a", received_at=when, body={"status": "running", "filling": filling})


class Rows:
    """A store that refuses some events, and does not know the attempts of others."""

    def __init__(self, *, refused: Sequence[str] = (), unknown: Sequence[str] = ()) -> None:
        self.refused, self.unknown = refused, unknown
        self.batches = list[list[str]]()

    async def add_events(self, events: Sequence[EventRow]) -> frozenset[str]:
        ids = [each.id for each in events]
        if set(ids) & set(self.refused):
            raise EvallabError("no")
        self.batches.append(ids)
        return frozenset(ids) & frozenset(self.unknown)


async def spool_of(root: Path, *names: str) -> Spool:
    """Return a spool of events that came one after the other."""
    spool = Spool(root)
    for minute, name in enumerate(names):
        await spool.put(spooled(name, minute=minute))
    return spool


def ids(spool: Spool) -> list[list[str]]:
    return [[event.id for event in segment.events] for segment in spool.segments()]


def files(root: Path) -> list[str]:
    return sorted(path.suffix if path.is_file() else path.name for path in root.iterdir())


async def test_whoever_waits_together_shares_a_segment(tmp_path: Path) -> None:
    written = list[int]()
    spool = Spool(tmp_path, written=lambda: written.append(1))
    await asyncio.gather(*(spool.put(spooled(str(number))) for number in range(8)))
    assert ids(spool) == [["0", "1", "2", "3", "4", "5", "6", "7"]]
    assert len(written) == 1


async def test_what_was_put_is_read_back_whole(tmp_path: Path) -> None:
    event = spooled("one", filling="line\r\nbreaks, \u2028, \ud800, \0 and ü")
    spool = Spool(tmp_path)
    await spool.put(event)
    [segment] = spool.segments()
    assert segment.events == (event,)


async def test_a_segment_is_bounded(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    large = [spooled(f"large{number}", filling="x" * (MOST_BYTES // 2)) for number in range(3)]
    small = [spooled(f"small{number}", minute=1) for number in range(MOST_EVENTS + 1)]
    await asyncio.gather(*(spool.put(each) for each in [*large, *small]))
    assert sorted(map(len, ids(spool))) == [1, 1, 2, MOST_EVENTS]


async def test_who_gives_up_waiting_takes_nobody_along(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    impatient = asyncio.create_task(spool.put(spooled("impatient")))
    patient = asyncio.create_task(spool.put(spooled("patient")))
    await asyncio.sleep(0)
    impatient.cancel()
    await patient
    assert ids(spool) == [["impatient", "patient"]]


async def test_pending_says_whether_anything_waits(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    (tmp_path / "something.partial").touch()
    seen = [spool.pending()]
    await spool.put(spooled("one"))
    seen.append(spool.pending())
    await Drain(spool, Rows(), stored=lambda _: None).empty()
    assert [*seen, spool.pending()] == [False, True, False]


@contextmanager
def small_files() -> Iterator[None]:
    """No file grows beyond 4 KiB: what a full disk does, for this process alone, the report of the tests included."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_what_does_not_fit_is_refused_without_its_neighbours(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    with small_files():
        large = asyncio.create_task(spool.put(spooled("large", filling="x" * 5000)))
        await asyncio.gather(spool.put(spooled("one")), spool.put(spooled("two")))
        with pytest.raises(OSError, match="File too large") as caught:
            await large
    assert caught.value.errno == errno.EFBIG
    assert ids(spool) == [["one"], ["two"]]
    assert files(tmp_path) == [".jsonl", ".jsonl"]


async def test_files_of_earlier_versions_are_read(tmp_path: Path) -> None:
    old = {"attempt": "a", "received_at": WHEN.isoformat(), "body": {"status": "running", "filling": ""}}
    (tmp_path / f"{WHEN.timestamp():020.6f}_one.json").write_text(json.dumps(old))
    spool = Spool(tmp_path)
    await spool.put(spooled("two", minute=1))
    assert [event for segment in spool.segments() for event in segment.events] == [
        spooled("one"),
        spooled("two", minute=1),
    ]


async def test_what_a_killed_writer_left_is_swept_up(tmp_path: Path) -> None:
    old, new = tmp_path / "old.partial", tmp_path / "new.partial"
    old.touch()
    new.touch()
    before = new.stat().st_mtime - ABANDONED_S - 1
    os.utime(old, (before, before))
    Spool(tmp_path)
    assert list(tmp_path.iterdir()) == [new]


async def test_a_damaged_line_is_set_aside_and_the_others_go_on(tmp_path: Path) -> None:
    spool = await spool_of(tmp_path, "one")
    half = b'{"id": "half", "attempt": "a", "rece\n'
    nameless = b'{"id": 7, "attempt": "a", "received_at": "2026-01-01T00:00:00+00:00", "body": {}}\n'
    segments.write(tmp_path, WHEN, [segments.line(spooled("two")), half, nameless, segments.line(spooled("three"))])
    store = Rows()
    await Drain(spool, store, stored=lambda _: None).empty()
    assert sorted(each for batch in store.batches for each in batch) == ["one", "three", "two"]
    assert files(tmp_path) == ["refused"]
    [kept] = (tmp_path / "refused").iterdir()
    assert kept.read_bytes() == half + nameless


async def test_a_segment_that_cannot_be_read_is_put_away(tmp_path: Path) -> None:
    spool = await spool_of(tmp_path, "one")
    (tmp_path / "00000000000000.000000_folder.jsonl").mkdir()  # reading it is an error, whoever asks
    assert ids(spool) == [["one"]]
    assert [path.name for path in (tmp_path / "refused").iterdir()] == ["00000000000000.000000_folder.jsonl"]


async def test_what_the_store_refuses_for_ever_is_not_asked_again(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    await asyncio.gather(*(spool.put(spooled(name)) for name in ("one", "bad", "two", "worse", "three")))
    store, stored = Rows(refused=["bad", "worse"]), list[str]()
    await Drain(spool, store, stored=stored.append).empty()
    assert sorted(each for batch in store.batches for each in batch) == ["one", "three", "two"]
    assert stored == ["a"]
    [kept] = (tmp_path / "refused").iterdir()
    assert [segments.read(kept).events[place].id for place in (0, 1)] == ["bad", "worse"]
    assert not spool.pending()


async def test_events_of_unknown_attempts_are_dropped(tmp_path: Path) -> None:
    spool = await spool_of(tmp_path, "gone", "good")
    await Drain(spool, Rows(unknown=["gone"]), stored=lambda _: None).empty()
    assert files(tmp_path) == []


async def test_small_segments_are_stored_together_oldest_first(tmp_path: Path) -> None:
    names = [f"{number:03}" for number in range(20)]
    spool, store = await spool_of(tmp_path, *names), Rows()
    await Drain(spool, store, stored=lambda _: None).empty()
    assert store.batches == [names]


async def test_while_the_store_is_away_everything_stays(tmp_path: Path) -> None:
    class Away(Rows):
        async def add_events(self, events: Sequence[EventRow]) -> frozenset[str]:
            raise StoreUnavailable(f"{len(events)} events")

    spool = await spool_of(tmp_path, "one", "two")
    with pytest.raises(StoreUnavailable):
        await Drain(spool, Away(), stored=lambda _: None).empty()
    assert ids(spool) == [["one"], ["two"]]
