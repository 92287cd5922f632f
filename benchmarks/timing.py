"""Clocks for the benchmarks: medians of repeated commands, side by side, and the peak memory of a process."""

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Ran:
    """One command that ended well."""

    seconds: float
    peak_mb: float  #: largest resident memory of the process itself
    output: str


def run(command: Sequence[str], environ: Mapping[str, str], folder: Path) -> Ran:
    """Run a command to its end; raise with its output when it fails."""
    log = folder / "command.log"
    with log.open("wb") as stream:
        began = time.perf_counter()
        process = subprocess.Popen(command, env=dict(environ), cwd=folder, stdout=stream, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    output = log.read_text(errors="replace")
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}:\n{output[-3000:]}")
    return Ran(seconds, usage.ru_maxrss / 1024, output)


def in_turn(times: int, *measures: Callable[[], float]) -> list[float]:
    """Take each measurement so often, one after the other in each round; return the medians."""
    rounds = [[measure() for measure in measures] for _ in range(times)]
    return [statistics.median(column) for column in zip(*rounds, strict=True)]
