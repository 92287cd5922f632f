"""The server beside EvalHub's: the same client, the same requests, in turn, in one run.

EvalHub's server (1.0.2) is found as `server_process` says; without it ours is measured alone. Both are as they come:
theirs keeps jobs in memory, ours in its own Postgres, with events on disk before they are acknowledged.
"""

import statistics
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace

from benchmarks import server_begun, server_events, server_memory, server_pages, server_seed
from benchmarks.row import Row
from benchmarks.server_process import HEALTH, OURS, theirs
from benchmarks.server_seed import JOBS
from benchmarks.server_sides import RATIO, Sample, Side, Sizes, asked, compared, in_turn, opened

TINY = Sizes(rounds=1, requests=5, begun=1, at_once=2, events=40, starts=1, few=60, jobs=70, many=80)
MEMORY_MB = 150


def rows(*, tiny: bool = False) -> list[Row]:
    """Measure."""
    sizes, command = TINY if tiny else Sizes(), theirs()
    if command is None:
        sys.stderr.write("EvalHub's server is not installed (EVALHUB_SERVER, PATH): ours is measured alone\n")
    with ExitStack() as stack:
        sides = [stack.enter_context(opened(each)) for each in (str(OURS), command) if each]
        return [*server_begun.rows(sides, sizes), *_reads(sides, sizes), *_filled(sides, sizes), _starts(sides, sizes)]


def _reads(sides: Sequence[Side], sizes: Sizes) -> list[Row]:
    note = f"{sizes.rounds} rounds of {sizes.requests} in turn"
    over = asked(sides, sizes, lambda side: f"{JOBS}/{side.ended}")
    runs = asked(sides, sizes, lambda side: f"{JOBS}/{side.running}")
    return [
        compared("GET of a job that completed", over, note=note, target=RATIO),
        compared("GET of a job that runs", runs, note=note, target=RATIO),
        compared("health", asked(sides, sizes, lambda _: HEALTH), note=note),
        *server_events.rows(sides, sizes),
        server_events.fenced(sides[0], sizes),
    ]


def _filled(sides: Sequence[Side], sizes: Sizes) -> list[Row]:
    """Return the rows about many jobs."""
    ours = sides[0]
    server_seed.copied(ours.server, ours.ended, first=1, last=sizes.jobs)
    for side in sides[1:]:
        server_seed.filled(side.server, sizes.jobs)
    short = replace(sizes, requests=max(1, sizes.requests // 4))
    lists = asked(sides, short, lambda _: f"{JOBS}?limit=50")
    note = f"jobs that completed; {short.rounds} rounds of {short.requests} in turn"
    listed = compared(f"list of 50 of {sizes.jobs:,} jobs", lists, note=note, target=RATIO)
    memory = _memory(sides, sizes)
    server_seed.copied(ours.server, ours.ended, first=sizes.jobs + 1, last=sizes.many)
    with opened(str(OURS)) as small:
        server_seed.copied(small.server, small.ended, first=1, last=sizes.few)
        return [listed, memory, *server_pages.rows(ours, small, sizes)]


def _memory(sides: Sequence[Side], sizes: Sizes) -> Row:
    held = [server_memory.resident(side.server) for side in sides]
    helpers = server_memory.helpers(sides[0].server)
    beside = ", ".join(f"{name} {size:.0f}" for name, size in sorted(helpers.items()))
    note = f"resident, after all of the above; its helpers, in MB, what they share divided: {beside}"
    others = f"; EvalHub's server: {held[1]:.0f} MB" if len(held) > 1 else ""
    metric = f"memory of the server at {sizes.jobs:,} jobs"
    return Row(metric=metric, measured=held[0], unit="MB", target=MEMORY_MB, note=note + others)


def _starts(sides: Sequence[Side], sizes: Sizes) -> Row:
    """Start each anew; our Postgres is up meanwhile, and has what the rows before left."""

    def again(side: Side) -> Sample:
        side.server.stop()
        return [side.server.start()]

    samples = in_turn(sides, sizes.starts, again)
    others = f"; EvalHub's {statistics.median(samples[1]):.2f} s" if len(samples) > 1 else ""
    note = f"median of {sizes.starts}, {sizes.many:,} jobs in a Postgres that is up{others}"
    return Row(metric="start of the server → healthy", measured=statistics.median(samples[0]), unit="s", note=note)
