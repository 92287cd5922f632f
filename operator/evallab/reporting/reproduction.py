"""The table of a repetition: per benchmark how many answers and scores changed, and the verdict."""

from collections.abc import Sequence
from typing import Any

from evallab.engine.reproducing import Repeated, Repetition
from evallab.reporting import figures
from evallab.reporting.document import plain
from evallab.reporting.paper import Column, Paper

STYLES = {"bitwise": "green", "within": "yellow", "non-reproducible": "red", "": "dim"}


def document(found: Repetition) -> dict[str, Any]:
    """Return it as plain JSON values: the shape of `--output json` and of REST."""
    return {"schema": "evallab.reproduction/1", **plain(found)}


def render(head: str, rows: Sequence[Repeated], paper: Paper) -> str:
    """Return the table with what has to be said about single benchmarks."""
    columns = [
        Column("Benchmark", [row.benchmark for row in rows]),
        Column("Questions", [str(row.found.n) if row.found else "" for row in rows], "right"),
        Column("Texts changed", [str(row.found.texts) if row.found else "" for row in rows], "right"),
        Column("Scores flipped", [str(row.found.flips) if row.found else "" for row in rows], "right"),
        Column("Change", figures.right([_change(row) for row in rows])),
        Column("Window", figures.right([f"±{100 * row.found.window:.2f}" if row.found else "" for row in rows])),
        Column("Verdict", [_verdict(row) for row in rows], style=lambda cell: STYLES.get(cell, "")),
    ]
    notes = [(row.benchmark, said) for row in rows if (said := _note(row))]
    return "\n\n".join(part for part in (paper.plain(head), paper.table(columns), paper.notes(notes)) if part)


def _change(row: Repeated) -> str:
    return f"{100 * row.found.delta:+.2f}" if row.found else ""


def _verdict(row: Repeated) -> str:
    return row.found.verdict if row.found else "not comparable"


def _note(row: Repeated) -> str:
    why = row.found.why if row.found and row.found.verdict != "bitwise" else ""
    return "; ".join(part for part in (why, row.why) if part)
