"""What a reference to a job means."""

import pytest
from tests.integration.store.making import job, minutes

from evallab.api.errors import NotFound, UsageError
from evallab.store.postgres import PostgresStore


@pytest.fixture
async def three(store: PostgresStore) -> PostgresStore:
    await store.create_job(job("4f00aaaa", created_at=minutes(0)), [], actor="ada")
    await store.create_job(job("4f00bbbb", created_at=minutes(1)), [], actor="ada")
    await store.create_job(job("77e1cccc", created_at=minutes(2), name="weekly~1"), [], actor="ada")
    return store


@pytest.mark.parametrize(
    ("reference", "meant"),
    [
        ("4f00aaaa", "4f00aaaa"),
        ("77e1", "77e1cccc"),
        ("nightly", "4f00bbbb"),
        ("nightly~0", "4f00bbbb"),
        ("nightly~1", "4f00aaaa"),
        ("weekly~1", "77e1cccc"),
    ],
)
async def test_a_reference_means_one_job(three: PostgresStore, reference: str, meant: str) -> None:
    assert await three.resolve(reference) == meant


async def test_a_prefix_of_two_jobs_is_refused(three: PostgresStore) -> None:
    with pytest.raises(UsageError, match=r"4f00bbbb \(nightly\), 4f00aaaa \(nightly\)\."):
        await three.resolve("4f00")


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("nigthly", r"There is no job 'nigthly'\. Near names: nightly\."),
        ("77e", r"There is no job '77e'\. `evallab jobs` shows"),
        ("nightly~2", r"goes back too far: there are 2 jobs named 'nightly'\. The oldest is nightly~1\."),
        ("4f0%", r"There is no job '4f0%'"),
    ],
)
async def test_a_reference_to_nothing_says_what_is_near(three: PostgresStore, reference: str, said: str) -> None:
    with pytest.raises(NotFound, match=said):
        await three.resolve(reference)
