"""`--context`: the server of a cluster, through `kubectl port-forward`; here a script that forwards to nowhere else."""

import json
import stat
from pathlib import Path

import pytest
import yaml
from tests.acceptance.remote.far import Far

KUBECONFIG = {
    "apiVersion": "v1",
    "kind": "Config",
    "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
    "users": [{"name": "u", "user": {"token": "of-the-context"}}],
    "contexts": [
        {"name": "lab", "context": {"cluster": "c", "user": "u", "namespace": "team"}},
        {"name": "other", "context": {"cluster": "c", "user": "u"}},
    ],
    "current-context": "other",
}


@pytest.fixture
def cluster(tmp_path: Path, far: Far) -> dict[str, str]:
    """An environment with a kubeconfig, and a kubectl that notes how it is called."""
    (tmp_path / "config").write_text(yaml.safe_dump(KUBECONFIG))
    kubectl = tmp_path / "kubectl"
    kubectl.write_text(
        f"""#!/bin/sh
printf '%s\\n' "$@" > {tmp_path}/called
case "$*" in *broken*) echo 'Error from server (NotFound): services "evallab" not found' >&2; exit 1;; esac
echo "Forwarding from 127.0.0.1:{far.server.port} -> 8080"
trap 'echo gone > {tmp_path}/ended; exit 0' TERM
while :; do sleep 0.1; done
"""
    )
    kubectl.chmod(kubectl.stat().st_mode | stat.S_IXUSR)
    path = f"{tmp_path}:{far.environ()['PATH']}"
    return {"EVALLAB_URL": "", "KUBECONFIG": str(tmp_path / "config"), "PATH": path}


def test_a_job_of_the_contexts_namespace(far: Far, manifest: Path, cluster: dict[str, str], tmp_path: Path) -> None:
    made = far("run", "-f", str(manifest), "--context", "lab", "-o", "json", **cluster)
    assert made.returncode == 0, made.stderr
    place = ["--context", "lab", "--namespace", "evallab"]
    forwarded = [*place, "port-forward", "service/evallab", ":http", "--address=127.0.0.1"]
    assert (tmp_path / "called").read_text().split("\n")[:-1] == forwarded
    assert (tmp_path / "ended").read_text() == "gone\n"
    job_id = json.loads(made.stdout)["id"]
    assert far.server.job(job_id)["resource"]["tenant"] == "team"
    assert far("show", job_id, "--context", "lab", "--namespace", "blue", **cluster).returncode == 2


def test_a_kubeconfig_need_not_have_a_current_context(far: Far, cluster: dict[str, str], tmp_path: Path) -> None:
    without = {name: value for name, value in KUBECONFIG.items() if name != "current-context"}
    (tmp_path / "config").write_text(yaml.safe_dump(without))
    done = far("jobs", "--context", "lab", **cluster)
    assert (done.returncode, done.stderr) == (0, "")


def test_another_service(far: Far, cluster: dict[str, str], tmp_path: Path) -> None:
    assert far("jobs", "--context", "other", **cluster, EVALLAB_SERVICE="lab/server").returncode == 0
    assert (tmp_path / "called").read_text().split()[:6] == [
        *("--context", "other", "--namespace", "lab", "port-forward", "service/server")
    ]


@pytest.mark.parametrize(
    ("context", "more", "code", "said"),
    [
        ("nobody", {}, 2, "The kube context 'nobody' cannot be used"),
        ("lab", {"EVALLAB_SERVICE": "broken/evallab"}, 70, 'services "evallab" not found'),
        ("lab", {"PATH": "/nowhere"}, 2, "--context needs kubectl"),
        ("lab", {"EVALLAB_URL": "http://127.0.0.1:9"}, 2, "both say where to go"),
    ],
)
def test_what_can_go_wrong(  # noqa: PLR0917 - parameters of the table
    far: Far, cluster: dict[str, str], context: str, more: dict[str, str], code: int, said: str
) -> None:
    done = far("jobs", "--context", context, **{**cluster, **more})
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr


def test_the_current_context_never_counts(far: Far, cluster: dict[str, str], tmp_path: Path) -> None:
    done = far("jobs", "-o", "json", **cluster)
    assert json.loads(done.stdout) == far.json("jobs", "--local")
    assert not (tmp_path / "called").exists()
