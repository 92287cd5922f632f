"""What goes wrong between a command and a server is said with its remedy, and has its exit code."""

from pathlib import Path

import pytest
from tests.acceptance.evalhub.running import free_port
from tests.acceptance.remote.far import Far


@pytest.mark.parametrize("command", [("jobs",), ("wait", "x")])
def test_nobody_is_there(far: Far, command: tuple[str, ...]) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    done = far(*command, EVALLAB_URL=url)
    assert (done.returncode, done.stdout) == (70, "")
    assert f"error: {url} cannot be reached: " in done.stderr
    assert "hint: Is it running" in done.stderr


def test_what_is_no_url_and_what_is_no_server(far: Far) -> None:
    done = far("jobs", EVALLAB_URL="evallab.example")
    assert (done.returncode, "'evallab.example' is not a URL" in done.stderr) == (2, True)
    done = far("jobs", EVALLAB_URL=f"{far.server.url}/elsewhere")
    assert done.returncode in {2, 70}


@pytest.mark.parametrize("command", ["show", "logs", "cancel"])
def test_a_job_that_is_not_there_names_the_nearest(far: Far, manifest: Path, command: str) -> None:
    far("run", "-f", str(manifest), "--set", "metadata.name=known-job", "--detach")
    done = far(command, "knwon-job")
    assert (done.returncode, done.stdout) == (2, "")
    assert "error: There is no job 'knwon-job'.\nhint: Near names: known-job" in done.stderr


def test_going_back_too_far(far: Far, manifest: Path) -> None:
    far("run", "-f", str(manifest), "--set", "metadata.name=only-one", "--detach")
    done = far("show", "only-one~1")
    assert (done.returncode, "there are 1 jobs named 'only-one'" in done.stderr) == (2, True)


def test_what_the_server_refuses_and_what_the_manifest_says_wrong(far: Far, manifest: Path) -> None:
    done = far("run", "-f", str(manifest), "--set", "spec.benchmarks[0].id=zz")
    assert (done.returncode, done.stderr) == (2, "error: The benchmark with id 'zz' does not exist.\n")
    done = far("run", "-f", str(manifest), "--set", "spec.retreis=1")
    assert (done.returncode, "unknown field" in done.stderr) == (2, True)
    done = far("run", "-f", str(manifest), "--parallel", "2")
    assert (done.returncode, "--parallel is of this machine" in done.stderr) == (2, True)


def test_tenants_see_their_own_jobs(far: Far, manifest: Path) -> None:
    done = far("run", "-f", str(manifest), "--set", "metadata.name=ours", "--detach", EVALLAB_TENANT="red")
    assert done.returncode == 0, done.stderr
    assert far("show", "ours", EVALLAB_TENANT="red").returncode == 0
    assert far("show", "ours", "--namespace", "red").returncode == 0
    assert far("show", "ours", EVALLAB_TENANT="blue").returncode == 2
