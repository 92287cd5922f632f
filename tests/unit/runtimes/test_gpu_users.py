"""Whose processes are on a GPU, and what there is without one: real processes, no driver."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from evallab.runtimes.local import gpu_users
from evallab.runtimes.local.gpu_readings import NvmlReader
from evallab.runtimes.local.shim_process import MARK

#: Starts a child that forgets its environment, says its process id, and waits until its input ends.
FORGETFUL = """
import subprocess, sys
child = subprocess.Popen(["sleep", "600"], env={})
print(child.pid, flush=True)
sys.stdin.read()
child.kill()
child.wait()
"""


def test_the_job_s_own_are_those_that_carry_its_mark_and_all_below_them() -> None:
    marked = subprocess.Popen(
        [sys.executable, "-c", FORGETFUL],
        env={**os.environ, MARK: "server:/home/jobs/1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert marked.stdout is not None
    pids = {marked.pid, int(marked.stdout.readline()), os.getpid(), 2**22 - 1}
    try:
        assert gpu_users.strangers(pids, {"server:/home/jobs/1", "attempt-1"}) == {os.getpid()}
        assert gpu_users.strangers(pids, {"attempt-1"}) == pids - {2**22 - 1}
    finally:
        marked.communicate()


def test_in_a_container_nobody_can_tell(tmp_path: Path) -> None:
    (tmp_path / "self/ns").mkdir(parents=True)
    (tmp_path / "self/ns/pid").touch()
    assert gpu_users.foreign({os.getpid()}, (), proc=tmp_path) is None


def test_without_the_driver_s_library_nothing_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    reader = NvmlReader()
    assert reader.read(["GPU-0"], anew=True) == []
    reader.close()
