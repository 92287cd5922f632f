"""Test data of every kind of source in real pods: the adapter reads it, or the attempt says why there is none."""

import hashlib
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.cluster.installation import Installed, faulty_job, hub_port
from tests.cluster.running import Json
from tests.integration.datasets.servers import Answer, Bucket, Hub, Seen, repository, serving

DATA = b'{"q": "1+1?", "a": "2"}\n'
SHA = hashlib.sha256(DATA).hexdigest()
README = b"---\nconfigs:\n- config_name: main\n  data_files: [{split: test, path: data/test.jsonl}]\n---\n"
KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "shh", "AWS_DEFAULT_REGION": "eu-west-1"}


def run(evallab: Installed, namespace: str, source: Json, **spec: Any) -> tuple[Json, str]:
    """Return the status of a job with test data, and what its adapter read."""
    job = faulty_job("data", benchmark={"testDataRef": source}, **spec)
    evallab.apply(job, namespace=namespace)
    status = evallab.finished(job["metadata"]["name"], namespace=namespace)
    (pod,) = evallab.cluster.list("pods", namespace=namespace, labels=f"evallab.dev/job={status['jobId']}")
    if status["phase"] != "Completed":
        return status, ""
    return status, evallab.cluster.logs(f"pod/{pod['metadata']['name']}", namespace=namespace, container="adapter")


def read(status: Json, log: str, name: str) -> None:
    """Require that the adapter read the file."""
    assert status["phase"] == "Completed", status
    assert f"{name} {DATA.decode().strip()}" in log


def one_file(_: Seen) -> Answer:
    return 200, {}, DATA


def test_a_url_and_its_hash(evallab: Installed, namespace: str) -> None:
    with serving(one_file, at=(evallab.cluster.host, 0)) as web:
        read(*run(evallab, namespace, {"http": f"{web.url}/exam.jsonl", "sha256": SHA}), "exam.jsonl")


FAILURES: dict[str, tuple[Answer, Json, str]] = {
    "DatasetHashMismatch": ((200, {}, DATA), {"sha256": "0" * 64}, "sha256"),
    "DatasetNotFound": ((404, {}, b""), {}, "404"),
    "DatasetCredentials": ((403, {}, b""), {}, "403"),
}


@pytest.mark.parametrize("reason", FAILURES)
def test_each_failure_has_its_own_reason(evallab: Installed, namespace: str, reason: str) -> None:
    answer, fields, word = FAILURES[reason]
    with serving(lambda _: answer, at=(evallab.cluster.host, 0)) as web:
        status, _ = run(evallab, namespace, {"http": f"{web.url}/exam.jsonl", **fields})
    assert (status["phase"], status["benchmarks"][0]["reason"]) == ("Failed", reason)
    assert word in status["message"]
    assert evallab.attempts(status["jobId"]) == [("failed", reason)]


def test_a_git_repository(evallab: Installed, namespace: str, tmp_path: Path) -> None:
    commit = repository(tmp_path / "origin", {"exam/test.jsonl": DATA.decode(), "other": "x"})

    def answer(seen: Seen) -> Answer:
        path = tmp_path / "origin" / ".git" / urlsplit(seen.path).path.removeprefix("/origin.git/")
        return (200, {}, path.read_bytes()) if path.is_file() else (404, {}, b"")

    with serving(answer, at=(evallab.cluster.host, 0)) as web:
        source = {"url": f"{web.url}/origin.git", "ref": "main", "subPath": "exam"}
        status, log = run(evallab, namespace, {"git": source})
    read(status, log, "test.jsonl")
    assert f'"revision": "{commit}"' in log


def test_a_bucket_with_credentials(evallab: Installed, namespace: str) -> None:
    with serving(Bucket({"exam/test.jsonl": DATA}).answer, at=(evallab.cluster.host, 0)) as store:
        secret = {**KEYS, "AWS_S3_ENDPOINT": store.url}
        frame = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "keys"}, "stringData": secret}
        evallab.cluster.apply(frame, namespace=namespace)
        source = {"bucket": "lab", "key": "exam", "secretRef": {"name": "keys"}}
        read(*run(evallab, namespace, {"s3": source}), "test.jsonl")


def test_a_claim(evallab: Installed, namespace: str, tmp_path: Path) -> None:
    folder = tmp_path / "volume" / "v1"
    folder.mkdir(parents=True)
    (folder / "test.jsonl").write_bytes(DATA)
    for each in (folder, *folder.parents):
        if each.is_relative_to(tmp_path.parents[1]):
            each.chmod(0o755)
    name, size = f"exams-{secrets.token_hex(3)}", {"storage": "1Mi"}
    modes: Json = {"accessModes": ["ReadOnlyMany"], "storageClassName": ""}
    place = {"hostPath": {"path": str(tmp_path / "volume")}, "claimRef": {"name": "exams", "namespace": namespace}}
    volume = {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}}
    evallab.cluster.apply({**volume, "spec": {**modes, "capacity": size, **place}})
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "exams"}}
    wanted = {**modes, "resources": {"requests": size}, "volumeName": name}
    evallab.cluster.apply({**claim, "spec": wanted}, namespace=namespace)
    try:
        source = {"claimName": "exams", "subPath": "v1"}
        read(*run(evallab, namespace, {"pvc": source}), "test.jsonl")
    finally:
        evallab.cluster.kubectl("delete", "pv", name, "--wait=false")


def test_the_hub_through_the_cache_of_the_server(evallab: Installed, namespace: str) -> None:
    """The pod reaches its model and the server, nothing else."""
    hub = Hub()
    sha = hub.commit({"README.md": README, "data/test.jsonl": DATA})
    with serving(hub.answer, at=(evallab.cluster.host, hub_port(evallab.cluster))) as server:
        source = {"hf": {"repoId": "acme/exam", "revision": "main"}}
        status, log = run(evallab, namespace, source, network="ModelOnly")
        asked = server.paths()
    read(status, log, "data/test.jsonl")
    assert f'"revision": "{sha}"' in log
    assert asked


def test_bundled_data(evallab: Installed, namespace: str) -> None:
    status, log = run(evallab, namespace, {"bundled": "code"})
    assert status["phase"] == "Completed", status
    assert ".jsonl" in log
