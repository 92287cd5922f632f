"""An adapter written with EvalHub's public SDK, as its authors write theirs, runs unchanged in a pod."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.acceptance.evalhub.sdk_environment import REQUIREMENTS
from tests.cluster.images import ROOT, archive
from tests.cluster.installation import FOREIGN, Installed, faulty_job
from tests.cluster.running import Cluster

ADAPTER = ROOT / "tests" / "acceptance" / "evalhub" / "adapters" / "sdk_adapter.py"


@pytest.fixture(scope="module")
def image(cluster: Cluster, base: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The adapter and the SDK on the bare Python of `base`; what runs it is the image's entry point."""
    assert base
    opt = tmp_path_factory.mktemp("image") / "root" / "opt"
    opt.mkdir(parents=True)
    shutil.copy(ADAPTER, opt / "adapter.py")
    uv = str(Path(sys.executable).with_name("uv"))
    target = ("--target", str(opt / "sdk"), "--python-version", "3.11", "--only-binary", ":all:")
    subprocess.run([uv, "pip", "install", "--quiet", *target, "--require-hashes", "-r", REQUIREMENTS], check=True)
    for path in (opt, *opt.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    options = ("--base", str(archive("python-base")), "--env", "PYTHONPATH=/opt/sdk")
    entry = ("--entrypoint", '["python3", "/opt/adapter.py"]')
    cluster.place.kit("load-image", FOREIGN, str(opt.parent), *options, *entry)
    return FOREIGN


def test_it_runs_unchanged(evallab: Installed, image: str, namespace: str) -> None:
    benchmark = {"providerId": "foreign", "id": "tiny", "parameters": {"acc": 0.625}}
    job = faulty_job("foreign", benchmark=benchmark)
    evallab.apply(job, namespace=namespace)
    status = evallab.finished(job["metadata"]["name"], namespace=namespace)
    assert status["phase"] == "Completed", status
    rows = evallab.rows("SELECT metrics FROM evallab_tables.results WHERE job_id = %s", status["jobId"])
    assert rows == [{"metrics": {"acc": 0.625, "note": "text-metric"}}]
    (pod,) = evallab.cluster.list("pods", namespace=namespace)
    (adapter,) = pod["spec"]["containers"]
    assert (adapter["image"], "command" in adapter) == (image, False)
    log = evallab.cluster.logs(f"pod/{pod['metadata']['name']}", namespace=namespace, container="adapter")
    assert "EVALUATION COMPLETE" in log
