"""Commands that go to a server say what they say at home, and end with the same exit codes."""

import json
import signal
import subprocess
from pathlib import Path

import pytest
import yaml
from tests.acceptance.remote.far import SLEEPS, Far


def test_a_run_is_told_as_at_home(far: Far, manifest: Path) -> None:
    done = far("run", "-f", str(manifest), "--set", "metadata.name=told")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("told (")
    assert done.stdout == far.said("show", "told") == far.said("show", "told", "--local")
    for form in (("-o", "json"), ("-o", "junit"), ("--metrics",)):
        assert far.said("show", "told", *form) == far.said("show", "told", "--local", *form)
    assert far.said("show", "told", "--provenance") == far.said("show", "told", "--local", "--provenance")
    assert far.said("logs", "told") == far.said("logs", "told", "--local")
    assert far.said("logs", "told", "--follow") == far.said("logs", "told", "--follow", "--local")
    assert far.said("logs", "told", "-b", "a", "--tail", "1") == "end\n"


def test_the_report_has_what_the_manifest_said(far: Far, manifest: Path) -> None:
    report = far.json("run", "-f", str(manifest), "--set", "metadata.name=whole")
    assert report["model"] == {"name": "m", "family": "fam", "parent": None, "change": "four bits"}
    assert report["overall"]["value"] == pytest.approx((3 * 0.75 + 1 - 0.125) / 4)
    assert [each["score"]["value"] for each in report["benchmarks"]] == [0.75, 0.125]


def test_failures_are_told_as_at_home_with_their_exit_code(far: Far, manifest: Path) -> None:
    bad = (
        "--set",
        "spec.benchmarks[0].parameters.fail=no such thing",
        "--set",
        "spec.benchmarks[1].parameters.crash=3",
    )
    done = far("run", "-f", str(manifest), "--set", "metadata.name=bad", *bad)
    assert done.returncode == 3
    assert "AdapterRefused: no such thing" in done.stdout
    assert "ExitedNonZero: The adapter exited with code 3" in done.stdout
    here = far("show", "bad", "--local").stdout
    assert done.stdout == far("show", "bad").stdout == here
    assert far("wait", "bad").returncode == 3


def test_a_gate_that_fails(far: Far, manifest: Path) -> None:
    done = far("run", "-f", str(manifest), "--set", "spec.benchmarks[0].parameters.acc=0.1")
    assert (done.returncode, "misses the threshold 0.25" in done.stdout) == (1, True)


def test_jobs_are_listed_as_at_home(far: Far, manifest: Path) -> None:
    far.said("run", "-f", str(manifest), "--set", "metadata.name=listed")
    for args in (("--limit", "3"), ("--state", "completed"), ("--name", "nobody")):
        assert far.json("jobs", *args) == far.json("jobs", "--local", *args)
    [line] = far.json("jobs", "--name", "listed", "--limit", "1")
    assert (line["scores"], line["progress"], line["validity"]) == ([0.75, 0.125], "2/2", "degraded")


def test_either_face_and_no_file(far: Far, tmp_path: Path) -> None:
    body = {
        "name": "rest",
        "model": {"name": "m", "url": "http://127.0.0.1:9/v1"},
        "benchmarks": [{"provider_id": "plain", "id": "a", "parameters": {"acc": 1}}],
    }
    file = tmp_path / "request.json"
    file.write_text(json.dumps(body))
    assert far.json("run", "-f", str(file))["name"] == "rest"
    made = far.json("run", "--model", "m2", "--url", "http://127.0.0.1:9/v1", "-b", "plain/b")
    assert (made["name"], [each["id"] for each in made["benchmarks"]]) == ("m2", ["b"])


def test_a_dry_run_posts_nothing(far: Far, manifest: Path) -> None:
    done = far("run", "-f", str(manifest), "--set", "metadata.name=dry", "--dry-run")
    assert yaml.safe_load(done.stdout)["would_run"]["name"] == "dry"
    assert far.json("jobs", "--name", "dry") == []


def test_detached_then_cancelled_then_waited_for(far: Far, manifest: Path) -> None:
    begun = far("run", "-f", str(manifest), "--set", "metadata.name=left", "--set", f"{SLEEPS}=60", "--detach")
    name, job_id = begun.stdout.split()
    assert (name, "evallab wait" in begun.stderr) == ("left", True)
    assert far.running("left") == job_id
    assert far.said("cancel", job_id[:12]) == f"left ({job_id[:8]}): cancelled, its end was requested\n"
    waited = far("wait", "left")
    assert (waited.returncode, waited.stdout.splitlines()[0].split()[:3]) == (
        3,
        ["left", f"({job_id[:8]})", "cancelled,"],
    )
    assert far.said("cancel", "left") == f"left ({job_id[:8]}): cancelled, there is nothing to cancel\n"


def test_ctrl_c_cancels_what_runs_there(far: Far, manifest: Path) -> None:
    process = far.start("run", "-f", str(manifest), "--set", "metadata.name=cut", "--set", f"{SLEEPS}=60")
    far.running("cut")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, "cancelling" in err) == (130, True)
    assert out.startswith("cut (")
    assert far.json("jobs", "--name", "cut")[0]["state"] == "cancelled"


def test_ctrl_c_ends_the_waiting_only(far: Far, manifest: Path) -> None:
    far.said("run", "-f", str(manifest), "--set", "metadata.name=lasting", "--set", f"{SLEEPS}=60", "--detach")
    far.running("lasting")
    for args in (("wait", "lasting"), ("logs", "lasting", "--follow")):
        process = far.start(*args)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(4)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
        assert process.returncode == 130
    assert far.json("jobs", "--name", "lasting")[0]["state"] == "running"
    far.said("cancel", "lasting")


def test_resumed_and_run_again(far: Far, manifest: Path, tmp_path: Path) -> None:
    once = f"spec.benchmarks[0].parameters.once={tmp_path / 'once'}"
    assert far("run", "-f", str(manifest), "--set", "metadata.name=back", "--set", once).returncode == 3
    resumed = far("resume", "back")
    assert (resumed.returncode, "completed" in resumed.stdout.splitlines()[0]) == (0, True)
    again = far.json("rerun", "back", "--set", "spec.benchmarks[0].parameters.acc=0.5")
    assert [each["score"]["value"] for each in again["benchmarks"]] == [0.5, 0.125]
    assert far.json("show", "back")["id"] == again["id"]
    assert far.json("show", "back~1")["id"] != again["id"]
    done = far("resume", "back")
    assert (done.returncode, "can not be resumed because it is 'completed'" in done.stderr) == (2, True)


def test_a_server_that_restarts_is_waited_for(alone: Far, manifest: Path) -> None:
    process = alone.start("run", "-f", str(manifest), "--set", f"{SLEEPS}=4")
    alone.running("far")
    alone.server.kill()
    alone.server.start()
    out, err = process.communicate(timeout=90)
    assert (process.returncode, err) == (0, "")
    assert out == alone.said("show", "far")
