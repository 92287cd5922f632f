"""Shims that a waiting process becomes are the shims that an interpreter of their own would be, whoever dies."""
# ruff: noqa: ASYNC110, ASYNC220, ASYNC221 - other processes set no event; what is started blocks nobody for long

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from evallab.runtimes.local import processes, shim_pool
from evallab.runtimes.local.shim_pool import ShimPool
from evallab.runtimes.local.shim_process import MARK, ShimProcess, launch_shim

SHOW = """
import os, resource, signal, json
status = dict(line.split(":", 1) for line in open("/proc/self/status").read().splitlines())
parent = open(f"/proc/{os.getppid()}/stat").read().rpartition(")")[2].split()
print(json.dumps({
    "environ": sorted(open("/proc/self/environ", "rb").read().decode("utf-8", "surrogateescape").split("\\0")),
    "cwd": os.getcwd(),
    "descriptors": {name: os.readlink(f"/proc/self/fd/{name}").partition("[")[0] for name in os.listdir("/proc/self/fd")
                    if os.path.exists(f"/proc/self/fd/{name}")},
    "signals": {name: status[name].strip() for name in ("SigBlk", "SigIgn", "SigCgt")},
    "limits": open("/proc/self/limits").read(),
    "umask": status["Umask"],
    "leads its group": os.getpgid(0) == os.getpid(),
    "the shim leads the session": os.getsid(0) == os.getppid() == int(parent[3]),
}))
"""

OWNER = """
import sys, json
from pathlib import Path
from evallab.runtimes.local.shim_pool import ShimPool
from evallab.runtimes.local.shim_process import ShimProcess, launch_shim
given = json.loads(sys.argv[1])
pool = ShimPool()
pool.warm()
for name in given["names"]:
    directory = Path(given["root"]) / name
    directory.mkdir()
    process = ShimProcess(name=name, directory=directory, log_file=directory / "jobrun.log")
    launch_shim(process, ["sleep", "600"], env={}, attached=name == "attached", grace_seconds=1, pool=pool)
print(pool._waiting.pid, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def pool() -> Iterator[ShimPool]:
    found = ShimPool()
    found.warm()
    yield found
    found.close()


@pytest.fixture(autouse=True)
def _nothing_stays(tmp_path: Path) -> Iterator[None]:
    yield
    for directory in tmp_path.iterdir():
        for process in processes.marked(MARK, directory.name):
            processes.send_signal(process, signal.SIGKILL)


def new(root: Path, name: str) -> ShimProcess:
    directory = root / name
    directory.mkdir()
    return ShimProcess(name=name, directory=directory, log_file=directory / "jobrun.log")


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def until_over(process: ShimProcess) -> str:
    async with asyncio.timeout(60):
        while process.exit() is None:
            await asyncio.sleep(0.01)
    return process.log_file.read_text()


async def until_gone(pid: int) -> None:
    async with asyncio.timeout(60):
        while (stat := processes.read_stat(pid)) and stat.state not in "ZX":
            await asyncio.sleep(0.01)


def waiting(pool: ShimPool) -> int:
    """Return the waiting process."""
    assert pool._waiting is not None
    return pool._waiting.pid


def forked_by(process: ShimProcess) -> int:
    record = process.started()
    assert record is not None
    stat = processes.read_stat(record["pid"])
    assert stat is not None
    return stat.parent


async def test_a_command_is_given_the_same_as_without_a_pool(tmp_path: Path, pool: ShimPool) -> None:
    env = {"PATH": os.environ["PATH"], "EMPTY": "", "A": "b=c", "WITH\nLINE": "ä\udcff", "LC_ALL": "C", "X\\": "'\"$"}
    found = []
    for name, given in (("cold", None), ("warm", pool)):
        process = new(tmp_path, name)
        argv = [sys.executable, "-I", "-S", "-c", SHOW]
        limits = {"core": 0, "nofile": 100}
        launch_shim(process, argv, env=env, attached=True, cwd=tmp_path, limits=limits, pool=given)
        shown = json.loads(await until_over(process))
        assert f"{MARK}={name}" in shown["environ"]
        shown["environ"].remove(f"{MARK}={name}")
        # what the shim's own interpreter adds to an environment without UTF-8 is not in what was given
        found.append({**shown, "environ": [each for each in shown["environ"] if each != "LC_CTYPE=C.UTF-8"]})
    assert found[0] == found[1]
    assert found[1]["environ"] == sorted(["", *(f"{name}={value}" for name, value in env.items())])
    assert (found[1]["descriptors"], found[1]["cwd"]) == (
        {"0": "/dev/null", "1": "pipe:", "2": "pipe:"},
        str(tmp_path),
    )


async def test_the_working_directory_is_ours(tmp_path: Path, pool: ShimPool) -> None:
    process = new(tmp_path, "a")
    launch_shim(process, ["pwd"], env={"PATH": os.environ["PATH"]}, attached=True, pool=pool)
    assert await until_over(process) == f"{Path.cwd()}\n"


async def test_shims_are_forks_and_outlive_who_forked_them(tmp_path: Path, pool: ShimPool) -> None:
    first = new(tmp_path, "first")
    launch_shim(first, ["sleep", "600"], env={"PATH": os.environ["PATH"]}, attached=True, pool=pool)
    pid = waiting(pool)
    assert forked_by(first) == pid
    os.kill(pid, signal.SIGKILL)
    second, third = new(tmp_path, "second"), new(tmp_path, "third")
    for process in (second, third):  # perhaps the ordinary way, then by a new one
        launch_shim(process, ["sleep", "600"], env={"PATH": os.environ["PATH"]}, attached=True, pool=pool)
    assert forked_by(third) == waiting(pool) != pid
    pool.close()
    for process in (first, second, third):
        assert process.alive()
        await process.stop(grace_seconds=5)
        await until_over(process)


async def test_a_waiting_process_that_is_stopped_costs_time_only(
    tmp_path: Path, pool: ShimPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shim_pool, "PATIENCE_S", 0.2)
    pid = waiting(pool)
    os.kill(pid, signal.SIGSTOP)
    process = new(tmp_path, "a")
    launch_shim(process, ["echo", "once"], env={"PATH": os.environ["PATH"]}, attached=True, pool=pool)
    assert await until_over(process) == "once\n"
    await until_gone(pid)


async def test_what_does_not_fit_is_started_in_the_ordinary_way(tmp_path: Path, pool: ShimPool) -> None:
    process = new(tmp_path, "a")
    env = {"PATH": os.environ["PATH"], **{f"V{number}": "x" * 50_000 for number in range(10)}}
    launch_shim(process, ["sh", "-c", "echo ${#V9}"], env=env, attached=True, pool=pool)
    assert await until_over(process) == "50000\n"
    with pytest.raises(ValueError, match="illegal environment variable name"):
        launch_shim(new(tmp_path, "b"), ["true"], env={"A=B": ""}, attached=True, pool=pool)


def test_what_cannot_be_started_says_why(tmp_path: Path, pool: ShimPool) -> None:
    process = new(tmp_path, "a")
    process.log_file.mkdir()
    with pytest.raises(OSError, match="Is a directory"):
        launch_shim(process, ["true"], env={}, attached=True, pool=pool)
    with pytest.raises(OSError, match="No such file"):
        launch_shim(new(tmp_path, "b"), ["true"], env={}, cwd=tmp_path / "none", attached=True, pool=pool)


async def test_many_at_once_start_once_each(tmp_path: Path, pool: ShimPool) -> None:
    env = {"PATH": os.environ["PATH"]}
    started = [new(tmp_path, str(number)) for number in range(20)]
    before = descriptors()

    def launch(process: ShimProcess) -> None:
        launch_shim(process, ["echo", "once"], env=env, attached=True, pool=pool)

    with ThreadPoolExecutor(10) as threads:
        list(threads.map(launch, [*started, *started]))
    assert {await until_over(process) for process in started} == {"once\n"}
    async with asyncio.timeout(60):
        while descriptors() > before:  # the leashes are let go
            await asyncio.sleep(0.01)
        children = Path(f"/proc/{waiting(pool)}/task/{waiting(pool)}/children")
        while children.read_text():  # no zombies
            await asyncio.sleep(0.01)


async def test_when_the_owner_is_killed_nobody_waits_and_only_the_detached_go_on(tmp_path: Path) -> None:
    given = json.dumps({"root": str(tmp_path), "names": ["attached", "detached"]})
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, given], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        assert processes.read_stat(pid) is not None
        owner.kill()
    await until_gone(pid)
    ended, lasting = (
        ShimProcess(name=name, directory=tmp_path / name, log_file=tmp_path / name / "jobrun.log")
        for name in ("attached", "detached")
    )
    await until_over(ended)
    found = ended.exit()
    assert found is not None
    assert (found.signal, found.orphaned) == (signal.SIGTERM, True)
    assert lasting.alive()
    await lasting.stop(grace_seconds=5)
    await until_over(lasting)


def test_a_closed_pool_can_be_used_again(tmp_path: Path, pool: ShimPool) -> None:
    pid = waiting(pool)
    pool.close()
    pool.close()
    assert processes.read_stat(pid) is None
    process = new(tmp_path, "a")
    launch_shim(process, ["true"], env={"PATH": os.environ["PATH"]}, attached=False, pool=pool)
    assert process.was_started()


async def test_limits_that_may_not_be_raised_stay_as_strict_as_they_are(tmp_path: Path) -> None:
    process = new(tmp_path, "a")
    script = "ulimit -n 50; exec " + f'{sys.executable} -I -S {shim_pool.WAITING.with_name("shim.py")} $0 "$@"'
    options = ["--leash-fd", "-1", "--directory", str(process.directory), "--log", str(process.log_file)]
    more = ["--log-limit", "10000", "--about", '{"name":"a"}', "--header", "", "--grace", "1", "--limit-nofile", "40"]
    subprocess.run(["sh", "-c", script, *options, *more, "--", "sh", "-c", "ulimit -n"], check=True)
    assert await until_over(process) == "40\n"
