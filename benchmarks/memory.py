"""The peak memory of a command and of the adapter that it starts, read from /proc while they run."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_MODULES = {"command": "bin/evallab", "adapter": "lm_eval_harness"}


@dataclass
class Peaks:
    """Largest resident memory seen, in MB."""

    command: float = 0.0
    adapter: float = 0.0


@contextmanager
def watching(root: Path, *, every: float = 0.1) -> Iterator[Peaks]:
    """Watch the processes whose environment names `root`, until the block ends."""
    peaks, ended = Peaks(), threading.Event()

    def watch() -> None:
        while not ended.wait(every):
            _look(root, peaks)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peaks
    finally:
        ended.set()
        thread.join()


def _look(root: Path, peaks: Peaks) -> None:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if os.fsencode(root) not in (process / "environ").read_bytes():
                continue
            command = (process / "cmdline").read_bytes().decode(errors="replace")
            peak = _peak((process / "status").read_text())
        except OSError:
            continue  # it ended meanwhile, or is not ours
        for role, word in _MODULES.items():
            if word in command:
                setattr(peaks, role, max(getattr(peaks, role), peak))


def _peak(status: str) -> float:
    line = next((line for line in status.splitlines() if line.startswith("VmHWM:")), "VmHWM: 0 kB")
    return int(line.split()[1]) / 1024
