"""Two servers measured in turn, and what is said of it. Called by `bench_server` and its parts."""

import math
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import server_seed
from benchmarks.row import Row
from benchmarks.server_client import encoded
from benchmarks.server_process import HEALTH, OURS, Server
from benchmarks.server_seed import JOBS, event
from evallab.store import embedded

RATIO = 3.0
PAUSE_S = 0.25  #: after what leaves a server something to do, so that it is not in the time of what is next
Sample = list[float]


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How much is measured."""

    rounds: int = 5
    requests: int = 200  #: of one kind, in one round
    begun: int = 12  #: jobs whose first instruction is waited for, in one round
    at_once: int = 20
    events: int = 2_000
    starts: int = 3
    few: int = 100
    jobs: int = 10_000
    many: int = 100_000


@dataclass
class Side:
    """One of the servers, with two jobs."""

    server: Server
    ended: str = ""
    running: str = ""

    @property
    def ours(self) -> bool:
        """Whether it is evallab's."""
        return self.server.command == str(OURS)

    def timed(self, request: bytes, times: int) -> Sample:
        """Send a request so often over one connection."""
        with self.server.client() as client:
            client.send(encoded("GET", HEALTH))  # connecting is not in the time of the first
            return [client.send(request).taken().seconds for _ in range(times)]


@contextmanager
def opened(command: str) -> Iterator[Side]:
    """Start a server in a folder of its own; it has a job that is over, and one that runs."""
    server = Server(Path(tempfile.mkdtemp(prefix="evallab-bench-")), command)
    side = Side(server)
    try:
        server.configure()
        server.start()
        with server.client() as client:
            side.ended, side.running = server_seed.completed(client), server_seed.posted(client, "sleeping")
            server_seed.until(client, side.ended, {"completed"})
            time.sleep(PAUSE_S)
            client.ask("POST", f"{JOBS}/{side.running}/events", event("sleeping", "running"))
        yield side
        with server.client() as client:
            client.send(encoded("DELETE", f"{JOBS}/{side.running}"))  # nothing is left running behind us
        time.sleep(4 * PAUSE_S)
    finally:
        server.stop()
        embedded.stop(server.root / "lab")
        shutil.rmtree(server.root, ignore_errors=True)


def in_turn(sides: Sequence[Side], rounds: int, measure: Callable[[Side], Sample]) -> list[Sample]:
    """Measure each side in each round; return what was measured, by side."""
    found: list[Sample] = [[] for _ in sides]
    for _ in range(rounds):
        for side, sample in zip(sides, found, strict=True):
            sample += measure(side)
    return found


def asked(sides: Sequence[Side], sizes: Sizes, path: Callable[[Side], str]) -> list[Sample]:
    """Ask each side for what lies at a path."""
    return in_turn(sides, sizes.rounds, lambda side: side.timed(encoded("GET", path(side)), sizes.requests))


def compared(what: str, samples: Sequence[Sample], *, note: str, target: float | None = None) -> Row:
    """Return the ratio of the medians as a row; ours alone, without a target, where theirs is not installed."""
    ours, *others = samples
    median = statistics.median(ours)
    if not others:
        return Row(metric=f"{what}, p50", measured=1000 * median, unit="ms", note=f"{said(ours)}; {note}")
    (theirs,) = others
    text = f"{said(ours)}, EvalHub's {said(theirs)}; {note}"
    ratio = median / statistics.median(theirs)
    return Row(metric=f"{what}: p50 ÷ EvalHub's", measured=ratio, unit="×", target=target, note=text)


def said(sample: Sample) -> str:
    """Say what is typical of a sample, and what is not rare."""
    ordered = sorted(1000 * each for each in sample)
    return f"{statistics.median(ordered):.2f} ms (p95 {ordered[math.ceil(0.95 * (len(ordered) - 1))]:.2f})"
