"""Test data through the server's cache, and what an earlier attempt left."""

import hashlib
import io
import json
import tarfile
from typing import Any

import pytest
from tests.integration.datasets.servers import Answer, Seen, serving
from tests.integration.initializer.conftest import Pod

DATA = b'{"q": 1}\n' * 100_000
SHA = hashlib.sha256(DATA).hexdigest()
SOURCE = {"hf": {"repo_id": "acme/exam", "revision": "main", "secret_ref": "only-the-server-has-it"}}
SNAPSHOT = {"source": "hf acme/exam@main", "revision": "f" * 40, "sha256": SHA, "snapshot": f"hf/acme--exam@{'f' * 40}"}


def archive(*members: tarfile.TarInfo, content: bytes = DATA) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as tar:
        for member in members:
            member.size = len(content) if member.isfile() else 0
            tar.addfile(member, io.BytesIO(content) if member.isfile() else None)
    return target.getvalue()


def link() -> tarfile.TarInfo:
    member = tarfile.TarInfo("link")
    member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
    return member


def refusing(status: int, code: str) -> Answer:
    return status, {}, json.dumps({"message_code": code, "message": f"said {code}", "trace": "t"}).encode()


class Evallab:
    """The server's side; `data` are its answers, the last one for ever."""

    def __init__(self, *data: Answer, work: dict[str, bytes] | None = None) -> None:
        self.data, self.work = list(data), work

    def answer(self, seen: Seen) -> Answer:
        if seen.headers["Authorization"] != "Bearer projected-token":
            return refusing(401, "invalid_callback_token")
        if seen.path == "/a/a1/data":
            return self.data.pop(0) if len(self.data) > 1 else self.data[0]
        if seen.path == "/a/a1/work" and self.work is not None:
            files = [{"name": name, "bytes": len(content)} for name, content in self.work.items()]
            return 200, {}, json.dumps({"files": files}).encode()
        name = seen.path.removeprefix("/a/a1/work/")
        return (200, {}, self.work[name]) if self.work and name in self.work else refusing(404, "resource_not_found")


def given(**more: Any) -> Answer:
    headers = {"X-Evallab-Snapshot": json.dumps({**SNAPSHOT, **more})}
    return 200, headers, archive(tarfile.TarInfo("data/test.jsonl"))


def test_through_the_server(pod: Pod) -> None:
    with serving(Evallab(given()).answer) as server:
        assert pod.init(SOURCE, through_server=True, server=server.url) == 0, pod.log
    assert pod.files() == {"data/test.jsonl": DATA}
    record = pod.record()
    assert record.pop("fetched_at").endswith("Z")
    assert record == {**SNAPSHOT, "asked": "main", "files": 1, "size": len(DATA)}
    assert pod.job()["evallab"]["test_data"]["sha256"] == SHA


def test_a_server_that_is_away_or_breaks_off_is_asked_again(pod: Pod) -> None:
    whole = given()
    half = (200, {**whole[1], "Content-Length": str(len(whole[2]) // 2)}, whole[2][: len(whole[2]) // 2])
    away = refusing(503, "service_unavailable")
    with serving(Evallab((502, {}, b"<html>"), away, half, whole).answer) as server:
        assert pod.init(SOURCE, through_server=True, server=server.url) == 0, pod.log
    assert pod.files() == {"data/test.jsonl": DATA}


@pytest.mark.parametrize(
    ("answer", "fields", "reason"),
    [
        (refusing(400, "DatasetCredentials"), {}, "DatasetCredentials"),
        (refusing(422, "DatasetNotFound"), {}, "DatasetNotFound"),
        (refusing(507, "dataset_no_space"), {}, "DatasetNoSpace"),
        (refusing(403, "whatever"), {}, "DatasetUnavailable"),
        (given(), {"sha256": "0" * 64}, "DatasetHashMismatch"),
        (given(sha256="1" * 64), {}, "DatasetChanged"),
        ((200, {}, archive(link())), {}, "DatasetChanged"),
        ((200, {}, archive(tarfile.TarInfo("../../escaped"))), {}, "DatasetUnavailable"),
        (refusing(503, "service_unavailable"), {}, "DatasetTimeout"),
    ],
)
def test_reasons(pod: Pod, answer: Answer, fields: dict[str, Any], reason: str) -> None:
    seconds = 1 if reason == "DatasetTimeout" else 60
    with serving(Evallab(answer).answer) as server:
        code = pod.init({**SOURCE, **fields}, through_server=True, server=server.url, timeout_seconds=seconds)
    assert (code, pod.failure()["reason"]) == (1, reason)
    assert not (pod.root / "escaped").exists()


def test_work_of_the_last_attempt_is_restored(pod: Pod) -> None:
    work = {"answers.jsonl": DATA, "cache/deep": b"x"}
    with serving(Evallab((404, {}, b""), work=work).answer) as server:
        assert pod.init(None, restore=True, server=server.url) == 0, pod.log
        assert pod.init(None, restore=True, server=server.url) == 0, "and once more"
    found = {p.relative_to(pod.work).as_posix(): p.read_bytes() for p in pod.work.rglob("*") if p.is_file()}
    assert found == work
    assert (pod.work / "answers.jsonl").stat().st_mode & 0o777 == 0o666


def test_without_the_old_work_it_begins_anew(pod: Pod) -> None:
    with serving(Evallab((404, {}, b"")).answer) as server:
        assert pod.init(None, restore=True, server=server.url) == 0, pod.log
    assert (list(pod.work.iterdir()), "begins anew" in pod.log) == ([], True)
    assert pod.job()["id"] == "job-1"
