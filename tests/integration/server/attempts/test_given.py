"""What an attempt is given to begin with: the work of an earlier one, and verified test data as a tar."""

import io
import json
import tarfile
import threading
from pathlib import Path
from typing import Any

import pytest
from tests.integration.datasets.servers import serving as web
from tests.integration.server.attempts.door import A1, NOW, begun, clustered, opened, parts
from tests.integration.store.making import attempt

from evallab.api.job import HubSource, TestData
from evallab.datasets.fetching import Fetcher
from evallab.datasets.snapshots import Snapshots
from evallab.server.attempts.supply import Supply
from evallab.store.postgres import PostgresStore


def files_of(tar: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        return {each.name: (archive.extractfile(each) or io.BytesIO()).read() for each in archive}


async def test_work_is_handed_on(store: PostgresStore, tmp_path: Path) -> None:
    await begun(store, attempts=3)
    answers = bytes(3 << 20) + b"tail"
    async with opened(parts(store, tmp_path)) as door:
        assert (await door.get("/work")).json() == {"files": []}
        for start in range(0, len(answers), 1 << 20):
            piece = answers[start : start + (1 << 20)]
            await door.put(f"/leavings/work/spool/answers.jsonl?start={start}", content=piece)
        await door.put("/leavings/work/empty?start=0", content=b"")
        await door.put("/leavings/result/result.json?start=0", content=b"{}")

        third = str(door.base_url).replace(A1, "job-1-a3")
        asked = {"Authorization": "Bearer third"}
        listed = await door.get(f"{third}work", headers=asked)
        assert listed.json() == {
            "files": [{"name": "empty", "bytes": 0}, {"name": "spool/answers.jsonl", "bytes": len(answers)}]
        }
        given = [await door.get(f"{third}work/{each['name']}", headers=asked) for each in listed.json()["files"]]
        assert [(each.status_code, each.headers["content-length"]) for each in given] == [
            (200, "0"),
            (200, str(len(answers))),
        ]
        assert [each.content for each in given] == [b"", answers]


async def test_test_data_comes_as_a_tar_with_its_record(store: PostgresStore, tmp_path: Path) -> None:
    content = b'{"question": "1+1?"}\n' * 5000
    with web(lambda _: (200, {}, content)) as server:
        row = clustered(data=TestData(http=f"{server.url}/secret:pass/sums.jsonl?signature=1"))
        await begun(store, row, attempts=2)
        async with opened(parts(store, tmp_path)) as door:
            answer = await door.get("/data")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-tar")
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert files_of(answer.content) == {"sums.jsonl": content}
    record: dict[str, Any] = json.loads(answer.headers["x-evallab-snapshot"])
    assert sorted(record) == ["asked", "fetched_at", "files", "revision", "sha256", "size", "snapshot", "source"]
    assert (record["files"], record["size"]) == (1, len(content))
    assert "signature" not in answer.headers["x-evallab-snapshot"]


@pytest.mark.parametrize(
    ("data", "answer"),
    [
        (None, (404, "DatasetNotFound")),
        (TestData(path="/etc"), (404, "DatasetNotFound")),
        (TestData(bundled="nothing-of-that-name"), (404, "DatasetNotFound")),
        (TestData(hf=HubSource(repo_id="a/b", secret_ref="file:///etc")), (403, "DatasetCredentials")),
        (TestData(hf=HubSource(repo_id="a/b", secret_ref="../others/key")), (403, "DatasetCredentials")),
        (TestData(hf=HubSource(repo_id="a/b", secret_ref="missing")), (403, "DatasetCredentials")),
    ],
)
async def test_data_that_cannot_be_had_has_its_reason(
    store: PostgresStore, tmp_path: Path, data: TestData | None, answer: tuple[int, str]
) -> None:
    (tmp_path / "secrets" / "others" / "key").mkdir(parents=True)
    supply = Supply(Fetcher(snapshots=Snapshots(tmp_path / "d"), now=lambda: NOW), secrets=tmp_path / "secrets")
    await begun(store, clustered(data=data))
    async with opened(parts(store, tmp_path, supply=supply)) as door:
        found = await door.get("/data")
    assert (found.status_code, found.json()["message_code"]) == answer
    assert set(found.json()) == {"message_code", "message", "trace"}


async def test_data_of_another_hash_is_refused(store: PostgresStore, tmp_path: Path) -> None:
    with web(lambda _: (200, {}, b"content")) as server:
        await begun(store, clustered(data=TestData(http=f"{server.url}/a", sha256="0" * 64)))
        async with opened(parts(store, tmp_path)) as door:
            found = await door.get("/data")
    assert (found.status_code, found.json()["message_code"]) == (409, "DatasetHashMismatch")


async def test_data_that_takes_long_is_asked_for_again(store: PostgresStore, tmp_path: Path) -> None:
    go_on = threading.Event()
    asked: list[object] = []

    def slow(request: object) -> tuple[int, dict[str, str], bytes]:
        asked.append(request)
        go_on.wait(60)
        return 200, {}, b"content"

    supply = Supply(Fetcher(snapshots=Snapshots(tmp_path / "d"), now=lambda: NOW), patience_s=0.05)
    with web(slow) as server:
        await begun(store, clustered(data=TestData(http=f"{server.url}/a.txt")))
        async with opened(parts(store, tmp_path, supply=supply)) as door:
            waiting = await door.get("/data")
            assert (waiting.status_code, waiting.json()["message_code"]) == (503, "service_unavailable")
            assert "is being fetched" in waiting.json()["message"]
            go_on.set()
            while (answer := await door.get("/data")).status_code == 503:
                pass
    assert files_of(answer.content) == {"a.txt": b"content"}


async def test_the_second_attempt_gets_the_same_data(store: PostgresStore, tmp_path: Path) -> None:
    versions = iter([b"first", b"second"])
    with web(lambda _: (200, {}, next(versions))) as server:
        await begun(store, clustered(data=TestData(http=f"{server.url}/a.txt")), attempts=2)
        async with opened(parts(store, tmp_path)) as door:
            first = await door.get("/data")
            second_url = str(door.base_url).replace(A1, attempt(number=2).id)
            second = await door.get(f"{second_url}data", headers={"Authorization": "Bearer second"})
    assert files_of(first.content) == files_of(second.content) == {"a.txt": b"first"}
