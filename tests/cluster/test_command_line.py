"""`evallab --context`: jobs of a cluster from somebody's own computer, through the chart's Service."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.cluster.installation import Installed, conditions, faulty_job
from tests.cluster.running import CACHE

EVALLAB = Path(sys.executable).with_name("evallab")
Done = subprocess.CompletedProcess[str]
Command = Callable[..., Done]


@pytest.fixture
def command(evallab: Installed, namespace: str, tmp_path: Path) -> Command:
    """The command as a user of the cluster has it."""
    place = evallab.cluster.place
    environ = {
        "PATH": f"{CACHE / 'bin'}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "LANG": "C.UTF-8",
        "EVALLAB_HOME": str(tmp_path / "lab"),
        "KUBECONFIG": str(evallab.cluster.kubeconfig),
    }

    def run(*args: str) -> Done:
        return subprocess.run(
            [str(EVALLAB), *args, "--context", place.name, "--namespace", namespace],
            env=environ,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=300,
        )

    return run


def test_a_job_is_run_shown_and_listed(evallab: Installed, namespace: str, command: Command, tmp_path: Path) -> None:
    file = tmp_path / "evaljob.json"
    file.write_text(json.dumps(faulty_job("ok", name="from-afar")))
    done = command("run", "-f", str(file))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("from-afar (")
    assert "0.750" in done.stdout
    assert command("show", "from-afar").stdout == done.stdout
    assert "mode ok" in command("logs", "from-afar").stdout
    [line] = json.loads(command("jobs", "-o", "json").stdout)
    [made] = evallab.cluster.list("evaljobs", namespace=namespace)
    assert (line["id"], line["state"], line["scores"]) == (made["metadata"]["uid"], "completed", [0.75])


def test_an_applied_job_is_cancelled(evallab: Installed, namespace: str, command: Command) -> None:
    evallab.apply(faulty_job("sleep", name="long"), namespace=namespace)
    evallab.cluster.wait("ej/long", "condition=Running", namespace=namespace)
    done = command("cancel", "long")
    assert done.returncode == 0, done.stderr
    waited = command("wait", "long")
    assert (waited.returncode, " cancelled" in waited.stdout.splitlines()[0]) == (3, True)
    status = evallab.finished("long", namespace=namespace)
    assert (status["phase"], conditions(status)["Finished"][0]) == ("Cancelled", "True")
