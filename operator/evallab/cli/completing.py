"""What the shell offers after Tab: jobs, benchmarks, providers, as they are. Called by click while it completes.

It answers at once or not at all: the embedded Postgres is asked only while it runs and never started, a database that
does not answer is given up soon, and whatever goes wrong is an empty list, because a shell has no place for errors.
"""

import asyncio
import os
import warnings
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import wraps
from typing import TYPE_CHECKING, TypeVar

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from evallab.settings import Settings
    from evallab.store.interface import JobRow, Store

T = TypeVar("T")
PATIENCE_S = 2.0
JOBS = 200
Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def quiet(complete: Complete) -> Complete:
    """Make a completion that never fails and never speaks."""

    @wraps(complete)
    def wrapped(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        try:
            with warnings.catch_warnings(action="ignore"):
                return complete(ctx, param, incomplete)
        except Exception:  # noqa: BLE001 - see above
            return []

    return wrapped


@quiet
def jobs(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001
    """Offer the names of jobs, newest first; the ids too once somebody began to type one."""
    rows = _recent()
    newest = {row.name: row for row in reversed(rows)}
    named = ((row.name, row) for row in rows if newest[row.name] is row)
    ids = ((row.id[:8], row) for row in rows) if incomplete else ()
    found = [*named, *ids]
    return [
        CompletionItem(value, help=f"{row.state}, {row.created_at:%Y-%m-%d %H:%M}, {row.id[:8]}")
        for value, row in found
        if value.startswith(incomplete)
    ] or [CompletionItem(row.id, help=row.name) for row in rows if row.id.startswith(incomplete)]


@quiet
def benchmarks(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001
    """Offer the benchmarks of the job that was named; of a command that names none, the catalog's, as provider/id."""
    if not any(param.name == "job" for param in ctx.command.params):
        return _items(_of_catalog(), incomplete)
    job = ctx.params.get("job") or next(iter(ctx.args), None)  # click stops parsing at an option without its value
    return _items(_of_job(job) if job else (), incomplete)


@quiet
def providers(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001
    """Offer the providers."""
    from evallab.catalog import load

    found = load(_settings().catalog_dir).providers()
    return [CompletionItem(each.id, help=each.title or each.name) for each in found if each.id.startswith(incomplete)]


def _items(values: Iterable[str], incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(value) for value in values if value.startswith(incomplete)]


def _of_catalog() -> list[str]:
    from evallab.catalog import load

    catalog = load(_settings().catalog_dir)
    return [f"{each.id}/{name}" for each in catalog.providers() for name in catalog.benchmark_ids(each.id)]


def _of_job(reference: str) -> list[str]:
    async def named(store: "Store") -> list[str]:
        snapshot = await store.snapshot(await store.resolve(reference))
        return [row.benchmark_id for row in snapshot.benchmarks]

    return _asked(named) or []


def _recent() -> "Sequence[JobRow]":
    return _asked(lambda store: store.jobs(limit=JOBS)) or []


def _asked(question: "Callable[[Store], Awaitable[T]]") -> T | None:
    """Ask a database that is up already; None where none is."""
    url = _running()
    if url is None:
        return None
    from evallab.store.postgres import PostgresStore

    async def answer() -> T:
        async with PostgresStore(lambda: url, connections=1, patience_s=PATIENCE_S) as store:
            return await question(store)

    return asyncio.run(asyncio.wait_for(answer(), PATIENCE_S))


def _running() -> str | None:
    settings = _settings()
    if settings.url or settings.database_url:
        return None if settings.url else settings.database_url
    from evallab.store.embedded import running

    return running(settings.home)


def _settings() -> "Settings":
    from evallab.settings import Settings

    return Settings.read(os.environ)
