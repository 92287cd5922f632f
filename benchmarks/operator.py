"""What the operator costs, on simulated nodes: latency, bursts, memory, cold start, writes, failover.

    tests/cluster/kit/up --nodeless --fake-nodes 8
    KUBECONFIG=… EVALLAB_DATABASE_URL=… python -m benchmarks.operator [--quick] [--only latency …] [--write]

It prints a table; `--write` puts it into docs/performance.md. With other sizes than those that were asked for, what
depends on them is not judged. The database is one in which others may be created; the cluster must have evallab's CRD.
Pods run on simulated nodes and do nothing; what an attempt would hand in is put into the store. Start it with -m: as a
script it would hide a standard module of that name.
"""

# ruff: noqa: A005

import argparse
import asyncio
import os
import statistics
import sys
from datetime import UTC, datetime

from benchmarks.operator_bench import bench
from benchmarks.operator_measures import MEASURES
from benchmarks.row import Row
from benchmarks.run import OPERATOR, PAGE, line
from evallab.kubeapi.client import of_context

QUICK = {"rate": 5, "seconds": 4, "burst": 20, "attempts": 5, "many": 100, "runs": 1, "starts": 1}
FULL = {"rate": 30, "seconds": 60, "burst": 1000, "attempts": 100, "many": 10_000, "runs": 3, "starts": 3}
SIZED = {"burst done": "burst", "all memory": "many", "all start memory": "many", "all start": "many"}
ONCE = frozenset({"memory"})  #: makes objects by the ten thousand; it starts the operator several times itself


async def measure(sizes: argparse.Namespace) -> dict[str, float]:
    """Measure what was asked for, several times; return the medians."""
    found: dict[str, list[float]] = {}
    api = await of_context()
    try:
        for name in sizes.only or MEASURES:
            for number in range(1 if name in ONCE else sizes.runs):
                async with bench(api, os.environ["EVALLAB_DATABASE_URL"], sizes) as made:
                    figures = await MEASURES[name](made)
                for what, value in figures.items():
                    found.setdefault(what, []).append(value)
                told = ", ".join(f"{what} {value:.1f}" for what, value in figures.items())
                found.setdefault("load", []).append(os.getloadavg()[0])
                sys.stderr.write(f"{name} {number + 1} at load {found['load'][-1]:.1f}: {told}\n")
    finally:
        await api.close()
    return {what: statistics.median(values) for what, values in found.items()}


def rows(found: dict[str, float], sizes: argparse.Namespace) -> list[Row]:
    """Return the table's rows, those that were measured."""
    many, burst = f"{sizes.many:,}", f"{sizes.burst:,}"
    rate = f"{sizes.rate} EvalJobs/s for {sizes.seconds} s"
    asked: dict[str, tuple[str, str, float | None, str]] = {
        "create p50": ("EvalJob created → its Job seen, p50", "ms", 20, rate),
        "create p99": ("the same, p99", "ms", 100, rate),
        "create cpu": ("CPU of the operator per EvalJob until its Job waits", "ms", None, rate),
        "burst created": (f"{burst} EvalJobs at once: created", "s", None, "by this script, 32 requests at once"),
        "burst jobs": ("all have Jobs", "s", None, "since the first was created"),
        "burst done": ("all have statuses", "s", 15, "since the first was created"),
        "burst cpu": ("CPU of the operator per EvalJob", "ms", None, f"{burst} at once"),
        "attempt writes": ("API writes per successful attempt", "requests", 6, f"{sizes.attempts} whole attempts"),
        "attempt cpu": ("CPU of the operator per successful attempt", "ms", None, "from the EvalJob to its scores"),
        "steady writes": ("API writes in 20 s of nothing", "requests", 0, "the renewal of the Lease apart"),
        "refused": ("a refused pod → its EvalJob has failed", "s", 60, "a quota of no pods"),
        "failover": ("the leader is killed → the other's first Job", "s", 20, "a Lease of 15 s"),
        "idle": ("memory, nothing to do", "MB", 130, "resident"),
        "all memory": (f"memory with {many} EvalJobs", "MB", 300, f"and {many} Jobs; one EvalJob in ten waits"),
        "all start memory": ("memory of a new process that knows them", "MB", 300, "after its start"),
        "quarter start": (f"cold start with {sizes.many // 4:,} + {sizes.many // 4:,} objects", "s", None, ""),
        "quarter start cpu": ("CPU of that start", "s", None, "from the interpreter's start"),
        "all start": (f"cold start with {many} + {many} objects", "s", 30, "until a new EvalJob has its Job"),
        "all start cpu": ("CPU of that start", "s", None, "from the interpreter's start"),
        "growth": ("CPU of the cold start ÷ that with a quarter", "×", 4, "4: linear"),
    }
    if "all start cpu" in found:
        found = found | {"growth": found["all start cpu"] / found["quarter start cpu"]}
    return [
        Row(
            metric=metric, measured=found[name], unit=unit, target=target if _as_asked(name, sizes) else None, note=note
        )
        for name, (metric, unit, target, note) in asked.items()
        if name in found
    ]


def _as_asked(name: str, sizes: argparse.Namespace) -> bool:
    """Say whether a figure was measured with as many objects as were asked for."""
    size = SIZED.get(name)
    return size is None or getattr(sizes, size) == FULL[size]


def section(table: list[Row], *, runs: int, load: float) -> str:
    """Return the operator's part of the page."""
    missed = [row for row in table if row.met is False]
    ending = f"{len(missed)} of the targets not met in this run." if missed else "All targets met in this run."
    when = datetime.now(UTC).date().isoformat()
    head = "| what | asked | measured | met | how |\n|---|---|---|---|---|"
    return f"""{OPERATOR}

`python -m benchmarks.operator` measures the operator alone, on a real API server; medians of {runs}.
{when}, {os.cpu_count()} cores, which API server, etcd, controller manager, Postgres and operator share with whatever
else runs: a load of {load:.0f}. Seconds grow with it; CPU and requests do not, or much less.

{head}
{"".join(line(row) + chr(10) for row in table)}
{ending}
"""


def main() -> None:
    """Measure, print a table, and write it down."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.operator")
    parser.add_argument("--quick", action="store_true", help="small sizes, once: does it all still work?")
    parser.add_argument("--only", nargs="*", choices=MEASURES)
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
    for name in FULL:
        parser.add_argument(f"--{name}", type=int)
    sizes = parser.parse_args()
    usual = QUICK if sizes.quick else FULL
    own = {name: given for name in FULL if (given := getattr(sizes, name)) is not None}
    for name, size in (usual | own).items():
        setattr(sizes, name, size)
    found = asyncio.run(measure(sizes))
    table = rows(found, sizes)
    sys.stdout.write("".join(f"{line(row)}\n" for row in table))
    if sizes.write:
        operator = section(table, runs=sizes.runs, load=found["load"])
        PAGE.write_text(PAGE.read_text().partition(OPERATOR)[0].rstrip() + "\n\n" + operator)


if __name__ == "__main__":
    main()
