"""What pods leave: pieces in any order and twice, seals that hold only what is there, what the next attempt gets."""

import hashlib
from typing import Any

import pytest
from tests.integration.store.making import attempt, benchmark, job, minutes

from evallab.api.errors import NotFound
from evallab.store.interface import LeavingRow
from evallab.store.postgres import PostgresStore

A1 = "job-1-a1"


def named(area: str, name: str, content: bytes) -> dict[str, Any]:
    return {"area": area, "name": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


async def begun(store: PostgresStore, attempts: int = 1) -> None:
    await store.create_job(job(runtime="kubernetes", tenant="team", resource="mine"), [benchmark()], actor="ada")
    for number in range(1, attempts + 1):
        await store.save_attempt(attempt(number=number))


async def content(store: PostgresStore, area: str, name: str, attempt_id: str = A1) -> bytes:
    return b"".join([piece async for piece in store.read_leaving(attempt_id, area, name)])


async def put(
    store: PostgresStore, *pieces: tuple[int, bytes], area: str = "work", name: str = "answers.jsonl"
) -> None:
    for start, piece in pieces:
        assert await store.put_leaving(A1, area, name, start, piece) == "kept"


async def test_an_attempt_comes_with_its_job(store: PostgresStore) -> None:
    await begun(store)

    owner = job(runtime="kubernetes", tenant="team", resource="mine")
    assert await store.attempt(A1) == (owner, attempt())
    assert await store.attempt("nobody") is None


@pytest.mark.parametrize(
    ("pieces", "whole"),
    [
        ([(0, b"abc"), (3, b"def")], b"abcdef"),
        ([(3, b"def"), (0, b"abc")], b"abcdef"),
        ([(0, b"abc"), (0, b"abc"), (3, b"def"), (3, b"def")], b"abcdef"),
        ([(0, b"abc"), (3, b"def"), (0, b"abcdefgh")], b"abcdefgh"),
        ([(0, b"abcd"), (2, b"cdef"), (1, b"b")], b"abcdef"),
        ([(0, b"abc"), (4, b"efg")], b"abc"),
        ([(2, b"c")], b""),
        ([(0, b"")], b""),
    ],
)
async def test_a_file_is_what_its_pieces_cover(
    store: PostgresStore, pieces: list[tuple[int, bytes]], whole: bytes
) -> None:
    await begun(store)
    await put(store, *pieces)

    assert await store.leavings(A1) == [LeavingRow(area="work", name="answers.jsonl", bytes=len(whole))]
    assert await content(store, "work", "answers.jsonl") == whole


async def test_an_attempt_leaves_no_more_than_it_may(store: PostgresStore) -> None:
    await begun(store)

    said = [
        await store.put_leaving(A1, "work", "a", 0, b"12345", limit=8),
        await store.put_leaving(A1, "work", "b", 0, b"1234", limit=8),
        await store.put_leaving(A1, "work", "a", 0, b"12345678", limit=8),
    ]
    assert said == ["kept", "full", "kept"]
    with pytest.raises(NotFound, match="There is no attempt 'nobody'"):
        await store.put_leaving("nobody", "work", "a", 0, b"")


async def test_a_seal_holds_what_it_names_and_nothing_else(store: PostgresStore) -> None:
    await begun(store)
    await put(store, (0, b"{}"), area="result", name="result.json")
    await put(store, (0, b"scratch"), name="scratch")
    body = {"files": [named("result", "result.json", b"{}"), named("artifacts", "empty", b"")], "events": 3}

    assert await store.sealed(A1) is None
    assert await store.seal(A1, body, now=minutes(3)) == []
    assert await store.seal(A1, {"files": [], "events": 9}, now=minutes(4)) == []
    assert await store.put_leaving(A1, "result", "result.json", 0, b"another") == "unwanted"

    assert await store.sealed(A1) == body
    assert await store.leavings(A1) == [
        LeavingRow(area="artifacts", name="empty", bytes=0),
        LeavingRow(area="result", name="result.json", bytes=2),
    ]
    assert await content(store, "result", "result.json") == b"{}"


async def test_a_seal_says_what_is_missing(store: PostgresStore) -> None:
    await begun(store)
    await put(store, (0, b"abc"), (4, b"efg"))
    await put(store, (0, b"whole"), area="artifacts", name="whole")
    body = {
        "files": [
            named("work", "answers.jsonl", b"abcdefg"),
            named("artifacts", "whole", b"whole"),
            named("artifacts", "never", b"1"),
        ],
        "events": 0,
    }

    assert await store.seal(A1, body, now=minutes(3)) == [("work", "answers.jsonl"), ("artifacts", "never")]
    assert await store.sealed(A1) is None
    await put(store, (3, b"d"))
    await put(store, (0, b"1"), area="artifacts", name="never")
    assert await store.seal(A1, body, now=minutes(4)) == []


async def test_a_file_with_other_content_is_handed_in_anew(store: PostgresStore) -> None:
    await begun(store)
    await put(store, (0, b"abc"), (2, b"xyz"))
    body = {"files": [named("work", "answers.jsonl", b"abcde")], "events": 0}

    assert await store.seal(A1, body, now=minutes(3)) == [("work", "answers.jsonl")]
    assert await store.leavings(A1) == []
    await put(store, (0, b"abcde"))
    assert await store.seal(A1, body, now=minutes(4)) == []


async def test_a_file_that_became_shorter_is_whole(store: PostgresStore) -> None:
    await begun(store)
    await put(store, (0, b"abc"), (3, b"old"), (9, b"older"))
    await put(store, (0, b"old"), (3, b"old"), name="empty")
    body = {"files": [named("work", "answers.jsonl", b"abc"), named("work", "empty", b"")], "events": 0}

    assert await store.seal(A1, body, now=minutes(3)) == []
    assert await content(store, "work", "answers.jsonl") == b"abc"
    assert await store.leavings(A1) == [
        LeavingRow(area="work", name="answers.jsonl", bytes=3),
        LeavingRow(area="work", name="empty", bytes=0),
    ]


async def test_what_is_longer_than_it_should_be_is_not_it(store: PostgresStore) -> None:
    await begun(store)
    await put(store, (0, b"ab"), (1, b"bcdef"))
    body = {"files": [named("work", "answers.jsonl", b"abc")], "events": 0}

    assert await store.seal(A1, body, now=minutes(3)) == [("work", "answers.jsonl")]
    await put(store, (0, b"abc"))
    assert await store.seal(A1, body, now=minutes(4)) == []
    with pytest.raises(NotFound, match="There is no attempt"):
        await store.seal("nobody", {"files": [], "events": 0}, now=minutes(3))


async def test_the_next_attempt_goes_on_from_the_one_that_left_most(store: PostgresStore) -> None:
    await begun(store, attempts=5)
    assert await store.work_before(A1) is None
    assert await store.work_before("job-1-a2") is None

    await store.put_leaving(A1, "work", "answers.jsonl", 0, b"12345")
    await store.put_leaving("job-1-a2", "work", "answers.jsonl", 0, b"12345")
    await store.put_leaving("job-1-a3", "work", "answers.jsonl", 0, b"123")
    await store.put_leaving("job-1-a4", "result", "result.json", 0, b"123456789")

    five = [LeavingRow(area="work", name="answers.jsonl", bytes=5)]
    assert await store.work_before("job-1-a2") == (A1, five)
    assert await store.work_before("job-1-a5") == ("job-1-a2", five)


async def test_what_a_job_left_can_be_forgotten(store: PostgresStore) -> None:
    await begun(store)
    await put(store, (0, b"abc"))
    body = {"files": [named("work", "answers.jsonl", b"abc")], "events": 0}
    await store.seal(A1, body, now=minutes(3))

    await store.drop_leavings("job-1")
    assert (await store.leavings(A1), await store.sealed(A1)) == ([], body)


async def test_a_deleted_job_leaves_nothing(store: PostgresStore) -> None:
    await begun(store)
    await put(store, (0, b"abc"))
    await store.seal(A1, {"files": [named("work", "answers.jsonl", b"abc")], "events": 0}, now=minutes(3))

    await store.delete_job("job-1", actor="ada", now=minutes(4))

    assert (await store.leavings(A1), await store.sealed(A1)) == ([], None)
    assert await store.put_leaving(A1, "work", "answers.jsonl", 0, b"abc") == "unwanted"
    assert await store.seal(A1, {"files": [named("work", "more", b"1")], "events": 0}, now=minutes(5)) == []
    owner, _ = await store.attempt(A1) or (None, None)
    assert owner is not None
    assert owner.deleted_at == minutes(4)
