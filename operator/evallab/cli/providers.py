"""`evallab providers`: what can be measured."""

from typing import Any

import click

from evallab.api.provider import Provider
from evallab.catalog import Catalog, load
from evallab.cli import completing
from evallab.cli.output import Format, output_option, show, stdout, write
from evallab.cli.place import placed
from evallab.reporting.lines import first_line, fitted
from evallab.reporting.paper import Column, Paper
from evallab.settings import Settings


@click.command(short_help="List providers, or the benchmarks of one.")
@click.argument("provider", metavar="[ID]", required=False, shell_complete=completing.providers)
@output_option
@placed
def providers(settings: Settings, *, provider: str | None, output: Format) -> None:
    """List providers; with ID, the benchmarks of that one."""
    catalog = load(settings.catalog_dir)
    paper = stdout(no_color=settings.no_color)
    if provider is None:
        listed = [_summary(catalog, each) for each in catalog.providers()]
        show(_table(listed, paper), paper) if output == "table" else write(listed, output)
        return
    described = catalog.provider(provider)
    if output == "table":
        show(_benchmarks(catalog, described, paper), paper)
    else:
        write({**described.model_dump(mode="json"), "benchmark_ids": list(catalog.benchmark_ids(provider))}, output)


def _summary(catalog: Catalog, provider: Provider) -> dict[str, Any]:
    return {
        "id": provider.id,
        "title": provider.title or provider.name,
        "benchmarks": len(catalog.benchmark_ids(provider.id)),
        "runs_locally": bool(provider.runtime and provider.runtime.local),
        "runs_in_a_cluster": bool(provider.runtime and provider.runtime.k8s),
    }


def _table(listed: list[dict[str, Any]], paper: Paper) -> str:
    runs = [[word for word in ("locally", "in_a_cluster") if each[f"runs_{word}"]] for each in listed]
    return paper.table(
        [
            Column("Provider", [each["id"] for each in listed]),
            Column("Benchmarks", [str(each["benchmarks"]) for each in listed], "right"),
            Column("Runs", [", ".join(words).replace("_", " ") or "–" for words in runs]),
            Column("Title", [each["title"] for each in listed]),
        ]
    )


def _benchmarks(catalog: Catalog, provider: Provider, paper: Paper) -> str:
    ids = [benchmark.id for benchmark in provider.benchmarks]
    more = len(catalog.benchmark_ids(provider.id)) - len(ids)
    primary = [each.primary_score.metric if each.primary_score else "" for each in provider.benchmarks]
    columns = [
        Column("Benchmark", ids),
        Column("Category", [benchmark.category for benchmark in provider.benchmarks]),
        Column("Metric", primary),
        Column("Questions", [str(each.dataset_size or "") for each in provider.benchmarks], "right"),
    ]
    room = max(20, (paper.width or 200) - sum(column.width + 2 for column in columns))
    about = [fitted(first_line(each.description or each.name), room) for each in provider.benchmarks]
    named = f"{more} more are known by name: evallab providers {provider.id} --output json" if more > 0 else ""
    table = paper.table([*columns, Column("Description", about)]) if ids else ""
    return "\n\n".join(part for part in (table, named) if part)
