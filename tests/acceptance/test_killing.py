"""kill -9 of evallab, Postgres or its supervisor in the middle of a job: nothing is lost, no orphan stays."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.command import EVALLAB, EXAMPLES, Command

pytestmark = pytest.mark.slow
RUN = ("run", "-f", str(EXAMPLES / "quickstart.yaml"), "--local", "--output", "json")


def until(condition: Callable[[], object], *, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.1)


def processes_of(home: Path) -> dict[int, str]:
    """Every living process that names this home in its command line or environment."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            text = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            stat = (entry / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if str(home).encode() in text and stat != "Z" and int(entry.name) != os.getpid():
            found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
    return found


def answering(command: Command) -> bool:
    """A benchmark's answers are arriving."""
    return any((command.home / "lab" / "jobs").glob("*/*/work/answers.jsonl"))


@pytest.fixture
def own(tmp_path_factory: pytest.TempPathFactory, fresh_home: Path) -> Command:
    """A command in a home that only this test uses."""
    home = fresh_home / f"killing-{os.urandom(4).hex()}"
    home.mkdir(mode=0o755)
    return Command(home)


def test_killing_evallab_leaves_no_orphan_and_the_next_command_buries_its_job(own: Command) -> None:
    running = own.start(*RUN)
    until(lambda: answering(own))
    os.kill(running.pid, signal.SIGKILL)
    running.communicate()
    until(
        lambda: (
            not [line for line in processes_of(own.home).values() if "evallab_adapters" in line or "reference" in line]
        )
    )
    until(lambda: not processes_of(own.home))  # Postgres and its supervisor leave when nobody uses them
    done = own(*RUN)
    assert done.returncode == 0, done.stderr
    jobs = own.sql("select name, state, reason from jobs order by created_at")
    assert jobs == [["quickstart", "failed", "OwnerDied"], ["quickstart", "completed", "Completed"]]
    own("db", "stop")


@pytest.mark.parametrize("victim", ["postgres", "supervisor"])
def test_killing_the_database_loses_no_committed_row(own: Command, victim: str) -> None:
    with own.start(*RUN) as running:
        until(lambda: answering(own))
        before = own.sql("select count(*) from events")
        os.kill(_pid(own, victim), signal.SIGKILL)
        stdout, stderr = running.communicate(timeout=300)
    assert running.returncode == 0, stderr
    assert json.loads(stdout)["state"] == "completed"
    assert int(own.sql("select count(*) from events")[0][0]) > int(before[0][0]) - 1
    [[samples]] = own.sql("select count(*) from samples")
    assert int(samples) == sum(each["score"]["n"] for each in json.loads(stdout)["benchmarks"])
    own("db", "stop")


def _pid(command: Command, victim: str) -> int:
    for pid, line in processes_of(command.home).items():
        is_supervisor = "supervisor" in line
        is_postgres = not is_supervisor and "/postgres " in line and " -D " in line
        if (victim == "supervisor" and is_supervisor) or (victim == "postgres" and is_postgres):
            return pid
    raise AssertionError(f"no {victim} among {processes_of(command.home)}")


def test_ctrl_c_is_a_clean_cancel(own: Command) -> None:
    with own.start(*RUN) as running:
        until(lambda: answering(own))
        running.send_signal(signal.SIGINT)
        stdout, stderr = running.communicate(timeout=120)
    assert running.returncode == 130, stderr
    assert json.loads(stdout)["state"] in {"cancelled", "partially_failed"}
    assert not [line for line in processes_of(own.home).values() if "adapters" in line or "reference" in line]
    own("db", "stop")


def test_cancel_from_another_terminal(own: Command) -> None:
    with own.start(*RUN) as running:
        until(lambda: answering(own))
        assert own("cancel", "quickstart").returncode == 0
        stdout, _ = running.communicate(timeout=120)
    assert running.returncode == 3
    assert json.loads(stdout)["state"] in {"cancelled", "partially_failed"}
    logs = own("logs", "quickstart")
    assert (logs.returncode, bool(logs.stdout)) == (0, True), logs.stderr
    own("db", "stop")


def test_two_commands_at_once_share_the_database_and_take_turns(own: Command) -> None:
    limited = [*RUN, "--set", "spec.benchmarks[0].parameters.limit=10", "--set", "spec.timeoutSeconds=600"]
    both = [own.start(*limited), own.start(*limited)]
    ends = [(process.communicate(timeout=300), process.returncode) for process in both]
    assert [code for _, code in ends] == [0, 0], ends
    spans = own.sql("select started_at, finished_at from attempts order by started_at")
    assert all(earlier[1] <= later[0] for earlier, later in pairwise(spans))
    own("db", "stop")


def test_as_an_ordinary_user(fresh_home: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("the whole suite runs as an ordinary user already")
    home = fresh_home / "ordinary"
    home.mkdir(mode=0o700)
    os.chown(home, 65534, 65534)
    command = Command(home)
    ordinary: dict[str, Any] = {"user": 65534, "group": 65534, "extra_groups": [], "env": command.environ, "cwd": home}
    try:
        subprocess.run([sys.executable, "-c", "import evallab"], check=True, capture_output=True, **ordinary)
    except (PermissionError, subprocess.CalledProcessError):
        pytest.skip("the checkout or its Python lies where an ordinary user may not look")
    done = subprocess.run([str(EVALLAB), *RUN], capture_output=True, text=True, check=False, **ordinary)
    assert done.returncode == 0, done.stderr
