"""The real vLLM when it cannot: starts that fail, an engine that dies, processes that are killed. See `real_vllm`."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.command import EVALLAB, Command
from tests.acceptance.real_vllm import FLOAT32, VLLM, environ, manifest, model, run, untrained
from tests.acceptance.test_killing import answering, processes_of, until

from evallab.runtimes.local import processes
from evallab.runtimes.local.descent import descendants
from evallab.runtimes.local.processes import ProcessIdentity

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not VLLM, reason="VLLM names no vllm")]
FAILURES: dict[str, tuple[dict[str, Any], str, tuple[str, ...], str]] = {
    "an unknown architecture": ({"architectures": ["EvallabForCausalLM"]}, "", (), "does not know this architecture"),
    "no weights": ({}, "model.safetensors", (), "did not find the weights"),
    "a context beyond the memory": ({"max_position_embeddings": 4_194_304}, "", (), "but not the requests"),
    "an unknown quantisation": ({"quantization_config": {"quant_method": "other"}}, "", (), "quantised like this"),
    "an unknown argument": ({}, "", ("--no-such-flag",), "does not know one of its arguments"),
}


@pytest.fixture
def own(fresh_home: Path) -> Iterator[Command]:
    """A command in a home that only this test uses."""
    home = fresh_home / f"real-{os.urandom(4).hex()}"
    home.mkdir(mode=0o755)
    command = Command(home)
    yield command
    command("db", "stop")


@pytest.mark.parametrize("what", FAILURES)
def test_a_vllm_that_does_not_start_says_why(evallab: Command, tmp_path: Path, what: str) -> None:
    config, without, args, said = FAILURES[what]
    source = model(tmp_path / "model", config, without=without)
    code, report, errors = run(evallab, *manifest(evallab, "fails", *FLOAT32, *args, source=source))
    assert (code, report["reason"]) == (3, "ModelServerFailed"), errors
    assert said in report["message"], report["message"]


def test_an_engine_that_dies_at_a_request_is_started_again_and_then_given_up(evallab: Command, tmp_path: Path) -> None:
    source = untrained(tmp_path / "model", {"head_dim": 16})
    code, report, errors = run(evallab, *manifest(evallab, "dies", *FLOAT32, source=source))
    assert (code, report["state"], report["reason"]) == (3, "failed", "ModelServerFailed"), errors
    assert "The model server died 3 times, although each restart was asked half as much at once." in report["message"]
    assert "It said:\nRuntimeError: Worker failed with error 'Unsupported CPU attention" in report["message"]
    assert evallab.json("show", "dies", "--provenance")["job"]["model_server"]["deaths"] == 3


def of_vllm(pid: int) -> dict[str, ProcessIdentity]:
    """Return the processes of vLLM below a process, by the names that they give themselves."""
    found = {}
    for each in descendants(pid):
        stat = processes.read_stat(each)
        name = Path(f"/proc/{each}/comm").read_text().strip() if stat else ""
        if stat and name.lower().startswith("vllm"):
            found[name] = ProcessIdentity(each, stat.start_time, processes.boot_id())
    return found


@pytest.mark.parametrize("victim", ["evallab", "its shim and the server of the engine, too"])
def test_killed_nothing_is_left_of_vllm_when_the_next_job_has_run(own: Command, victim: str) -> None:
    argv = [str(EVALLAB), *manifest(own, "killed", *FLOAT32)]
    with subprocess.Popen(argv, env=environ(own), cwd=own.home, stdout=subprocess.DEVNULL) as running:
        until(lambda: answering(own), seconds=600)
        tree = of_vllm(running.pid)
        assert {"vllm", "VLLM::EngineCor"} < tree.keys()
        running.send_signal(signal.SIGKILL)
        if victim != "evallab":
            kill_shim(own)
            processes.send_signal(tree["vllm"], signal.SIGKILL)
    if victim == "evallab":
        until(lambda: not any(map(processes.is_running, tree.values())))
    code, report, errors = run(own, *manifest(own, "next", runtime="reference"))
    assert (code, report["state"]) == (0, "completed"), errors
    assert [name for name, each in tree.items() if processes.is_running(each)] == []


def kill_shim(command: Command) -> None:
    [shim] = [
        pid
        for pid, line in processes_of(command.home).items()
        if "shim.py" in line and f"{command.home}/lab/jobs" in line and "/model-server" in line
    ]
    os.kill(shim, signal.SIGKILL)
