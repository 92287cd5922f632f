"""How a process names itself on the leases it holds, so that others of its machine can see that it died.

Called by `lab` for the name and by `resuming` for the question. A holder that cannot be judged keeps its lease until
it expires.
"""

import os
import platform
import uuid
from pathlib import Path

from evallab.runtimes.local.processes import read_stat


def own() -> str:
    """Return this process's name: host, process id, start time, process id namespace, and something unique."""
    stat = read_stat(os.getpid())
    return f"{platform.node()}:{os.getpid()}:{stat.start_time if stat else 0}:{_namespace()}:{uuid.uuid4().hex[:8]}"


def died(holder: str) -> bool:
    """Say whether a holder was a process that we would see, and do not see any more."""
    node, *parts = holder.split(":")
    if node != platform.node() or len(parts) != 4 or parts[2] != str(_namespace()):
        return False
    stat = read_stat(int(parts[0]))
    return stat is None or stat.state in "ZX" or stat.start_time != int(parts[1])


def _namespace() -> int:
    """Process ids mean something only within one namespace; containers may share a host's name."""
    try:
        return Path("/proc/self/ns/pid").stat().st_ino
    except OSError:
        return 0
