"""Test data from each kind of source lies verified where the adapter reads it, or the reason is written down."""

import hashlib
from pathlib import Path

import pytest
from tests.integration.datasets.servers import Bucket, Hub, Seen, repository, serving
from tests.integration.initializer.conftest import SPEC, Pod

DATA = b'{"q": 1}\n' * 100
SHA = hashlib.sha256(DATA).hexdigest()
FILES = {
    "README.md": b"---\nconfigs:\n- config_name: main\n  data_files: [{split: test, path: data/test.jsonl}]\n---\n",
    "data/test.jsonl": DATA,
}


def one_file(_: Seen) -> tuple[int, dict[str, str], bytes]:
    return 200, {}, DATA


def test_a_url(pod: Pod) -> None:
    with serving(one_file) as web:
        source = {"http": f"{web.url}/exam.jsonl?sig=topsecret", "sha256": SHA, "confidential": True}
        assert pod.init(source) == 0, pod.log
    assert pod.files() == {"exam.jsonl": DATA}
    told = {
        "path": str(pod.test_data),
        "source": f"http {web.url}/exam.jsonl",
        "revision": SHA[:16],
        "sha256": SHA,
        "files": ["exam.jsonl"],
        "confidential": True,
    }
    assert pod.job() == {**SPEC, "evallab": {"attempt_id": "a1", "seed": 7, "test_data": told}}
    record = pod.record()
    assert record.pop("fetched_at").endswith("Z")
    assert record.pop("snapshot").startswith("http/exam.jsonl-")
    assert record == {
        "source": f"http {web.url}/exam.jsonl",
        "asked": None,
        "revision": SHA[:16],
        "sha256": SHA,
        "files": 1,
        "size": len(DATA),
    }
    assert "topsecret" not in pod.log + (pod.root / "data" / "test_data.json").read_text()


def test_files_are_readable_by_whoever_the_adapter_is(pod: Pod) -> None:
    hub = Hub()
    sha = hub.commit(FILES)
    with serving(hub.answer) as server:
        source = {"hf": {"repo_id": "acme/exam", "revision": sha}}
        assert pod.init(source, environ={"HF_ENDPOINT": server.url}) == 0, pod.log
    modes = {path.name: path.stat().st_mode & 0o777 for path in pod.test_data.rglob("*")}
    assert modes == {"README.md": 0o444, "data": 0o755, "test.jsonl": 0o444}


def test_a_dataset_of_the_hub_with_a_token(pod: Pod) -> None:
    hub = Hub(token="hf-secret", gated=True)
    sha = hub.commit(FILES)
    source = {"hf": {"repo_id": "acme/exam", "revision": "main", "secret_ref": "my-secret"}}
    with serving(hub.answer) as server:
        environ = {"HF_ENDPOINT": server.url}
        assert (pod.init(source, environ=environ), pod.failure()["reason"]) == (1, "DatasetCredentials")
        pod.secret(token="hf-secret")
        assert pod.init(source, environ=environ) == 0, pod.log
    assert (pod.files(), pod.record()["revision"], pod.record()["asked"]) == (FILES, sha, "main")


def test_git_with_a_password(pod: Pod, tmp_path: Path) -> None:
    commit = repository(tmp_path / "origin", {"exam/test.jsonl": "{}\n", "other": "x"})
    source = {"git": {"url": f"file://{tmp_path}/origin", "ref": "main", "sub_path": "exam"}}
    assert pod.init(source) == 0, pod.log
    assert (pod.files(), pod.record()["revision"]) == ({"test.jsonl": b"{}\n"}, commit)


def test_a_bucket(pod: Pod) -> None:
    with serving(Bucket({"exam/test.jsonl": DATA, "exam/more.jsonl": b"{}"}).answer) as server:
        pod.secret(
            AWS_ACCESS_KEY_ID="AKIDEXAMPLE",
            AWS_SECRET_ACCESS_KEY="shh",
            AWS_DEFAULT_REGION="eu-west-1",
            AWS_S3_ENDPOINT=server.url,
        )
        assert pod.init({"s3": {"bucket": "lab", "key": "exam", "secret_ref": "s"}}) == 0, pod.log
    assert pod.files() == {"test.jsonl": DATA, "more.jsonl": b"{}"}
    assert "shh" not in pod.log


def test_bundled_data(pod: Pod) -> None:
    assert pod.init({"bundled": "code"}) == 0, pod.log
    assert [*pod.files()] == pod.job()["evallab"]["test_data"]["files"]


def test_a_volume_is_verified_and_listed(pod: Pod) -> None:
    (pod.test_data / "exam").mkdir()
    (pod.test_data / "exam" / "test.jsonl").write_bytes(DATA)
    (pod.test_data / "linked.jsonl").symlink_to("exam/test.jsonl")
    (pod.test_data / "outside").symlink_to("/etc/passwd")
    lines = f"{SHA}  exam/test.jsonl\n{SHA}  linked.jsonl\n"
    total = hashlib.sha256(lines.encode()).hexdigest()
    source = {"pvc": {"claim_name": "exams", "sub_path": "v1"}}
    assert pod.init({**source, "sha256": total}) == 0, pod.log
    assert pod.job()["evallab"]["test_data"]["files"] == ["exam/test.jsonl", "linked.jsonl"]
    assert (pod.record()["snapshot"], pod.record()["source"]) == (f"pvc/exams@{total[:16]}", "pvc exams (v1)")
    assert (pod.init({**source, "sha256": "0" * 64}), pod.failure()["reason"]) == (1, "DatasetHashMismatch")


@pytest.mark.parametrize(
    ("answer", "fields", "reason"),
    [
        ((404, {}, b""), {}, "DatasetNotFound"),
        ((403, {}, b""), {}, "DatasetCredentials"),
        ((200, {}, DATA), {"sha256": "0" * 64}, "DatasetHashMismatch"),
        ((200, {"Content-Length": str(10**15)}, b""), {}, "DatasetNoSpace"),
        ((500, {}, b""), {}, "DatasetUnavailable"),
        ((503, {"Retry-After": "30"}, b""), {"timeout_seconds": 0.5}, "DatasetTimeout"),
    ],
)
def test_each_failure_has_its_own_reason(
    pod: Pod, answer: tuple[int, dict[str, str], bytes], fields: dict[str, object], reason: str
) -> None:
    seconds = {"timeout_seconds": 60, **fields}["timeout_seconds"]
    given = {name: value for name, value in fields.items() if name != "timeout_seconds"}
    with serving(lambda _: answer) as web:
        assert pod.init({"http": f"{web.url}/exam.jsonl?sig=topsecret", **given}, timeout_seconds=seconds) == 1
    failure = pod.failure()
    assert (failure["reason"], sorted(failure)) == (reason, ["message", "reason", "remedy"])
    assert failure["message"]
    assert failure["remedy"]
    assert "topsecret" not in pod.log + str(failure)
    assert not (pod.root / "meta" / "job.json").exists()


def test_a_disk_that_is_full_while_it_is_written(pod: Pod) -> None:
    with serving(lambda _: (200, {}, DATA * 1000)) as web:
        assert pod.init({"http": f"{web.url}/exam.jsonl"}, largest_file=100_000) == 1
    assert pod.failure()["reason"] == "DatasetNoSpace"


def test_a_path_is_not_in_the_cluster(pod: Pod) -> None:
    assert (pod.init({"path": "exam.jsonl"}), pod.failure()["reason"]) == (1, "DatasetNotFound")


def test_run_again_it_ends_the_same(pod: Pod) -> None:
    with serving(one_file) as web:
        source = {"http": f"{web.url}/exam.jsonl"}
        assert pod.init(source) == 0, pod.log
        first = (pod.files(), pod.job())
        (pod.test_data / "half").write_text("what a predecessor began")
        (pod.test_data / ".evallab-fetching").mkdir()
        assert pod.init(source) == 0, pod.log
    assert (pod.files(), pod.job()) == first


def test_a_broken_configuration_is_said(pod: Pod) -> None:
    assert pod.init({"http": 3}) == 1
    assert pod.failure() == {
        "reason": "InitFailed",
        "message": f"{pod.root}/etc/init.json is not valid: source.http: Input should be a valid string.",
        "remedy": "Operator and image should be of the same version.",
    }


def test_without_data_job_json_is_passed_on(pod: Pod) -> None:
    assert pod.init(None) == 0, pod.log
    assert pod.job() == SPEC
