"""Which migrations there are, and which of them are still to apply."""

from pathlib import Path

import pytest

from evallab.api.errors import StoreUnavailable
from evallab.store.migrate import Migration, known, pending

FIRST = Migration(name="0001_first", sql="SELECT 1")
SECOND = Migration(name="0002_second", sql="SELECT 2")


def test_ours_are_named_and_numbered() -> None:
    assert [each.name for each in known()] == [
        "0001_tables",
        "0002_views",
        "0003_resumption",
        "0004_history",
        "0005_serving",
        "0006_cluster",
        "0007_canary",
        "0008_telemetry",
        "0009_clusters",
    ]


@pytest.mark.parametrize("name", ["1_first", "0002_first", "0001_First", "0001-first", "0001_"])
def test_a_name_out_of_order_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / f"{name}.sql").write_text("SELECT 1")
    with pytest.raises(ValueError, match=rf"{name}\.sql: expected a name like 0001_"):
        known(tmp_path)


@pytest.mark.parametrize(
    ("applied", "todo"),
    [
        ({}, (FIRST, SECOND)),
        ({FIRST.name: FIRST.sha256}, (SECOND,)),
        ({FIRST.name: FIRST.sha256, SECOND.name: SECOND.sha256}, ()),
    ],
)
def test_what_is_pending_follows_from_what_was_applied(applied: dict[str, str], todo: tuple[Migration, ...]) -> None:
    assert pending((FIRST, SECOND), applied) == todo


@pytest.mark.parametrize(
    ("applied", "said"),
    [
        ({FIRST.name: FIRST.sha256, "0003_later": "00"}, "newer evallab: it has 0003_later"),
        ({FIRST.name: "00"}, "another content of 0001_first"),
    ],
)
def test_another_history_is_refused(applied: dict[str, str], said: str) -> None:
    with pytest.raises(StoreUnavailable, match=said):
        pending((FIRST, SECOND), applied)
