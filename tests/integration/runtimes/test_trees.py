"""Whole trees of processes: whoever dies, every process ends and the end is known."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from evallab.runtimes.interface import Exit
from evallab.runtimes.local import processes
from evallab.runtimes.local.processes import ProcessIdentity

if TYPE_CHECKING:
    from tests.integration.runtimes.conftest import Attempts

STUBBORN = """
import os, signal, time
if os.fork() == 0:
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if os.fork() == 0:
        os.environ.clear()
        os.execve("/bin/sh", ["sh", "-c", "trap '' TERM; echo deep; while :; do sleep 0.1; done"], {"PATH": os.defpath})
    time.sleep(600)
time.sleep(600)
"""

RENAMED = """
import os, time
if os.fork():
    time.sleep(600)
with open("/proc/self/stat") as stat, open("/proc/self/mem", "r+b") as memory:
    begin, end = map(int, stat.read().rpartition(")")[2].split()[47:49])
    memory.seek(begin)
    memory.write(bytes(end - begin - 8))  # the title is shorter than what was there
print(f"renamed {os.getpid()}", flush=True)
time.sleep(600)
"""

STARTER = """
import asyncio, json, sys
from pathlib import Path
from functools import partial
from evallab.api.contract import JobSpec
from evallab.runtimes.interface import Launch
from evallab.runtimes.local import runtime as module
from evallab.runtimes.local.runtime import LocalRuntime
from evallab.runtimes.local.shim_pool import ShimPool

given = json.loads(sys.argv[1])
launch = Launch(**{**given["launch"], "spec": JobSpec(**given["launch"]["spec"])})
root = Path(given["root"])
if given["warm"]:
    module.launch_shim = partial(module.launch_shim, pool=ShimPool())
runtime = LocalRuntime(
    home=root / "home", jobs_dir=root / "jobs", environ=given["environ"], python=sys.executable, orphan_grace=0.3
)
sys.stdout.write(json.dumps(asyncio.run(runtime.start(launch))) + "\\n")
sys.stdout.flush()
sys.stdin.read()
"""


def stubborn(attempts: "Attempts") -> str:
    """Return a command whose children leave the session, drop their environment and ignore TERM."""
    file = attempts.root / "stubborn.py"
    file.write_text(STUBBORN)
    return f"{sys.executable} {file}"


def starter(attempts: "Attempts", command: str, *, attached: bool) -> "subprocess.Popen[str]":
    """Return a process that starts an attempt, says its handle, and waits."""
    launch = attempts.launch(command, attached=attached)
    fields = {**vars(launch), "spec": launch.spec.model_dump(mode="json")}
    given = json.dumps(
        {"launch": fields, "root": str(attempts.root), "environ": attempts.environ, "warm": attempts.warm}
    )
    return subprocess.Popen(
        [sys.executable, "-c", STARTER, given], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


async def start_and_die(attempts: "Attempts", command: str, *, attached: bool, wait_for: str) -> dict[str, Any]:
    """Start an attempt in a process that is killed once the attempt has said something."""
    with starter(attempts, command, attached=attached) as process:
        assert process.stdout is not None
        handle: dict[str, Any] = json.loads(process.stdout.readline())
        await attempts.said(handle, wait_for)
        process.kill()
    return handle


def shim_of(handle: Mapping[str, Any]) -> ProcessIdentity:
    return ProcessIdentity.from_record(json.loads((Path(handle["attempt_dir"]) / "started.json").read_text()))


async def test_a_detached_attempt_outlives_its_starter(attempts: "Attempts") -> None:
    gate = attempts.root / "gate"
    command = f"echo here; while [ ! -e {gate} ]; do sleep 0.05; done; exit 5"
    handle = await start_and_die(attempts, command, attached=False, wait_for="here")
    assert await attempts.is_state(handle, "running")
    gate.touch()
    found = await attempts.end(handle)
    assert found == Exit(code=5, finished_at=found.finished_at)


async def test_an_attached_attempt_ends_with_its_starter(attempts: "Attempts") -> None:
    handle = await start_and_die(attempts, stubborn(attempts), attached=True, wait_for="deep")
    found = await attempts.end(handle)
    assert found == Exit(signal=signal.SIGTERM, orphaned=True, finished_at=found.finished_at)
    await attempts.gone(handle)


async def test_an_attached_attempt_that_ended_before_its_starter_is_no_orphan(attempts: "Attempts") -> None:
    handle = await start_and_die(attempts, "echo here", attached=True, wait_for="here")
    found = await attempts.end(handle)
    assert found.code in {0, None}
    assert found.orphaned is (found.code is None)


async def test_stop_kills_who_ignores_it(attempts: "Attempts") -> None:
    handle = await attempts.start(stubborn(attempts))
    await attempts.said(handle, "deep")
    tree = processes.marked("EVALLAB_ATTEMPT_ID", handle["attempt_id"])
    assert len(tree) >= 4
    await attempts.runtime.stop(handle, grace_seconds=0.2)
    found = await attempts.end(handle)
    assert found == Exit(signal=signal.SIGTERM, finished_at=found.finished_at)
    assert not any(processes.is_running(process) for process in tree if process != shim_of(handle))
    record = json.loads((Path(handle["attempt_dir"]) / "exit.json").read_text())
    assert (record["stopped"], record["orphaned"]) == (True, False)


async def test_stop_lets_an_adapter_finish_in_its_grace_period(attempts: "Attempts") -> None:
    handle = await attempts.start("trap 'echo saved; exit 9' TERM; echo here; while :; do sleep 0.05; done")
    await attempts.said(handle, "here")
    await attempts.new_runtime().stop(handle, grace_seconds=60)
    assert (await attempts.end(handle)).code == 9
    assert attempts.runtime.log_tail(handle, lines=1) == "saved\n"


async def test_a_second_stop_shortens_the_grace_period(attempts: "Attempts") -> None:
    handle = await attempts.start("trap '' TERM; echo here; while :; do sleep 0.05; done")
    await attempts.said(handle, "here")
    await attempts.runtime.stop(handle, grace_seconds=3600)
    assert await attempts.is_state(handle, "running")
    await attempts.runtime.stop(handle, grace_seconds=0)
    assert (await attempts.end(handle)).signal == signal.SIGKILL


async def test_who_is_stopped_with_ctrl_z_still_hears_the_end(attempts: "Attempts") -> None:
    handle = await attempts.start("echo here; kill -STOP $$; sleep 600")
    await attempts.said(handle, "here")
    await attempts.runtime.stop(handle, grace_seconds=3600)
    assert (await attempts.end(handle)).signal == signal.SIGTERM


async def test_what_the_command_leaves_behind_ends_with_it(attempts: "Attempts") -> None:
    handle = await attempts.start("setsid sleep 600 & echo left; exit 4")
    found = await attempts.end(handle)
    assert found == Exit(code=4, finished_at=found.finished_at)
    assert [pid for pid in attempts.alive(handle) if pid != shim_of(handle).pid] == []


async def test_a_killed_shim_is_vanished_and_stop_cleans_up(attempts: "Attempts") -> None:
    handle = await attempts.start(stubborn(attempts))
    await attempts.said(handle, "deep")
    processes.send_signal(shim_of(handle), signal.SIGKILL)
    await attempts.reached(handle, "vanished")
    tree = processes.marked("EVALLAB_ATTEMPT_ID", handle["attempt_id"])
    assert len(tree) >= 3
    await attempts.runtime.stop(handle, grace_seconds=5)
    assert not any(processes.is_running(process) for process in tree)
    assert await attempts.is_state(handle, "vanished")


async def test_who_overwrote_its_environment_is_found_when_shim_and_parent_were_killed(attempts: "Attempts") -> None:
    file = attempts.root / "renamed.py"
    file.write_text(RENAMED)
    handle = await attempts.start(f"exec {sys.executable} {file}")
    await attempts.said(handle, "renamed")
    pid = int(attempts.runtime.log_tail(handle, lines=1).split()[1])
    stat = processes.read_stat(pid)
    assert stat is not None
    processes.send_signal(shim_of(handle), signal.SIGKILL)
    await attempts.reached(handle, "vanished")
    os.kill(stat.parent, signal.SIGKILL)
    await attempts.reaped(stat.parent)
    assert attempts.alive(handle) == []  # its mark is gone
    await attempts.runtime.stop(handle, grace_seconds=5)
    assert not processes.is_running(ProcessIdentity(pid, stat.start_time, processes.boot_id()))


def test_a_zombie_does_not_run() -> None:
    child = subprocess.Popen(["true"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    stat = processes.read_stat(child.pid)
    assert stat is not None
    assert stat.state == "Z"
    assert not processes.is_running(ProcessIdentity(child.pid, stat.start_time, processes.boot_id()))
    child.wait()
    assert processes.read_stat(child.pid) is None


@pytest.mark.parametrize("change", [{"start_time": 1}, {"boot_id": "another"}])
def test_a_re_used_process_id_is_another_process(change: dict[str, Any]) -> None:
    with subprocess.Popen(["sleep", "600"]) as child:
        stat = processes.read_stat(child.pid)
        assert stat is not None
        known: dict[str, Any] = {"pid": child.pid, "start_time": stat.start_time, "boot_id": processes.boot_id()}
        assert processes.is_running(ProcessIdentity(**known))
        assert not processes.send_signal(ProcessIdentity(**{**known, **change}), signal.SIGKILL)
        assert child.poll() is None
        assert processes.send_signal(ProcessIdentity(**known), signal.SIGKILL)
        assert child.wait() == -signal.SIGKILL
