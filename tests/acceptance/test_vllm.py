"""The runtime `vllm` end to end: an environment per version, weights of a hub, and nothing left, whoever is killed.

The package that is installed is a stand-in (`wheels`): it takes vLLM's arguments, starts an engine process in a session
of its own and answers as a real server does. Real vLLM is for `make test-vllm` and `benchmarks/gpu_smoke.sh`.
"""

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.command import Command
from tests.acceptance.test_killing import processes_of, until
from tests.integration.datasets.servers import Hub, Server, serving
from tests.integration.modelserver.wheels import uv_environ, wheel

from evallab.modelserver.bundled import bundled

pytestmark = pytest.mark.slow
MANIFEST = """
apiVersion: evallab.dev/v1alpha1
kind: EvalJob
metadata: {{name: {name}}}
spec:
  model:
    name: tiny
    serve: {{runtime: vllm, {serve}}}
  retries: 0
  determinism: {{canary: "Off"}}
  benchmarks: [{{providerId: lm_evaluation_harness, id: demo_facts, parameters: {{limit: {limit}}}}}]
"""
FILES = {path.name: path.read_bytes() for path in bundled("demo-hf").iterdir() if path.is_file()}
SHARD = next(name for name in FILES if name.endswith(".safetensors"))


@pytest.fixture(scope="module")
def hub() -> Iterator[tuple[Hub, Server, str]]:
    """A hub with the demo model, and its commit."""
    hub = Hub(large=frozenset({SHARD}), kind="models")
    commit = hub.commit(FILES)
    with serving(hub.stored) as storage, serving(hub.answer) as server:
        hub.storage = storage.url
        yield hub, server, commit


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("index")
    wheel(folder, "9.9.1")
    return folder


@pytest.fixture
def own(fresh_home: Path) -> Iterator[Command]:
    """A command in a home that only this test uses."""
    home = fresh_home / f"vllm-{os.urandom(4).hex()}"
    home.mkdir(mode=0o755)
    command = Command(home)
    yield command
    command("db", "stop")


def environ(command: Command, index: Path, server: Server) -> dict[str, str]:
    cache = {"HF_HOME": str(command.home / "hf"), "HF_ENDPOINT": server.url}
    return {**command.environ, **cache, **uv_environ(index, command.home / "uv")}


def manifest(command: Command, *, serve: str, name: str = "tiny", limit: int = 20) -> tuple[str, ...]:
    path = command.home / "job.yaml"
    path.write_text(MANIFEST.format(name=name, serve=serve, limit=limit))
    return ("run", "-f", str(path), "--local", "--output", "json")


def test_weights_are_fetched_an_environment_is_made_and_both_are_found_again(
    own: Command, index: Path, hub: tuple[Hub, Server, str]
) -> None:
    _, server, commit = hub
    run = manifest(own, serve="version: 9.9.1, source: {hf: {repoId: acme/exam, revision: main}}")
    done = own(*run, environ=environ(own, index, server))
    assert done.returncode == 0, (done.stdout, done.stderr)
    [benchmark] = json.loads(done.stdout)["benchmarks"]
    assert benchmark["score"]["n"] == 20
    record = own.json("show", "tiny", "--provenance")["job"]["model_server"]
    assert record["weights"] == {"repository": "acme/exam", "asked": "main", "commit": commit}
    assert record["environment"]["packages"] == {"vllm": "9.9.1"}
    assert record["argv"] == [
        *("vllm", "serve", "acme/exam", "--host", "127.0.0.1", "--port", "PORT", "--served-model-name", "tiny"),
        *("--enable-tokenizer-info-endpoint", "--seed", "0", "--no-enable-prefix-caching"),
    ]
    assert record["env"] == {"DO_NOT_TRACK": "1", "VLLM_NO_USAGE_STATS": "1"}
    assert (record["server"]["id"], record["server"]["version"]) == ("tiny", "9.9.1")
    digests = {each["name"]: each["sha256"] for each in record["fingerprint"]["files"]}
    assert digests[SHARD] == hashlib.sha256(FILES[SHARD]).hexdigest()
    asked = len(server.requests)
    again = manifest(own, serve=f"version: 9.9.1, source: {{hf: {{repoId: acme/exam, revision: {commit}}}}}")
    offline = environ(own, index, server) | {"EVALLAB_OFFLINE": "1"}
    assert own(*again, environ=offline).returncode == 0
    assert len(server.requests) == asked
    listed = json.loads(own("envs", "list", "--output", "json").stdout)["environments"]
    assert [(each["name"], each["packages"]) for each in listed] == [("vllm-9.9.1", {"vllm": "9.9.1"})]


def refused(own: Command, environ: dict[str, str], serve: str) -> Any:
    done = own(*manifest(own, serve=serve), environ=environ)
    assert done.returncode == 3, (done.stdout, done.stderr)
    report = json.loads(done.stdout)
    assert report["reason"] == "ModelServerFailed"
    return report["message"]


def test_what_cannot_be_served_is_a_sentence_with_its_remedy(
    own: Command, index: Path, hub: tuple[Hub, Server, str]
) -> None:
    _, server, _ = hub
    here = environ(own, index, server)
    message = refused(own, here, "version: 8.8.8, source: {bundled: demo-hf}")
    assert "No such version fits this Python" in message
    message = refused(own, here, "version: 9.9.1, source: {hf: {repoId: acme/exam, revision: v7}}")
    assert "The model hf acme/exam@v7 has no such revision" in message
    message = refused(own, here, 'version: 9.9.1, source: {bundled: demo-hf}, args: ["--port", "1"]')
    assert "must not hold --port: evallab sets it" in message
    message = refused(own, here, 'version: 9.9.1, source: {bundled: demo-hf}, args: ["--max-model-len", "1"]')
    assert "The GPU's memory holds the weights, but not the requests." in message
    assert "set --max-model-len" in message
    message = refused(own, here, 'version: 9.9.1, source: {bundled: demo-hf}, args: ["--no-such-flag"]')
    assert "does not know one of its arguments" in message
    message = refused(own, here, "source: {bundled: demo-hf}")
    assert "There is no vllm here. Set serve.version" in message
    assert not [line for line in processes_of(own.home).values() if "evallab.modelserver.reference" in line]


def test_the_one_on_the_path_is_used_when_no_version_is_said(
    own: Command, index: Path, hub: tuple[Hub, Server, str], tmp_path: Path
) -> None:
    here, uv = environ(own, index, hub[1]), [str(Path(sys.executable).with_name("uv"))]
    subprocess.run([*uv, "venv", "-q", str(tmp_path / "theirs")], check=True, env=here)
    subprocess.run([*uv, "pip", "install", "-q", "-p", str(tmp_path / "theirs"), "vllm"], check=True, env=here)
    here["PATH"] = f"{tmp_path / 'theirs' / 'bin'}:{here['PATH']}"
    done = own(*manifest(own, serve="source: {bundled: demo-hf}"), environ=here)
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert not (own.home / "lab" / "environments" / "vllm-9.9.1").exists()


def engines(command: Command) -> list[int]:
    return [pid for pid, line in processes_of(command.home).items() if "evallab.modelserver.reference" in line]


def asking(command: Command) -> bool:
    return any((command.home / "lab" / "jobs").glob("*/*/work/answers.jsonl"))


@pytest.mark.parametrize("victim", ["evallab", "its shim too"])
def test_killed_nothing_is_left_of_the_server_and_its_engine(
    own: Command, index: Path, hub: tuple[Hub, Server, str], victim: str
) -> None:
    here = environ(own, index, hub[1])
    run = manifest(own, serve="version: 9.9.1, source: {bundled: demo-hf}", limit=120)
    with subprocess.Popen([str(Path(sys.executable).with_name("evallab")), *run], env=here, cwd=own.home) as running:
        until(lambda: asking(own))
        assert engines(own)
        running.send_signal(signal.SIGKILL)
        if victim != "evallab":
            for pid, line in processes_of(own.home).items():
                if "shim.py" in line and "model-server" in line:
                    os.kill(pid, signal.SIGKILL)
    if victim == "evallab":
        until(lambda: not engines(own))
    done = own(*manifest(own, serve="version: 9.9.1, source: {bundled: demo-hf}"), environ=here)
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert engines(own) == []


def test_a_home_that_is_killed_while_it_fetches_goes_on(
    own: Command, index: Path, hub: tuple[Hub, Server, str]
) -> None:
    model, _, commit = hub
    begun = threading.Event()

    def slow(seen: Any) -> Any:
        if not begun.is_set():
            begun.set()
            threading.Event().wait(2)
        return model.stored(seen)

    with serving(slow) as storage:
        before, model.storage = model.storage, storage.url
        run = manifest(own, serve=f"version: 9.9.1, source: {{hf: {{repoId: acme/exam, revision: {commit}}}}}")
        here = environ(own, index, hub[1])
        with subprocess.Popen([str(Path(sys.executable).with_name("evallab")), *run], env=here, cwd=own.home) as one:
            assert begun.wait(60)
            one.send_signal(signal.SIGKILL)
        done = own(*run, environ=here)
        model.storage = before
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert re.fullmatch("[0-9a-f]{40}", commit)
