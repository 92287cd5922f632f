"""`evallab logs`: what the adapters of a job wrote: the kept logs, else the live ones, and on request as they grow."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import cycle

import click

from evallab.api.errors import NotFound
from evallab.cli.exits import Exit
from evallab.cli.following import Follower
from evallab.cli.moments import Moment
from evallab.cli.naming import benchmark_index, benchmark_option, job_argument
from evallab.cli.opening import asked
from evallab.cli.place import anywhere
from evallab.cli.texts import kept_files
from evallab.remote.target import Target
from evallab.reporting.report import short_labels
from evallab.runtimes.local.log_reader import live_logs
from evallab.settings import Settings
from evallab.store.interface import ArtifactRow, AttemptRow, BenchmarkRow, JobSnapshot, Store

SERVER_LOG = "server-log"  #: the kind of file that the log of a model server in a cluster is kept as
COLOURS = ("cyan", "magenta", "yellow", "green", "blue", "red")
Log = tuple[str, str]  #: title and text


@dataclass(frozen=True, kw_only=True)
class Question:
    """What the user asked."""

    job: str
    benchmark: str | None
    tail: int | None
    since: datetime | None


@click.command(short_help="Print what the adapters of a job wrote.")
@job_argument
@benchmark_option()
@click.option("-f", "--follow", is_flag=True, help="Go on while the job runs, through attempts and benchmarks.")
@click.option("--tail", type=click.IntRange(0), metavar="N", help="Only the last N lines of each log.")
@click.option(
    "--since", type=Moment(), metavar="TIME", help="Only logs that were still written then: 10m ago, or a time."
)
@anywhere
def logs(
    settings: Settings,
    target: Target | None,
    /,
    *,
    job: str,
    benchmark: str | None,
    follow: bool,
    tail: int | None,
    since: datetime | None,
) -> int:
    """Print what the adapters of a job wrote; with --benchmark only that of one benchmark.

    With --follow lines appear as they are written, each after the name of its benchmark where there are several, until
    the job ends. Lines carry no time of their own: --since chooses the attempts that had not ended before.
    """
    question = Question(job=job, benchmark=benchmark, tail=tail, since=since)
    if follow:
        return _follow(settings, target, question)
    found = _there(target, question) if target else asked(settings, lambda store: _logs(store, settings, question))
    for title, text in found:
        if len(found) > 1:
            click.echo(f"==> {title} <==")
        click.echo("\n".join(_last(text, tail)))
    return Exit.FINE


def _there(target: Target, question: Question) -> list[Log]:
    from evallab.cli.elsewhere import asked_there
    from evallab.cli.logs_there import kept

    return asked_there(target, lambda lab: kept(lab, question, datetime.now(UTC)))


def _follow(settings: Settings, target: Target | None, question: Question) -> int:
    """Follow until the job ends; Ctrl-C is how people stop looking, so nothing is said about it."""
    try:
        if target:
            _follow_there(settings, target, question)
        else:
            asked(settings, lambda store: _followed(store, settings, question))
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    return Exit.FINE


def _follow_there(settings: Settings, target: Target, question: Question) -> None:
    from evallab.cli.elsewhere import asked_there
    from evallab.cli.logs_there import followed

    now = datetime.now(UTC)
    asked_there(
        target, lambda lab: followed(lab, question, now, lambda rows: _saying(rows, no_color=settings.no_color))
    )


async def _followed(store: Store, settings: Settings, question: Question) -> None:
    snapshot = await store.snapshot(await store.resolve(question.job))
    rows = wanted(snapshot, question)
    follower = Follower(
        directory=settings.jobs_dir / snapshot.job.id,
        indexes=tuple(row.index for row in rows),
        say=_saying(rows, no_color=settings.no_color),
        skip=question.tail,
    )
    await follower.until_the_end(store, snapshot.job.id)
    kept = [each for each in await store.artifacts(snapshot.job.id) if each.kind == "log" and each.index is not None]
    files = kept_files(settings)
    newest = {each.index: each for each in kept if each.index in follower.indexes and each.index is not None}
    follower.kept({index: files.open_text(each) for index, each in newest.items()})


def _saying(rows: Sequence[BenchmarkRow], *, no_color: bool) -> "Prefixed":
    names = dict(zip((row.index for row in rows), short_labels(rows), strict=True))
    return Prefixed(names if len(rows) > 1 else {}, no_color=no_color)


class Prefixed:
    """Prints lines, each after the name of its benchmark, in a colour of its own on a terminal."""

    def __init__(self, names: dict[int, str], *, no_color: bool) -> None:
        """Take the names by index; none where there is nothing to tell apart."""
        width = max(map(len, names.values()), default=0)
        coloured = zip(names.items(), cycle(COLOURS), strict=False)
        self._prefixes = {index: click.style(f"{name:<{width}} | ", fg=colour) for (index, name), colour in coloured}
        self._color = False if no_color else None

    def __call__(self, index: int, line: str) -> None:
        """Print a line."""
        click.echo(self._prefixes.get(index, "") + line, color=self._color)


def wanted(snapshot: JobSnapshot, question: Question) -> list[BenchmarkRow]:
    """Return the benchmarks that are meant."""
    wanted = None if question.benchmark is None else benchmark_index(snapshot.benchmarks, question.benchmark)
    return [row for row in snapshot.benchmarks if wanted in {None, row.index}]


async def _logs(store: Store, settings: Settings, question: Question) -> list[Log]:
    snapshot = await store.snapshot(await store.resolve(question.job))
    kept = [each for each in await store.artifacts(snapshot.job.id) if each.kind in {"log", SERVER_LOG}]
    kept = _written_since(kept, snapshot.attempts, question.since)
    found = [log for row in wanted(snapshot, question) for log in _of_benchmark(row, kept, settings, question)]
    found += _of_job(kept, settings) if question.benchmark is None else []
    if not found:
        raise _nothing(snapshot, settings, question)
    return found


def _nothing(snapshot: JobSnapshot, settings: Settings, question: Question) -> NotFound:
    what = f"{snapshot.job.name} ({snapshot.job.id[:8]})"
    if question.since is not None:
        return NotFound(f"No log of {what} was written since then.", remedy="Leave out --since.")
    return NotFound(
        f"There is no log of {what}.",
        remedy=f"Nothing was kept, and {settings.jobs_dir} has none: did it start? evallab show {question.job}",
    )


def _written_since(
    kept: Sequence[ArtifactRow], attempts: Sequence[AttemptRow], since: datetime | None
) -> list[ArtifactRow]:
    """Leave out the logs of attempts that had ended before."""
    before = {each.id for each in attempts if since and each.finished_at and each.finished_at < since}
    return [each for each in kept if each.attempt_id not in before]


def _of_benchmark(
    row: BenchmarkRow, kept: Sequence[ArtifactRow], settings: Settings, question: Question
) -> Iterator[Log]:
    """Yield the kept logs of a benchmark, one per attempt; what is being written now is not kept yet."""
    label = f"{row.index} {row.provider_id}/{row.benchmark_id}"
    own = [each for each in kept if each.index == row.index]
    files = kept_files(settings)
    for number, artifact in enumerate(own, 1):
        yield label if len(own) == 1 else f"{label}, {number} of {len(own)}", files.open_text(artifact)
    if row.state == "running" or (not own and question.since is None):
        for path in live_logs(settings.jobs_dir / row.job_id / str(row.index)):
            yield label if not own else f"{label}, now", path.read_text(encoding="utf-8", errors="replace")


def _of_job(kept: Sequence[ArtifactRow], settings: Settings) -> Iterator[Log]:
    """Yield what belongs to no benchmark: the model server's log."""
    for artifact in kept:
        if artifact.index is None:
            yield artifact.name, kept_files(settings).open_text(artifact)


def _last(text: str, tail: int | None) -> list[str]:
    lines = text.splitlines()
    return lines if tail is None else lines[len(lines) - min(tail, len(lines)) :]
