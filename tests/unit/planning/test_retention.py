"""Which kept files go: by count, age and size; pinned ones never."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from evallab.planning.retention import Policy, expired, size

NOW = datetime(2026, 11, 22, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Kept:
    path: str
    days: int
    rank: int
    pinned: bool = False
    bytes: int = 10

    @property
    def ended_at(self) -> datetime:
        return NOW - timedelta(days=self.days)


FILES = [
    Kept(path="new", days=1, rank=1),
    Kept(path="old", days=40, rank=2),
    Kept(path="older", days=50, rank=3),
    Kept(path="pinned", days=60, rank=4, pinned=True),
]
MONTH = timedelta(days=30)


@pytest.mark.parametrize(
    ("policy", "gone"),
    [
        (Policy(), []),
        (Policy(keep_last=1), ["older", "old"]),
        (Policy(keep_last=0), ["older", "old", "new"]),
        (Policy(older_than=MONTH), ["older", "old"]),
        (Policy(older_than=MONTH, keep_last=2), ["older"]),
        (Policy(max_bytes=30), ["older"]),
        (Policy(max_bytes=0), ["older", "old", "new"]),
        (Policy(max_bytes=0, keep_last=1), ["older", "old"]),
        (Policy(max_bytes=20, older_than=timedelta(days=45)), ["older", "old"]),
    ],
)
def test_what_goes(policy: Policy, gone: list[str]) -> None:
    assert [file.path for file in expired(FILES, policy, now=NOW)] == gone


def test_a_shared_file_makes_no_room_until_its_last_user_goes() -> None:
    shared = [Kept(path="same", days=9, rank=2), Kept(path="own", days=8, rank=2), Kept(path="same", days=7, rank=1)]

    assert size(shared) == 20
    assert [file.days for file in expired(shared, Policy(max_bytes=10), now=NOW)] == [9, 8]


def test_a_policy_says_itself_in_words() -> None:
    assert (
        Policy(keep_last=3, older_than=MONTH, max_bytes=5).sentence == "keep last 3, older than 30 d, at most 5 bytes"
    )
