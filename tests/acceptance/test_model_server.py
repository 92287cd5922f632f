"""Must "Model server": reference, llamacpp, custom and a URL; shared, bounded, fingerprinted, gone at the end."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.command import EXAMPLES, Command

from evallab.modelserver.bundled import bundled

pytestmark = pytest.mark.slow
ARITH = "{providerId: lm_evaluation_harness, id: demo_arith, parameters: {limit: 20}}"
FACTS = "{providerId: lm_evaluation_harness, id: demo_facts, parameters: {limit: 20}}"
MANIFEST = """
apiVersion: evallab.dev/v1alpha1
kind: EvalJob
metadata: {{name: {name}}}
spec:
  model:
    name: demo
    serve: {serve}
  retries: 0
  benchmarks: [{benchmarks}]
"""


def run(
    evallab: Command, folder: Path, *, serve: str, benchmarks: str = ARITH, name: str = "served"
) -> tuple[int, Any]:
    path = folder / "job.yaml"
    path.write_text(MANIFEST.format(name=name, serve=serve, benchmarks=benchmarks))
    done = evallab("run", "-f", str(path), "--local", "--output", "json")
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def scores(report: Any) -> list[float]:
    return [each["score"]["value"] for each in report["benchmarks"]]


def test_llamacpp_answers_from_the_same_file_as_the_reference_server(evallab: Command, tmp_path: Path) -> None:
    (code, ours), (other_code, theirs) = (
        run(evallab, tmp_path, serve=f"{{runtime: {runtime}, source: {{bundled: demo-f16}}}}", name=runtime)
        for runtime in ("reference", "llamacpp")
    )
    assert (code, other_code) == (0, 0)
    assert scores(ours) == scores(theirs)
    prints = [evallab.json("show", name, "--provenance")["job"]["model_server"] for name in ("reference", "llamacpp")]
    assert prints[0]["fingerprint"] == prints[1]["fingerprint"]
    assert re.fullmatch("[0-9a-f]{64}", prints[0]["fingerprint"]["sha256"])


def test_llamacpp_asked_for_log_likelihood_is_refused_before_the_first_sample(evallab: Command, tmp_path: Path) -> None:
    code, report = run(
        evallab, tmp_path, serve="{runtime: llamacpp, source: {bundled: demo-f16}}", benchmarks=FACTS, name="no-echo"
    )
    assert code == 3
    assert "log-likelihood" in report["benchmarks"][0]["message"]
    assert evallab.sql("select count(*) from samples where job = 'no-echo'") == [["0"]]


def test_a_custom_command_with_a_port_and_a_health_path(evallab: Command, tmp_path: Path) -> None:
    command = f'{sys.executable} -m evallab.modelserver.reference \\"$MODEL\\" --port \\"$PORT\\" --name \\"$NAME\\"'
    serve = f'{{runtime: custom, source: {{bundled: demo-f16}}, healthPath: /health, command: "{command}"}}'
    code, report = run(evallab, tmp_path, serve=serve, benchmarks=f"{ARITH}, {FACTS}", name="custom")
    assert (code, report["state"]) == (0, "completed"), report


def test_a_server_that_dies_says_so_with_the_end_of_its_log(evallab: Command, tmp_path: Path) -> None:
    serve = '{runtime: custom, healthPath: /health, command: "echo the dog ate the weights >&2; exit 7 # $PORT"}'
    code, report = run(evallab, tmp_path, serve=serve, name="dies")
    assert (code, report["reason"]) == (3, "ModelServerFailed")
    assert "the dog ate the weights" in report["message"]


def test_readiness_is_bounded(evallab: Command, tmp_path: Path) -> None:
    serve = '{runtime: custom, healthPath: /health, readyTimeoutSeconds: 2, command: "sleep 600 # $PORT"}'
    code, report = run(evallab, tmp_path, serve=serve, name="never-ready")
    assert (code, report["reason"]) == (3, "ModelServerFailed")
    assert "2 s" in report["message"]


@pytest.fixture
def running_server() -> Iterator[str]:
    """A reference server that runs already."""
    argv = [sys.executable, "-m", "evallab.modelserver.reference", str(bundled("demo-f16")), "--name", "mine", "--port"]
    from evallab.runtimes.local.model_server import free_port

    port = free_port()
    with subprocess.Popen([*argv, str(port)]) as process:
        yield f"http://127.0.0.1:{port}/v1"
        process.terminate()


def test_a_server_that_runs_already_needs_no_manifest(evallab: Command, running_server: str) -> None:
    import time
    import urllib.error
    import urllib.request

    for _ in range(200):
        try:
            urllib.request.urlopen(running_server + "/models").close()
            break
        except urllib.error.URLError:
            time.sleep(0.1)
    done = evallab(
        "run", "--local", "--model", "mine", "--url", running_server,
        "-b", "lm_evaluation_harness/demo_facts", "--output", "json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["benchmarks"][0]["score"]["n"] == 120


def test_own_task_from_a_folder_of_the_user(evallab: Command) -> None:
    done = evallab("run", "-f", str(EXAMPLES / "own-task" / "evaljob.yaml"), "--local", "--output", "json")
    assert done.returncode == 0, (done.stderr, done.stdout)
    assert json.loads(done.stdout)["benchmarks"][0]["score"]["n"] == 12
