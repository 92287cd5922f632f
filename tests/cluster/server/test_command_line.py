"""`evallab --context`: jobs of a cluster from somebody's own computer; a script forwards the port, pods run nothing."""

import asyncio
import json
import os
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import yaml
from tests.cluster.operating import Operators, evaljob, played, until
from tests.cluster.server.replicas import Replica, Tenant, made

from evallab.store.postgres import PostgresStore

EVALLAB = Path(sys.executable).with_name("evallab")
PATIENCE_S = 180  #: two processes that start on a busy machine
FORWARDS = """#!/bin/sh
echo "Forwarding from 127.0.0.1:{port} -> 8080"
trap 'exit 0' TERM
while :; do sleep 0.1; done
"""


@dataclass(frozen=True)
class Command:
    """The command as a user of the cluster has it."""

    environ: dict[str, str]

    def start(self, *args: str) -> "subprocess.Popen[str]":
        pipe = subprocess.PIPE
        argv = [str(EVALLAB), *args, "--context", "lab"]
        return subprocess.Popen(argv, env=self.environ, stdout=pipe, stderr=pipe, stdin=subprocess.DEVNULL, text=True)

    def __call__(self, *args: str) -> tuple[int, str, str]:
        """Run it to its end; return exit code, stdout and stderr."""
        process = self.start(*args)
        out, err = process.communicate(timeout=PATIENCE_S)
        return process.returncode, out, err

    def said(self, *args: str) -> str:
        """Return what a command that succeeds prints."""
        code, out, err = self(*args)
        assert code == 0, err
        return out


@pytest.fixture
def command(team: Tenant, one: Replica, tmp_path: Path) -> Command:
    kubectl = tmp_path / "bin" / "kubectl"
    kubectl.parent.mkdir()
    kubectl.write_text(FORWARDS.format(port=one.port))
    kubectl.chmod(kubectl.stat().st_mode | stat.S_IXUSR)
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "u", "user": {"token": team.token()}}],
        "contexts": [{"name": "lab", "context": {"cluster": "c", "user": "u", "namespace": team.name}}],
    }
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(config))
    own = {"HOME": str(tmp_path), "LANG": "C.UTF-8", "EVALLAB_HOME": str(tmp_path / "lab"), "COLUMNS": "200"}
    place = {"KUBECONFIG": str(tmp_path / "kubeconfig"), "PATH": f"{kubectl.parent}:{os.environ['PATH']}"}
    return Command(own | place)


def manifest(folder: Path, provider: str, *, name: str, run_for: str) -> str:
    body = evaljob(name, podTemplate={"metadata": {"annotations": {"evallab.test/run-for": run_for}}}, retries=0)
    body["spec"] |= {"benchmarks": [{"providerId": provider, "id": "q"}], "priority": 7}
    file = folder / "evaljob.json"
    file.write_text(json.dumps(body))
    return str(file)


async def test_a_job_is_run_to_its_end_and_told(  # noqa: PLR0917 - fixtures
    team: Tenant, asking: httpx.Client, running: Operators, store: PostgresStore, command: Command, tmp_path: Path
) -> None:
    file = manifest(tmp_path, made(asking), name="far", run_for="5s")
    process = command.start("run", "-f", file)
    (body,) = await asyncio.to_thread(until, team.objects, seconds=PATIENCE_S, what="the object")
    uid = body["metadata"]["uid"]
    assert body["spec"]["priority"] == 7
    jobs = lambda: team.cluster.list("jobs", namespace=team.name, labels=f"evallab.dev/job={uid}")  # noqa: E731
    (job,) = await asyncio.to_thread(until, jobs, seconds=PATIENCE_S, what="a Job")
    await played(store, job["metadata"]["labels"]["evallab.dev/attempt"])
    out, err = await asyncio.to_thread(process.communicate, timeout=PATIENCE_S)
    assert (process.returncode, err) == (0, "")
    assert (out.startswith(f"far ({uid[:8]})"), "0.750" in out) == (True, True)
    assert await asyncio.to_thread(command.said, "show", "far") == out
    (line,) = json.loads(await asyncio.to_thread(command.said, "jobs", "-o", "json"))
    assert (line["id"], line["state"], line["scores"]) == (uid, "completed", [0.75])
    assert json.loads(await asyncio.to_thread(command.said, "show", "far", "--provenance", "-o", "json"))


def test_a_job_is_left_to_itself_listed_and_suspended(
    team: Tenant, asking: httpx.Client, running: Operators, command: Command, tmp_path: Path
) -> None:
    file = manifest(tmp_path, made(asking), name="left", run_for="600s")
    name, uid = command.said("run", "-f", file, "--detach").split()
    (body,) = team.objects()
    assert (name, uid) == ("left", body["metadata"]["uid"])
    object_name = body["metadata"]["name"]
    team.cluster.wait(f"ej/{object_name}", "condition=Running", namespace=team.name, seconds=PATIENCE_S)
    code, out, err = command("logs", "left")
    assert (code, "the log of the pod cannot be read now" in out) == (0, True), err  # fake nodes keep no logs

    assert "left" in command.said("suspend", "left")
    team.cluster.wait(f"ej/{object_name}", "condition=Suspended", namespace=team.name, seconds=PATIENCE_S)
    (line,) = json.loads(command.said("jobs", "-o", "json"))
    assert line["id"] == uid
