"""GPUs are reserved with locks that other processes see and that the kernel frees; a stand-in says which GPUs exist."""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from evallab.api.errors import UsageError
from evallab.runtimes.local.gpu_leases import GpuLeases
from evallab.runtimes.local.gpus import Gpu

HOLDER = """
import sys
from pathlib import Path
from evallab.runtimes.local.gpu_leases import GpuLeases
from evallab.runtimes.local.gpus import Gpu
class Inventory:
    def gpus(self):
        return [Gpu(uuid="GPU-0", name="g", memory=1)]
print(repr(GpuLeases(Path(sys.argv[1]), Inventory()).take("theirs", 1)), flush=True)
sys.stdin.read()
"""


@dataclass
class Inventory:
    """A machine with these GPUs."""

    found: Sequence[Gpu]

    def gpus(self) -> Sequence[Gpu]:
        return self.found


def machine(*busy: tuple[int, ...]) -> Inventory:
    """One GPU per tuple of process ids that compute on it."""
    return Inventory([Gpu(uuid=f"GPU-{i}", name="g", memory=1, processes=pids) for i, pids in enumerate(busy)])


@pytest.fixture
def locks(tmp_path: Path) -> Path:
    return tmp_path / "gpus"


def test_a_gpu_belongs_to_one_job_until_it_is_given_back(locks: Path) -> None:
    ours, theirs = (GpuLeases(locks, machine((), ())) for _ in range(2))
    assert (ours.take("a", 1), theirs.take("b", 1), theirs.take("c", 1)) == ("", "", "a GPU")
    assert (ours.uuids("a"), theirs.uuids("b"), theirs.uuids("c")) == (("GPU-0",), ("GPU-1",), ())
    assert ours.take("a", 1) == ""  # it has it already
    ours.free("a")
    assert (theirs.take("c", 1), theirs.uuids("c")) == ("", ("GPU-0",))
    theirs.free("b")
    theirs.free("c")


def test_all_or_none(locks: Path) -> None:
    ours, theirs = (GpuLeases(locks, machine((), ())) for _ in range(2))
    assert (ours.take("a", 1), theirs.take("b", 2)) == ("", "2 GPUs")
    assert theirs.take("c", 1) == ""  # what could not be enough was not kept
    ours.free("a")
    theirs.free("c")


def test_a_gpu_that_somebody_else_computes_on_is_taken(locks: Path) -> None:
    leases = GpuLeases(locks, machine((4711,), ()))
    assert (leases.take("a", 1), leases.uuids("a")) == ("", ("GPU-1",))
    assert leases.take("b", 1) == "a GPU"
    leases.free("a")


def test_only_visible_gpus_are_used(locks: Path) -> None:
    leases = GpuLeases(locks, machine((), ()), visible_devices="1")
    assert (leases.take("a", 1), leases.uuids("a")) == ("", ("GPU-1",))
    leases.free("a")


def test_a_job_whose_server_runs_waits_for_nothing(locks: Path) -> None:
    leases = GpuLeases(locks, machine((4711,)), serving=lambda job_id: job_id == "a")
    assert (leases.take("a", 1), leases.take("b", 1)) == ("", "a GPU")


def test_the_kernel_frees_what_a_killed_process_held(locks: Path) -> None:
    leases = GpuLeases(locks, machine(()))
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(locks)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "''\n"
        assert leases.take("ours", 1) == "a GPU"
        holder.kill()
    assert leases.take("ours", 1) == ""
    leases.free("ours")


def test_a_lock_that_a_model_server_inherited_outlives_its_starter(locks: Path) -> None:
    leases = GpuLeases(locks, machine(()))
    assert leases.take("a", 1) == ""
    with subprocess.Popen(["sleep", "600"], pass_fds=leases.descriptors("a")) as server:
        leases.free("a")
        assert leases.take("b", 1) == "a GPU"
        server.kill()
    assert leases.take("b", 1) == ""
    leases.free("b")


def test_the_directory_is_made_for_all_users(locks: Path) -> None:
    leases = GpuLeases(locks, machine(()))
    assert leases.take("a", 1) == ""
    assert (locks.stat().st_mode & 0o7777, (locks / "GPU-0.lock").stat().st_mode & 0o777) == (0o1777, 0o644)
    leases.free("a")


def test_another_users_locks_count(locks: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can make a lock of another user")
    locks.mkdir()
    locks.chmod(0o1777)
    lock = locks / "GPU-0.lock"
    lock.touch(0o644)
    os.chown(lock, 65534, 65534)
    leases = GpuLeases(locks, machine(()))
    assert leases.take("a", 1) == ""
    leases.free("a")


@pytest.mark.parametrize("wrong", ["link", "file", "open to all"])
def test_a_directory_that_cannot_be_trusted_is_refused(locks: Path, tmp_path: Path, wrong: str) -> None:
    if wrong == "link":
        locks.symlink_to(tmp_path)
    elif wrong == "file":
        locks.touch()
    else:
        locks.mkdir()
        locks.chmod(0o777)
    with pytest.raises(UsageError, match="GPU locks"):
        GpuLeases(locks, machine(())).take("a", 1)


def test_a_link_in_place_of_a_lock_is_not_followed(locks: Path, tmp_path: Path) -> None:
    locks.mkdir()
    (locks / "GPU-0.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="not a lock file"):
        GpuLeases(locks, machine(())).take("a", 1)
