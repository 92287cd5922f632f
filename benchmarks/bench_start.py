"""What a job costs besides the model: interpreters, imports, database, checks. And what `--help` costs."""

from functools import partial

from benchmarks.commands import Bench
from benchmarks.ground import ground
from benchmarks.row import Row
from benchmarks.tasks import write_task
from benchmarks.timing import in_turn


def rows(*, tiny: bool = False) -> list[Row]:
    """Measure with a job of eight questions."""
    times = 1 if tiny else 3
    with ground() as bench:
        write_task(bench.root / "tasks", "bench_tiny", 8)
        bench.job(["bench_tiny"])  # the first job ever: the database is made
        (warm,) = in_turn(times, lambda: bench.job(["bench_tiny"]).seconds)
        (cold,) = in_turn(times, partial(_after_stop, bench))
        (told,) = in_turn(times, lambda: bench.evallab("--help").seconds)
    note = "a job of 8 questions: interpreters, imports, checks, scores"
    return [
        Row(
            metric="`evallab run --local` besides the model, Postgres up", measured=warm, unit="s", target=2, note=note
        ),
        Row(metric="the same, Postgres stopped", measured=cold, unit="s", target=4),
        Row(metric="`evallab --help`", measured=told, unit="s", target=0.15),
    ]


def _after_stop(bench: Bench) -> float:
    bench.stop()
    return bench.job(["bench_tiny"]).seconds
