"""Whose processes are on a GPU: the job's own carry its marks, or descend from one that does. Wired by the lab.

A process may overwrite what /proc says of its environment (some rename themselves), so that its parents are asked too:
the shim above it carries the mark as long as it lives.
"""

from collections.abc import Collection, Iterable, Set
from pathlib import Path

from evallab.runtimes.local.processes import PROC, read_stat
from evallab.runtimes.local.shim_process import MARK

FIRST_PID_NAMESPACE = 0xEFFFFFFC  #: the inode that Linux gives the machine's own


def foreign(pids: Iterable[int], names: Collection[str], *, proc: Path = PROC) -> frozenset[int] | None:
    """Return those that run and carry none of these names; None where the ids mean nothing, as in a container."""
    if (proc / "self/ns/pid").stat().st_ino != FIRST_PID_NAMESPACE:
        return None
    return strangers(pids, names)


def strangers(pids: Iterable[int], names: Collection[str]) -> frozenset[int]:
    """Return those that run and carry none of these names, by ids that mean something here."""
    marks = {f"{MARK}={name}".encode() for name in names}
    return frozenset(pid for pid in pids if not _carries(pid, marks) and read_stat(pid) is not None)


def _carries(pid: int, marks: Set[bytes]) -> bool:
    while pid > 1 and (stat := read_stat(pid)) is not None:
        if not marks.isdisjoint(_environment(pid)):
            return True
        pid = stat.parent
    return False


def _environment(pid: int) -> list[bytes]:
    try:
        return (PROC / str(pid) / "environ").read_bytes().split(b"\0")
    except OSError:
        return []
