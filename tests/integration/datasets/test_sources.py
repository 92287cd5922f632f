"""Plain URLs, git, S3, and what is on this machine."""

import base64
import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from tests.integration.datasets.conftest import NOW
from tests.integration.datasets.servers import Answer, Bucket, Seen, repository, serving

from evallab.datasets.failures import DatasetChanged, DatasetCredentials, DatasetFailed, DatasetNotFound, FetchStopped
from evallab.datasets.fetching import Fetcher
from evallab.datasets.snapshots import Snapshots
from evallab.datasets.sources import Source, parse
from evallab.datasets.watch import Watch

DATA = b'{"q": 1}\n' * 100


def test_a_file_behind_a_url(fetcher: Fetcher) -> None:
    with serving(lambda _: (200, {"ETag": '"v1"'}, DATA)) as web:
        source = parse(f"{web.url}/evals/own%20test.jsonl?sig=topsecret")
        snapshot = fetcher.fetch(source, Watch())
        fetcher.fetch(source, Watch())
        assert len(web.requests) == 1
    assert (snapshot.content / "own test.jsonl").read_bytes() == DATA
    digest = hashlib.sha256(DATA).hexdigest()
    assert (snapshot.manifest.sha256, snapshot.manifest.revision) == (digest, digest[:16])
    assert snapshot.manifest.detail == {"etag": '"v1"'}
    assert "topsecret" not in snapshot.id + (snapshot.directory / "manifest.json").read_text() + repr(source)


@pytest.mark.parametrize(
    ("status", "reason"), [(404, DatasetNotFound), (401, DatasetCredentials), (403, DatasetCredentials)]
)
def test_a_refusal_has_its_reason_and_tells_no_secret(
    fetcher: Fetcher, status: int, reason: type[DatasetFailed]
) -> None:
    with serving(lambda _: (status, {}, b"")) as web, pytest.raises(reason) as raised:
        fetcher.fetch(parse(f"{web.url}/x.jsonl?sig=topsecret"), Watch())
    assert "topsecret" not in str(raised.value)


def test_a_server_in_trouble_is_asked_again(fetcher: Fetcher) -> None:
    answers: list[Answer] = [(503, {"Retry-After": "0"}, b""), (429, {}, b""), (200, {}, DATA)]
    with serving(lambda _: answers.pop(0)) as web:
        fetcher.fetch(parse(f"{web.url}/x.jsonl"), Watch())
    with serving(lambda _: (503, {}, b"")) as web, pytest.raises(DatasetFailed, match="could not be fetched"):
        fetcher.fetch(parse(f"{web.url}/x.jsonl"), Watch())


def test_a_fetch_that_nobody_waits_for_ends(fetcher: Fetcher) -> None:
    watch = Watch()

    def answer(_: Seen) -> Answer:
        watch.stop()
        return 200, {}, DATA

    with serving(answer) as web, pytest.raises(FetchStopped):
        fetcher.fetch(parse(f"{web.url}/x.jsonl"), watch)
    assert fetcher.snapshots.all() == []


def test_a_path_is_copied_and_a_change_is_another_revision(fetcher: Fetcher, tmp_path: Path) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "test.jsonl").write_bytes(DATA)
    (folder / ".hidden").write_text("x")
    first = fetcher.for_job("job-1", 0, parse(str(folder)), Watch())
    assert [each.path for each in first.manifest.files] == ["test.jsonl"]
    (folder / "test.jsonl").write_bytes(DATA * 2)
    second = fetcher.fetch(parse(str(folder)), Watch())
    assert second.id != first.id
    assert fetcher.for_job("job-1", 0, parse(str(folder)), Watch()).id == first.id, "a retry asks the same questions"
    assert fetcher.for_job("job-2", 0, parse(str(folder)), Watch()).id == second.id


def test_bundled_data(fetcher: Fetcher) -> None:
    snapshot = fetcher.fetch(parse("bundled:code"), Watch())
    assert [each.path for each in snapshot.manifest.files] == ["code.jsonl"]
    with pytest.raises(DatasetNotFound, match="no bundled dataset 'cod'") as raised:
        fetcher.fetch(parse("bundled:cod"), Watch())
    assert raised.value.remedy == "Did you mean 'code'?"


def test_snapshots_are_ours_alone_and_read_only(fetcher: Fetcher) -> None:
    snapshot = fetcher.fetch(parse("bundled:code"), Watch())
    modes = {path: path.stat().st_mode & 0o777 for path in (snapshot.directory, *snapshot.directory.rglob("*"))}
    assert set(modes.values()) == {0o700, 0o400}
    assert fetcher.snapshots.root.stat().st_mode & 0o777 == 0o700


def test_git_over_a_path_with_branch_tag_and_sub_path(fetcher: Fetcher, tmp_path: Path) -> None:
    commit = repository(tmp_path / "repo", {"data/test.jsonl": "{}\n", "other.txt": "x"})
    source = Source(kind="git", location=f"file://{tmp_path}/repo", revision="main")
    snapshot = fetcher.fetch(source, Watch())
    assert [each.path for each in snapshot.manifest.files] == ["data/test.jsonl", "other.txt"]
    assert snapshot.manifest.revision == commit
    inside = fetcher.fetch(replace(source, revision=commit, sub_path="data"), Watch())
    assert [each.path for each in inside.manifest.files] == ["test.jsonl"]
    with pytest.raises(DatasetNotFound):
        fetcher.fetch(replace(source, revision="nowhere"), Watch())
    with pytest.raises(DatasetNotFound):
        fetcher.fetch(replace(source, location=f"file://{tmp_path}/nothing"), Watch())


def test_git_over_http_with_a_password(fetcher: Fetcher, tmp_path: Path) -> None:
    commit = repository(tmp_path / "repo", {"test.jsonl": "{}\n"})
    login = "Basic " + base64.b64encode(b"me:sesame").decode()

    def answer(seen: Seen) -> Answer:
        if seen.headers["Authorization"] != login:
            return 401, {"WWW-Authenticate": 'Basic realm="git"'}, b""
        file = tmp_path / "repo" / ".git" / seen.path.partition("?")[0].removeprefix("/repo.git/")
        return (200, {}, file.read_bytes()) if file.is_file() else (404, {}, b"")

    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "username").write_text("me")
    (secret / "password").write_text("sesame")
    with serving(answer) as web:
        source = Source(kind="git", location=f"{web.url}/repo.git", revision="main")
        with pytest.raises(DatasetCredentials) as raised:
            fetcher.fetch(source, Watch())
        assert fetcher.fetch(replace(source, secret=secret), Watch()).manifest.revision == commit
    assert "sesame" not in str(raised.value)


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    folder = tmp_path / "keys"
    folder.mkdir()
    (folder / "AWS_ACCESS_KEY_ID").write_text("AKIDEXAMPLE")
    (folder / "AWS_SECRET_ACCESS_KEY").write_text("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
    return folder


def test_an_object_and_a_prefix_of_a_bucket(fetcher: Fetcher, keys: Path) -> None:
    bucket = Bucket({"exam/test.jsonl": b"a", "exam/more/train.jsonl": b"bb", "exam-other": b"c"})
    with serving(bucket.answer) as server:
        (keys / "AWS_ENDPOINT_URL").write_text(server.url)
        one = fetcher.fetch(parse("s3://lab/exam/test.jsonl", secret=keys), Watch())
        several = fetcher.fetch(parse("s3://lab/exam", secret=keys), Watch())
        with pytest.raises(DatasetNotFound):
            fetcher.fetch(parse("s3://lab/nothing", secret=keys), Watch())
        with pytest.raises(DatasetNotFound):
            fetcher.fetch(parse("s3://nobody/exam", secret=keys), Watch())
        bucket.key_id = "another"
        with pytest.raises(DatasetCredentials) as raised:
            fetcher.fetch(parse("s3://lab/exam", secret=keys), Watch(), refresh=True)
    assert [each.path for each in one.manifest.files] == ["test.jsonl"]
    assert [each.path for each in several.manifest.files] == ["more/train.jsonl", "test.jsonl"]
    assert "wJalr" not in str(raised.value)


def test_half_a_key_is_no_key(fetcher: Fetcher, keys: Path) -> None:
    (keys / "AWS_SECRET_ACCESS_KEY").unlink()
    with pytest.raises(DatasetCredentials, match="only half of a key"):
        fetcher.fetch(parse("s3://lab/exam", secret=keys), Watch())
    with pytest.raises(DatasetCredentials, match="no directory"):
        fetcher.fetch(parse("s3://lab/exam", secret=keys / "nothing"), Watch())


def test_a_link_in_a_snapshot_is_a_change(fetcher: Fetcher) -> None:
    snapshot = fetcher.fetch(parse("bundled:code"), Watch())
    (snapshot.content / "code.jsonl").unlink()
    (snapshot.content / "code.jsonl").symlink_to("/etc/hostname")
    with pytest.raises(DatasetChanged, match="not a plain file"):
        Fetcher(snapshots=Snapshots(fetcher.snapshots.root), now=lambda: NOW).fetch(parse("bundled:code"), Watch())
