"""`evallab datasets`: test data as snapshots: fetched once, listed, verified, collected. Jobs fetch by themselves."""

import os
import re
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from evallab.api.errors import NotFound, UsageError
from evallab.catalog import load
from evallab.cli import manifest_of
from evallab.cli.errors import show as show_error
from evallab.cli.exits import Exit
from evallab.cli.opening import asked
from evallab.cli.output import Format, output_option, show, stdout, write
from evallab.cli.place import placed
from evallab.datasets.collecting import Needs, collect, last_used, unneeded
from evallab.datasets.failures import DatasetFailed
from evallab.datasets.snapshots import Snapshot, Snapshots
from evallab.datasets.sources import Source, of_test_data, parse
from evallab.datasets.watch import Watch, size
from evallab.local.data import fetcher as fetcher_of
from evallab.local.preparing import prepare
from evallab.reporting.durations import age
from evallab.reporting.paper import Column, Paper
from evallab.settings import Settings

_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds", "w": "weeks"}
SHA256 = re.compile(r"[0-9a-f]{64}")


class Age(click.ParamType[timedelta]):
    """A length of time: 30d, 12h."""

    name = "age"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Return it."""
        if isinstance(value, timedelta):
            return value
        match = re.fullmatch(r"(\d{1,6})([dhmsw])", str(value))
        if match is None:
            self.fail(f"{value!r} is no length of time, such as 30d or 12h.", param, ctx)
        return timedelta(**{_UNITS[match[2]]: int(match[1])})


@click.group(short_help="Fetch, list, verify and collect test data.")
def datasets() -> None:
    """Fetch, list, verify and collect test data.

    A job fetches what its testDataRef names by itself; fetched once, it is there offline. A snapshot is pinned to a
    revision and verified, byte for byte, before each use.
    """


@datasets.command(short_help="Fetch datasets, or what a manifest names.")
@click.argument("sources", metavar="[SOURCE]...", nargs=-1)
@click.option("-f", "--file", type=click.Path(path_type=Path, allow_dash=True), help="Everything this manifest names.")
@click.option("--secret", type=click.Path(file_okay=False, path_type=Path), help="Directory with credentials.")
@click.option("--sha256", help="What the one SOURCE must hash to.")
@click.option("--refresh", is_flag=True, help="Ask anew what a branch or URL means, and mend a damaged snapshot.")
@click.option("--pin/--unpin", default=None, help="Keep it whatever gc removes, or no longer.")
@output_option
@placed
def fetch(
    settings: Settings,
    /,
    *,
    sources: tuple[str, ...],
    file: Path | None,
    secret: Path | None,
    sha256: str | None,
    refresh: bool,
    pin: bool | None,
    output: Format,
) -> None:
    """Fetch datasets, or what a manifest names.

    \b
      evallab datasets fetch hf:openai/gsm8k@main
      evallab datasets fetch https://data.example/questions.jsonl
      evallab datasets fetch git+https://git.example/data.git@v1 s3://bucket/evals/ ./own.jsonl bundled:code
      evallab datasets fetch -f evaljob.yaml

    A branch or tag is resolved to a commit once and recorded; --refresh resolves it again.
    """
    wanted = _wanted(settings, sources, file, secret=secret, sha256=sha256)
    fetcher = fetcher_of(settings, os.environ)
    found = []
    for source in wanted:
        with _watched() as watch:
            found.append(fetcher.fetch(source, watch, refresh=refresh))
        if pin is not None:
            fetcher.snapshots.pin(found[-1], pinned=pin)
    _show(settings, found, fetcher.snapshots, output)


@datasets.command("list", short_help="List the snapshots that are here.")
@output_option
@placed
def list_(settings: Settings, *, output: Format) -> None:
    """List the snapshots that are here, with their revision and hash."""
    snapshots = Snapshots(settings.datasets_dir)
    _show(settings, snapshots.all(), snapshots, output)


@datasets.command(short_help="Check that snapshots are what was fetched.")
@click.argument("ids", metavar="[SNAPSHOT]...", nargs=-1)
@placed
def verify(settings: Settings, *, ids: tuple[str, ...]) -> int:
    """Check that snapshots, all of them by default, are byte for byte what was fetched."""
    fetcher = fetcher_of(settings, os.environ)
    chosen = [_named(fetcher.snapshots, each) for each in ids] if ids else fetcher.snapshots.all()
    damaged = 0
    for snapshot in chosen:
        try:
            with _watched() as watch:
                fetcher.verify(snapshot, watch)
        except DatasetFailed as error:
            damaged += 1
            show_error(error)
        else:
            click.echo(f"{snapshot.id}: {len(snapshot.manifest.files)} files, unchanged")
    return Exit.BENCHMARK_FAILED if damaged else Exit.FINE


@datasets.command(short_help="Remove snapshots that no job used lately.")
@click.option("--older-than", type=Age(), default="30d", show_default=True, metavar="AGE", help="Unused for how long.")
@click.option("--dry-run", is_flag=True, help="Say what would be removed, remove nothing.")
@placed
def gc(settings: Settings, *, older_than: timedelta, dry_run: bool) -> None:
    """Remove snapshots that no job used, and nobody fetched, since then; also what interrupted fetches left.

    Pinned snapshots and those of unfinished jobs stay.
    """
    snapshots = Snapshots(settings.datasets_dir)
    needs = Needs(since=datetime.now(UTC) - older_than, unfinished=_unfinished(settings, snapshots))
    gone = unneeded(snapshots, needs) if dry_run else collect(snapshots, needs)
    for snapshot in gone:
        click.echo(f"{snapshot.id}  {size(snapshot.manifest.size)}")
    freed = size(sum(each.manifest.size for each in gone))
    click.echo(f"{freed} {'would be' if dry_run else 'were'} freed.", err=True)


def _wanted(
    settings: Settings, words: Sequence[str], file: Path | None, *, secret: Path | None, sha256: str | None
) -> list[Source]:
    if sha256 is not None and (len(words) != 1 or not SHA256.fullmatch(sha256)):
        raise UsageError("--sha256 goes with one SOURCE, and is 64 hexadecimal digits in lower case.")
    named = [parse(each, secret=secret, sha256=sha256) for each in words]
    if file is not None:
        named += _of_manifest(settings, file)
    if not named:
        raise UsageError("Nothing to fetch.", remedy="Name a SOURCE, or a manifest with -f; see --help for the forms.")
    return named


def _of_manifest(settings: Settings, file: Path) -> list[Source]:
    source = manifest_of.of_file(file)
    catalog = load(settings.catalog_dir)
    job = prepare(source.data, file=source.name, directory=source.directory, catalog=catalog).job
    found = [of_test_data(each.test_data, source.directory) for each in job.benchmarks if each.test_data]
    return list(dict.fromkeys(each for each in found if each is not None))


def _named(snapshots: Snapshots, named: str) -> Snapshot:
    matching = [each for each in snapshots.all() if each.id.startswith(named)]
    if len(matching) == 1:
        return matching[0]
    if matching:
        raise UsageError(f"{named!r} begins {len(matching)} snapshots.", remedy="Give more of its id.")
    raise NotFound(f"There is no snapshot {named!r}.", remedy="See: evallab datasets list")


def _unfinished(settings: Settings, snapshots: Snapshots) -> set[str]:
    """Return the jobs that still need their data; nobody is asked where no job used any."""
    if not snapshots.uses():
        return set()
    return {row.id for row in asked(settings, lambda store: store.unfinished("local"))}


def _show(settings: Settings, found: Sequence[Snapshot], snapshots: Snapshots, output: Format) -> None:
    uses = snapshots.uses()
    if output != "table":
        lines = [_record(each, last_used(each, uses)) for each in found]
        write({"schema": "evallab.datasets/1", "datasets": lines}, output)
    elif found:
        paper = stdout(no_color=settings.no_color)
        now = datetime.now(UTC)
        show(table(found, [last_used(each, uses) for each in found], paper, now=now), paper)
    else:
        click.echo("No datasets. Fetch one: evallab datasets fetch hf:OWNER/NAME", err=True)


def table(found: Sequence[Snapshot], used: Sequence[datetime | None], paper: Paper, *, now: datetime) -> str:
    """Draw the list."""
    return paper.table(
        [
            Column("Source", [each.manifest.source for each in found]),
            Column("Revision", [each.manifest.revision[:12] for each in found]),
            Column("SHA-256", [each.manifest.sha256[:12] for each in found]),
            Column("Files", [str(len(each.manifest.files)) for each in found], "right"),
            Column("Size", [size(each.manifest.size) for each in found], "right"),
            Column("Fetched", [age(each.manifest.fetched_at, now) for each in found]),
            Column("Used", ["–" if each is None else age(each, now) for each in used]),
            Column("Pinned", ["yes" if each.pinned else "–" for each in found]),
        ]
    )


def _record(snapshot: Snapshot, used: datetime | None) -> dict[str, Any]:
    manifest = snapshot.manifest.model_dump(mode="json", exclude={"schema_version", "files", "detail"})
    return {
        "id": snapshot.id,
        **manifest,
        "files": len(snapshot.manifest.files),
        "size": snapshot.manifest.size,
        "last_used": used.isoformat() if used else None,
        "pinned": snapshot.pinned,
        "path": str(snapshot.content),
    }


@contextmanager
def _watched() -> Iterator[Watch]:
    """Show the progress on a terminal; Ctrl-C ends the fetch between two pieces, and what was complete is kept."""
    watch, ended = Watch(), threading.Event()
    terminal = sys.stderr.isatty()
    thread = threading.Thread(target=_draw, args=(watch, ended), daemon=True) if terminal else None
    if thread:
        thread.start()
    try:
        yield watch
    finally:
        ended.set()
        if thread:
            thread.join()


def _draw(watch: Watch, ended: threading.Event) -> None:
    while not ended.wait(0.2):
        click.echo(f"\r\033[K{watch.sentence()}"[:200], nl=False, err=True)
    click.echo("\r\033[K", nl=False, err=True)
