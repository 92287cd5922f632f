"""What an adapter sends to `/model` reaches the model with the real credential, and the answer comes back untouched."""

import json
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.integration.sidecar.conftest import Pod, eventually, free_port
from tests.integration.sidecar.models import Model, model_server
from tests.integration.sidecar.server import Server

KEY = "sk-the-real-one"


@pytest.fixture
def model() -> Iterator[Model]:
    with model_server() as running:
        yield running


@pytest.fixture
def beside(tmp_path: Path, peer: Server, model: Model) -> Iterator[Pod]:
    """A pod before that model, with its credential."""
    pod = Pod(tmp_path / "pod", peer.url, model=f"{model.url}/v1").make()
    (pod.root / "secret" / "api-key").write_text(f"{KEY}\n")
    yield pod.start()
    pod.kill()


def headers_of(model: Model) -> dict[str, Any]:
    return {name: value for name, value in model.requests[-1]["headers"].items() if name != "host"}


def test_the_real_credential_takes_the_place_of_the_adapters(beside: Pod, model: Model) -> None:
    body = json.dumps({"messages": ["x" * 1000]}).encode()
    answer = httpx.post(
        f"{beside.url}/model/v1/chat/completions?a=%2Fb&a=c",
        content=body,
        headers={"Authorization": "Bearer dummy", "X-Own": "1", "Content-Type": "application/json"},
    )
    assert (answer.status_code, answer.json()) == (200, {"bytes": len(body)})
    assert answer.headers["x-model"] == "yes"
    assert (model.requests[-1]["path"], model.requests[-1]["body"]) == ("/v1/chat/completions?a=%2Fb&a=c", body)
    seen = headers_of(model)
    assert (seen["authorization"], seen["x-own"]) == (f"Bearer {KEY}", "1")
    assert seen["user-agent"].startswith("python-httpx/")


def test_a_key_by_reference(beside: Pod, model: Model) -> None:
    (beside.root / "secret" / "judge_api-key").write_text("sk-judge")
    (beside.root / "secret" / "hf-token").write_text("hf-secret")
    url = f"{beside.url}/model/v1/models"
    asked = ["judge_api-key", "api-key", "absent_api-key", "hf-token", "../token"]
    answers = [httpx.get(url, headers={"Authorization": f"Bearer {name}:ref"}) for name in asked]
    assert [each.status_code for each in answers] == [200, 200, 400, 400, 200]
    used = [each["headers"]["authorization"] for each in model.requests]
    assert used == ["Bearer sk-judge", f"Bearer {KEY}", f"Bearer {KEY}"]
    assert answers[2].json()["error"]["message"] == "The job's model secret has no key 'absent_api-key'."


def test_a_rotated_key_and_none_at_all(beside: Pod, model: Model) -> None:
    (beside.root / "secret" / "api-key").write_text("sk-rotated")
    httpx.get(f"{beside.url}/model/v1/models", headers={"Authorization": "Bearer mine"})
    (beside.root / "secret" / "api-key").unlink()
    httpx.get(f"{beside.url}/model/v1/models", headers={"Authorization": "Bearer mine"})
    assert [each["headers"].get("authorization") for each in model.requests] == ["Bearer sk-rotated", None]


def test_answers_stream(beside: Pod, model: Model) -> None:
    with httpx.stream("POST", f"{beside.url}/model/v1/stream", json={}) as answer:
        parts = answer.iter_raw()
        assert next(parts) == b"data: 1\n\n", "the first part comes before the second exists"
        model.go_on.set()
        assert b"".join(parts) == b"data: 2\n\n" * 200
    assert answer.headers["content-type"] == "text/event-stream"


def test_a_large_body_streams_upwards(beside: Pod, model: Model) -> None:
    parts = (b"x" * 100_000 for _ in range(50))
    answer = httpx.post(f"{beside.url}/model/v1/upload", content=parts)
    assert answer.json() == {"bytes": 5_000_000}
    answer = httpx.post(f"{beside.url}/model/v1/upload", content=b"y" * 5_000_000)
    assert (answer.json(), headers_of(model)["content-length"]) == ({"bytes": 5_000_000}, "5000000")


def test_refusals_and_redirects_are_the_models_own(beside: Pod, model: Model) -> None:
    refused = httpx.get(f"{beside.url}/model/v1/refused")
    assert (refused.status_code, refused.json(), refused.headers["retry-after"]) == (429, {"error": "slow down"}, "7")
    redirected = httpx.get(f"{beside.url}/model/v1/away")
    assert redirected.status_code == 307
    assert redirected.headers["location"] == f"{beside.url}/model/v1/there?x=1"
    assert httpx.get(f"{beside.url}/model/v1/away", follow_redirects=True).json() == {"bytes": 0}


def test_an_answer_that_breaks_off_breaks_off(beside: Pod) -> None:
    with (
        pytest.raises(httpx.RemoteProtocolError),
        httpx.stream("GET", f"{beside.url}/model/v1/broken") as answer,
    ):
        assert b"".join(answer.iter_raw()) == b"never whole"
    assert "Traceback" not in beside.log


def test_an_adapter_that_leaves_ends_the_request_upstream(beside: Pod, model: Model) -> None:
    with httpx.stream("POST", f"{beside.url}/model/v1/stream", json={}) as answer:
        next(answer.iter_raw())
    eventually(model.left.is_set)


def test_connections_are_kept(beside: Pod, model: Model) -> None:
    with httpx.Client() as client:
        for _ in range(20):
            client.post(f"{beside.url}/model/v1/chat/completions", json={})
    assert len(model.connections) == 1


def test_a_model_that_is_away(tmp_path: Path, peer: Server) -> None:
    port = free_port()
    pod = Pod(tmp_path / "pod", peer.url, model=f"http://user:{KEY}@127.0.0.1:{port}/v1").make()
    (pod.root / "secret" / "api-key").write_text(KEY)
    try:
        answer = httpx.post(f"{pod.start().url}/model/v1/chat/completions", json={})
    finally:
        pod.kill()
    sentence = f"The model at http://127.0.0.1:{port} does not answer (ClientConnectorError)."
    said = {"error": {"message": sentence, "type": "evallab_model_proxy", "code": 502}}
    assert (answer.status_code, answer.json()) == (502, said)
    assert KEY not in pod.log + str(answer.headers)


def test_a_job_without_an_endpoint(pod: Pod) -> None:
    assert httpx.get(f"{pod.start().url}/model/v1/models").status_code == 404


def test_events_are_taken_beside_a_model_that_hangs(beside: Pod, model: Model) -> None:
    with socket.create_connection(("127.0.0.1", beside.port)) as hanging:
        hanging.sendall(b"GET /model/v1/stream HTTP/1.1\r\nHost: x\r\n\r\n")
        eventually(lambda: len(model.requests) == 1)
        assert beside.post().status_code == 204


def test_the_endpoints_own_certificate(tmp_path: Path, peer: Server) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=model",
            "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]  # fmt: skip
    subprocess.run(made, check=True, capture_output=True)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate, key)
    with model_server(tls) as model:
        pod = Pod(tmp_path / "pod", peer.url, model=f"{model.url}/v1").make()
        try:
            url = f"{pod.start().url}/model/v1/models"
            assert httpx.get(url).status_code == 502, "nobody vouches for it"
            (pod.root / "secret" / "ca_cert").write_text(certificate.read_text())
            assert httpx.get(url).status_code == 200
            (pod.root / "secret" / "ca_cert").write_text("no certificate")
            assert httpx.get(url).status_code == 502
        finally:
            pod.kill()
