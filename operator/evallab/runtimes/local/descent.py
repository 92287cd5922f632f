"""Who descends from a process, read from /proc: the tree of a command. Part of the shim, like it in what it imports."""
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


class Tree:
    """The command and everything it started, seen from their subreaper."""

    def __init__(self, main: int) -> None:
        """Take the process id of the command."""
        self.main = main
        self.status: int | None = None

    def reap(self) -> bool:
        """Collect whoever ended; say whether somebody is left (who loses its parent becomes our child)."""
        try:
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return True
                if pid == self.main:
                    self.status = status
        except ChildProcessError:
            return False

    def send(self, *numbers: int) -> None:
        """Send signals to every descendant there is now."""
        for pid in descendants(os.getpid()):
            for number in numbers:
                try:
                    os.kill(pid, number)
                except OSError:
                    break
