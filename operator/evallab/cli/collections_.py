"""`evallab collections`: named lists of benchmarks."""

from typing import Any

import click

from evallab.api.provider import Collection
from evallab.catalog import load
from evallab.cli.output import Format, output_option, show, stdout, write
from evallab.cli.place import placed
from evallab.reporting.lines import first_line
from evallab.reporting.paper import Column, Paper
from evallab.settings import Settings


@click.command(short_help="List collections, or the benchmarks of one.")
@click.argument("collection", metavar="[ID]", required=False)
@output_option
@placed
def collections(settings: Settings, *, collection: str | None, output: Format) -> None:
    """List collections, or the benchmarks of one with their weights and criteria.

    A manifest asks for one with `spec.collection: {id: ID}`.
    """
    catalog = load(settings.catalog_dir)
    paper = stdout(no_color=settings.no_color)
    if collection is None:
        listed = [_summary(each) for each in catalog.collections()]
        show(_table(listed, paper), paper) if output == "table" else write(listed, output)
        return
    found = catalog.collection(collection)
    if output == "table":
        show(_benchmarks(found, paper), paper)
    else:
        write(found.model_dump(mode="json"), output)


def _summary(collection: Collection) -> dict[str, Any]:
    return {
        "id": collection.id,
        "category": collection.category,
        "benchmarks": len(collection.benchmarks),
        "description": first_line(collection.description or collection.name),
    }


def _table(listed: list[dict[str, Any]], paper: Paper) -> str:
    return paper.table(
        [
            Column("Collection", [each["id"] for each in listed]),
            Column("Benchmarks", [str(each["benchmarks"]) for each in listed], "right"),
            Column("Category", [each["category"] for each in listed]),
            Column("Description", [each["description"] for each in listed]),
        ]
    )


def _benchmarks(collection: Collection, paper: Paper) -> str:
    entries = collection.benchmarks
    parameters = [", ".join(f"{name}={value}" for name, value in each.parameters.items()) for each in entries]
    passes = [f"{each.pass_criteria.threshold:g}" if each.pass_criteria else "" for each in entries]
    columns = [
        Column("Benchmark", [f"{each.provider_id}/{each.id}" for each in entries]),
        Column("Weight", ["" if each.weight is None else f"{each.weight:g}" for each in entries], "right"),
        Column("Metric", [each.primary_score.metric if each.primary_score else "" for each in entries]),
        Column("Passes at", passes, "right"),
        Column("Parameters", parameters),
    ]
    about = first_line(collection.description or collection.name)
    threshold = collection.pass_criteria.threshold if collection.pass_criteria else None
    overall = "" if threshold is None else f"The weighted mean passes at {threshold:g}."
    return "\n\n".join(part for part in (paper.plain(about), paper.table(columns), overall) if part)
