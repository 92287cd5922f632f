"""How a job and a benchmark are named on the command line: the argument JOB and the option --benchmark."""

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import Any, TypeVar

import click

from evallab.api.errors import NotFound, UsageError
from evallab.cli import completing
from evallab.store.interface import BenchmarkRow

C = TypeVar("C", bound=Callable[..., Any])

job_argument = click.argument("job", metavar="JOB", shell_complete=completing.jobs)


def benchmark_option(*, required: bool = False) -> Callable[[C], C]:
    """Give a command `--benchmark I|ID`."""
    return click.option(
        "-b",
        "--benchmark",
        metavar="I|ID",
        required=required,
        shell_complete=completing.benchmarks,
        help="A benchmark by its index in the job, its id, or provider/id.",
    )


def benchmark_index(benchmarks: Sequence[BenchmarkRow], named: str) -> int:
    """Return the index that `named` means. Raises NotFound (naming the nearest), or UsageError when several match."""
    if named.isdecimal() and int(named) in {row.index for row in benchmarks}:
        return int(named)
    matching = [row.index for row in benchmarks if named in {row.benchmark_id, f"{row.provider_id}/{row.benchmark_id}"}]
    if len(matching) > 1:
        raise UsageError(f"{named!r} is at several places of this job.", remedy=f"Name its index: {_list(matching)}.")
    if not matching:
        raise NotFound(f"This job has no benchmark {named!r}.", remedy=_near(benchmarks, named))
    return matching[0]


def _near(benchmarks: Sequence[BenchmarkRow], named: str) -> str:
    ids = [row.benchmark_id for row in benchmarks]
    near = get_close_matches(named, ids, n=1)
    return f"Did you mean {near[0]!r}?" if near else f"It has: {_list(ids)}."


def _list(items: Sequence[object]) -> str:
    shown = ", ".join(str(item) for item in items[:10])
    return shown if len(items) <= 10 else f"{shown}, …"
