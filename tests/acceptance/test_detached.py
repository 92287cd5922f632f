"""`run --detach`: the job outlives the command, its terminal and the background process itself."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from tests.acceptance.command import EVALLAB, EXAMPLES, Command
from tests.acceptance.test_killing import answering, processes_of, until

pytestmark = pytest.mark.slow
DETACHED = ("run", "-f", str(EXAMPLES / "quickstart.yaml"), "--local", "--detach")


@pytest.fixture
def own(fresh_home: Path) -> Iterator[Command]:
    """A command in a home that only this test uses; nothing of it runs on after a failure."""
    home = fresh_home / f"detached-{os.urandom(4).hex()}"
    home.mkdir(mode=0o755)
    yield Command(home)
    for pid in processes_of(home):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def background(command: Command) -> list[int]:
    """The background processes of this home: one at most."""
    lines = processes_of(command.home).items()
    return [pid for pid, line in lines if "evallab.local.background" in line]


def left_behind(command: Command) -> list[str]:
    """What still runs of this home, the database aside, which leaves when it is idle."""
    return [line for line in processes_of(command.home).values() if "postgres" not in line]


def complete(command: Command, job_id: str) -> None:
    """The job ended as if nothing had happened: every question asked once, in one attempt per benchmark."""
    done = command("wait", job_id, "--output", "json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["id"], report["state"]) == (job_id, "completed")
    assert command.sql("select number, state, reason from attempts") == [["1", "completed", "Completed"]] * 4
    [[samples, questions]] = command.sql(
        "select count(*), count(distinct (job_id, index, doc_id, repeat)) from samples"
    )
    assert samples == questions == str(sum(each["score"]["n"] for each in report["benchmarks"]))
    until(lambda: not left_behind(command))
    command("db", "stop")


def test_it_returns_before_the_job_ends_and_survives_its_terminal(own: Command) -> None:
    script = f'{EVALLAB} "$@" --output json; sleep 600'
    argv = ["sh", "-c", script, "sh", *DETACHED]
    with subprocess.Popen(
        argv, cwd=own.home, env=own.environ, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, start_new_session=True
    ) as terminal:
        assert terminal.stdout is not None
        said = json.loads(b"".join(iter(terminal.stdout.readline, b"}\n")) + b"}")
        assert (said["name"], said["state"], said["position"]) == ("quickstart", "pending", 1)
        until(lambda: answering(own))
        assert own.json("show", said["id"])["state"] == "running"
        os.killpg(terminal.pid, signal.SIGHUP)
    assert len(background(own)) == 1
    complete(own, said["id"])


def test_killing_the_background_process_loses_and_doubles_nothing(own: Command) -> None:
    done = own(*DETACHED)
    assert done.returncode == 0, done.stderr
    name, job_id = done.stdout.split()
    assert name == "quickstart"
    assert f"evallab wait {job_id[:8]}" in done.stderr
    until(lambda: answering(own))
    [first] = background(own)
    os.kill(first, signal.SIGKILL)
    until(lambda: not background(own))
    running = left_behind(own)
    assert any("evallab_adapters" in line for line in running), running
    assert any("reference" in line for line in running), running
    [line] = own.json("jobs")  # any command that looks at jobs has it go on
    assert (line["id"], line["state"]) == (job_id, "running")
    [second] = background(own)
    assert second != first
    os.kill(second, signal.SIGTERM)  # told to leave, it leaves what runs to the next
    until(lambda: not background(own))
    complete(own, job_id)


def test_a_detached_job_is_cancelled_though_its_process_was_killed(own: Command) -> None:
    job_id = own(*DETACHED).stdout.split()[1]
    until(lambda: answering(own))
    [pid] = background(own)
    os.kill(pid, signal.SIGKILL)
    assert own("cancel", job_id).returncode == 0
    assert own("wait", job_id).returncode == 3
    assert own.json("show", job_id)["state"] in {"cancelled", "partially_failed"}
    until(lambda: not left_behind(own))
    own("db", "stop")


def test_priority_then_first_come(own: Command) -> None:
    few = [part for index in range(4) for part in ("--set", f"spec.benchmarks[{index}].parameters.limit=5")]
    first = own(*DETACHED, "--set", "metadata.name=first").stdout.split()[1]
    until(lambda: answering(own))
    for name, priority in {"late": 0, "urgent": 5}.items():
        own(*DETACHED, *few, "--set", f"metadata.name={name}", "--set", f"spec.priority={priority}")
    assert {line["name"]: line["position"] for line in own.json("jobs")} == {"first": None, "urgent": 1, "late": 2}
    assert "pending (2nd)" in own("jobs").stdout
    assert own("wait", "late").returncode == 0
    assert own.json("show", first)["state"] == "completed"
    assert own.sql("select name from jobs order by started_at") == [["first"], ["urgent"], ["late"]]
    until(lambda: not left_behind(own))
    own("db", "stop")
