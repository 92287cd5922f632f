"""Events on disk: what cannot be read does not stand in the way of the others."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from evallab.api.errors import EvallabError, NotFound, StoreUnavailable
from evallab.receiver.drain import Drain
from evallab.receiver.spool import Spool
from evallab.store.interface import EventRow

WHEN = datetime(2026, 1, 1, tzinfo=UTC)


class Choosy:
    """A store that refuses some events."""

    def __init__(self, error: EvallabError) -> None:
        self.error, self.kept = error, list[str]()

    async def add_event(self, event: EventRow) -> None:
        if event.id == "bad":
            raise self.error
        self.kept.append(event.id)


def spool_of(root: Path, *names: str) -> Spool:
    spool = Spool(root)
    for name in names:
        spool.put(event_id=name, attempt_id="a", received_at=WHEN, body={"status": "running"})
    return spool


def test_a_damaged_event_is_set_aside(tmp_path: Path) -> None:
    spool = spool_of(tmp_path, "one", "two")
    (tmp_path / f"{WHEN.timestamp():020.6f}_half.json").write_text('{"attempt": "a", "rece')
    assert [event.id for event in spool.pending()] == ["one", "two"]
    assert [path.suffix for path in sorted(tmp_path.iterdir())] == [".refused", ".json", ".json"]


@pytest.mark.parametrize(("error", "left"), [(EvallabError("no"), [".refused"]), (NotFound("no"), [])])
async def test_what_the_store_refuses_for_ever_is_not_asked_again(
    tmp_path: Path, error: EvallabError, left: list[str]
) -> None:
    store = Choosy(error)
    await Drain(spool_of(tmp_path, "bad", "good"), store, stored=lambda _: None).empty()
    assert store.kept == ["good"]
    assert [path.suffix for path in tmp_path.iterdir()] == left


async def test_while_the_store_is_away_everything_stays(tmp_path: Path) -> None:
    spool = spool_of(tmp_path, "bad", "good")
    with pytest.raises(StoreUnavailable):
        await Drain(spool, Choosy(StoreUnavailable("away")), stored=lambda _: None).empty()
    assert [event.id for event in spool.pending()] == ["bad", "good"]
