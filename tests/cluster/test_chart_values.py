"""Values that the chart refuses, in words that a person understands; the demo Postgres; what `helm test` runs."""

import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import yaml
from tests.cluster.chart import CHART, DATABASE, Helm, given, one

from evallab.api.read import read_job

Json = dict[str, Any]


@pytest.fixture
def helm(programs: None, tmp_path: Path) -> Helm:
    return Helm(tmp_path)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"imag": {}}, "additional properties 'imag' not allowed"),
        ({"image": {"tga": "1"}}, "at '/image': additional properties 'tga' not allowed"),
        ({"image": {"digest": "abc"}}, "at '/image/digest': 'abc' does not match pattern"),
        ({"rbac": {"scope": "everywhere"}}, "at '/rbac/scope': value must be one of 'cluster', 'namespace'"),
        ({"watchNamespaces": "team-a"}, "at '/watchNamespaces': got string, want array"),
        ({"attempts": {"jobTtlSeconds": 0}}, "at '/attempts/jobTtlSeconds': minimum: got 0, want 1"),
        ({"attempts": {"defaultNetwork": "Modelonly"}}, "at '/attempts/defaultNetwork': value must be one of"),
        ({"telemetry": {"dcgm": {"service": "http://x"}}}, "at '/telemetry/dcgm/service': 'http://x' does not match"),
        ({"modelServerImages": {"vlm": "x"}}, "at '/modelServerImages': additional properties 'vlm' not allowed"),
        ({"operator": {"replicas": "two"}}, "at '/operator/replicas': got string, want integer"),
        ({"server": {"extraEnv": [{"value": "x"}]}}, "at '/server/extraEnv/0': missing property 'name'"),
        ({"server": {"datasetSecrets": [{"namespace": "a", "name": "b"}]}}, "missing property 'secret'"),
        ({"providers": {"a/b.yaml": "id: x"}}, "invalid propertyName 'a/b.yaml'"),
    ],
)
def test_what_the_schema_refuses(helm: Helm, values: Json, said: str) -> None:
    assert said in helm.refusal(DATABASE | values)


def test_a_database_is_needed(helm: Helm) -> None:
    said = helm.refusal({})
    assert "evallab keeps its results in Postgres, and no database was named. Make a Secret in namespace" in said
    assert "evallab whose key `uri` is a postgresql:// URL" in said
    assert "--set postgres.existingSecret=NAME" in said
    assert "--set postgres.demo.enabled=true" in said


def test_one_database_is_enough(helm: Helm) -> None:
    both = {"postgres": {"existingSecret": "a", "demo": {"enabled": True}}}
    assert "Give either postgres.existingSecret or postgres.demo.enabled=true, not both." in helm.refusal(both)


def test_the_demo_database_is_the_one_that_is_used(helm: Helm) -> None:
    objects = helm.objects({"postgres": {"demo": {"enabled": True, "password": "a b+/@:%"}}})
    secret = one(objects, "Secret")
    url = urlsplit(secret["stringData"]["uri"])
    assert (url.username, unquote(url.password or ""), url.hostname, url.port, url.path) == (
        "evallab",
        secret["stringData"]["password"],
        "evallab-demo-postgres.evallab.svc",
        5432,
        "/evallab",
    )
    assert secret["stringData"]["password"] == "a b+/@:%"
    for part in ("operator", "server"):
        env = one(objects, "Deployment", f"evallab-{part}")["spec"]["template"]["spec"]["containers"][0]["env"]
        reference = {"name": secret["metadata"]["name"], "key": "uri"}
        assert {"name": "EVALLAB_DATABASE_URL", "valueFrom": {"secretKeyRef": reference}} in env


def test_the_demo_database_with_and_without_a_volume(helm: Helm) -> None:
    with_volume = one(helm.objects(given("demo")), "StatefulSet")["spec"]
    without = one(helm.objects({"postgres": {"demo": {"enabled": True}}}), "StatefulSet")["spec"]
    assert with_volume["volumeClaimTemplates"][0]["spec"]["resources"] == {"requests": {"storage": "1Gi"}}
    assert [each["name"] for each in with_volume["template"]["spec"]["volumes"]] == ["tmp"]
    assert {"name": "data", "emptyDir": {}} in without["template"]["spec"]["volumes"]


def test_the_job_of_the_self_test_is_valid(helm: Helm) -> None:
    pod = one(helm.objects(DATABASE), "Pod", "evallab-selftest")
    env = {each["name"]: each["value"] for each in pod["spec"]["containers"][0]["env"]}
    manifest = json.loads(env["MANIFEST"])
    manifest["metadata"] = {"name": "selftest-x"}  # generateName is the API server's
    job = read_job(json.dumps(manifest).encode(), file="selftest.json")
    assert [(each.provider_id, each.id) for each in job.benchmarks] == [("evallab_selftest", "installation")]
    assert (env["NAMESPACE"], env["SECONDS_TO_WAIT"]) == ("evallab", "240")
    assert pod["metadata"]["annotations"]["helm.sh/hook"] == "test"


def test_the_adapter_of_the_self_test_reports_its_score(helm: Helm, tmp_path: Path) -> None:
    text = one(helm.objects(DATABASE), "ConfigMap")["data"]["providers.evallab-selftest.yaml"]
    entrypoint = yaml.safe_load(text)["runtime"]["k8s"]["entrypoint"]
    assert entrypoint[2].strip() == (CHART / "files" / "selftest_adapter.py").read_text().strip()
    heard: list[tuple[str, Json]] = []

    class Server(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            heard.append((self.path, body["benchmark_status_event"]))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Server) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            spec = tmp_path / "job.json"
            about = {"provider_id": "evallab_selftest", "benchmark_id": "installation", "benchmark_index": 0}
            url = f"http://127.0.0.1:{server.server_port}/a/7"
            spec.write_text(json.dumps({"id": "j", "callback_url": url, **about}))
            subprocess.run(
                [sys.executable, *entrypoint[1:]], env={"EVALHUB_JOB_SPEC_PATH": str(spec)}, check=True, timeout=60
            )
        finally:
            server.shutdown()
            thread.join()

    named = {"provider_id": "evallab_selftest", "id": "installation", "benchmark_index": 0}
    assert heard == [
        ("/a/7/api/v1/evaluations/jobs/j/events", {**named, "status": "running", "phase": "running_evaluation"}),
        ("/a/7/api/v1/evaluations/jobs/j/events", {**named, "status": "completed", "metrics": {"works": 1.0}}),
    ]
