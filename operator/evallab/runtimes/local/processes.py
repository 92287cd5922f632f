"""What Linux says about processes: who is who in spite of re-used process ids, and who carries a mark.

`shim_process` asks this module. A process is named by its id, its start time and the boot it lives in; these three are
never used twice.
"""

import os
import signal
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evallab.api.errors import UsageError

PROC = Path("/proc")


@dataclass(frozen=True)
class ProcessIdentity:
    """One process, for ever."""

    pid: int
    start_time: int  #: in clock ticks since the boot
    boot_id: str

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "ProcessIdentity":
        """Read it from a started.json."""
        return cls(pid=int(record["pid"]), start_time=int(record["start_time"]), boot_id=str(record["boot_id"]))


@dataclass(frozen=True)
class ProcessStat:
    """What /proc/PID/stat says."""

    state: str
    parent: int
    session: int
    start_time: int


def require_linux() -> None:
    """Refuse a system without /proc, subreapers and process file descriptors."""
    if not hasattr(os, "pidfd_open") or not (PROC / "self" / "stat").exists():
        raise UsageError(
            "Running attempts on this machine needs Linux (5.3 or newer).",
            remedy="Use a Linux machine, a Linux container, WSL 2, or a cluster.",
        )


def boot_id() -> str:
    """Return the name of this boot."""
    return (PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def read_stat(pid: int) -> ProcessStat | None:
    """Look at a process; None when there is none. Its name may hold blanks and brackets."""
    try:
        fields = (PROC / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None
    if len(fields) < 20:
        return None
    return ProcessStat(fields[0].decode(), int(fields[1]), int(fields[3]), int(fields[19]))


def is_running(identity: ProcessIdentity) -> bool:
    """Say whether this very process runs; a zombie does not."""
    stat = read_stat(identity.pid)
    if stat is None or stat.state in "ZX" or stat.start_time != identity.start_time:
        return False
    return identity.boot_id == boot_id()


def age_s(identity: ProcessIdentity) -> float:
    """Return for how long a process of this boot runs, by the clock that counts from the boot and is never set."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) - identity.start_time / os.sysconf("SC_CLK_TCK")


def send_signal(identity: ProcessIdentity, number: signal.Signals) -> bool:
    """Send a signal to this very process and never to a later one of the same id; say whether it was there."""
    try:
        handle = os.pidfd_open(identity.pid)
    except OSError:
        return False
    try:
        if not is_running(identity):
            return False
        signal.pidfd_send_signal(handle, number)
    except ProcessLookupError:
        return False
    finally:
        os.close(handle)
    return True


def marked(variable: str, value: str, *, leader: ProcessIdentity | None = None) -> list[ProcessIdentity]:
    """Return the processes that were started with VARIABLE=value, and all below them.

    Who renamed itself, as vLLM's engines do, has overwritten its environment in /proc: the session of a `leader`, which
    carried the variable, finds those.
    """
    entry = f"{variable}={value}".encode()
    stats, boot, own = dict(_all_processes()), boot_id(), os.getpid()
    session = _session(leader, stats, boot) if leader else None
    found = {pid for pid, stat in stats.items() if _belongs(pid, entry, may_hide=stat.session == session)}
    while more := {pid for pid, stat in stats.items() if stat.parent in found} - found:
        found |= more
    return [ProcessIdentity(pid, stats[pid].start_time, boot) for pid in sorted(found) if pid != own]


def _session(leader: ProcessIdentity, stats: Mapping[int, ProcessStat], boot: str) -> int | None:
    """Return the session that a process led; None once its id is another's, which cannot be while it has members."""
    now = stats.get(leader.pid)
    return leader.pid if leader.boot_id == boot and (now is None or now.start_time == leader.start_time) else None


def _all_processes() -> Iterator[tuple[int, ProcessStat]]:
    for directory in PROC.iterdir():
        stat = read_stat(int(directory.name)) if directory.name.isdigit() else None
        if stat is not None and stat.state not in "ZX":
            yield int(directory.name), stat


def _belongs(pid: int, entry: bytes, *, may_hide: bool) -> bool:
    """Say whether a process carries the entry; `may_hide`: or has overwritten where it began."""
    try:
        environment = (PROC / str(pid) / "environ").read_bytes()
    except OSError:
        return False
    return entry in environment.split(b"\0") or (may_hide and environment[:1] in {b"", b"\0"})
