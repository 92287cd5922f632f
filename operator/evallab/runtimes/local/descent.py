"""Who descends from a process, read from /proc. Part of the shim (see there): it imports nothing but `os`."""
# ruff: noqa: PTH123, PTH208

import os


def descendants(root: int) -> list[int]:
    """Return all processes below `root`."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            children.setdefault(parent_of(name), []).append(int(name))
    found = list(children.get(root, ()))
    for pid in found:  # grows while it is walked
        found.extend(children.get(pid, ()))
    return found


def stat_fields(pid: str) -> list[bytes]:
    """Return the fields of /proc/PID/stat from the third (the state) on; a name may hold blanks and brackets."""
    with open(f"/proc/{pid}/stat", "rb") as file:
        return file.read().rpartition(b")")[2].split()


def parent_of(pid: str) -> int:
    """Return the parent's process id, -1 when the process has just gone."""
    try:
        return int(stat_fields(pid)[1])
    except (OSError, IndexError):
        return -1
