"""Columns that several tables share: changes with their paired interval, and flips. Called by `table` and `changes`."""

from collections.abc import Sequence

from evallab.reporting import figures
from evallab.reporting.paper import Column
from evallab.reporting.report import Change


def change_columns(changes: Sequence[Change | None]) -> list[Column]:
    """Show Δ with its interval, and how many answers were lost and gained; no columns when nothing was compared."""
    if not any(changes):
        return []
    deltas = figures.right([_delta(change) if change else "" for change in changes])
    spans = figures.intervals([_span(change) if change else None for change in changes])
    lost = figures.right([f"−{change.lost}" if change else "" for change in changes])
    gained = figures.right([f"+{change.gained}" if change else "" for change in changes])
    return [
        Column("Change", [f"{delta} {span}".rstrip() for delta, span in zip(deltas, spans, strict=True)]),
        Column("Flips", [f"{down} {up}".rstrip() for down, up in zip(lost, gained, strict=True)]),
    ]


def in_points(change: Change) -> bool:
    """Say whether the change is one of proportions, shown in points."""
    return figures.is_proportion(change.baseline_value, change.value)


def _delta(change: Change) -> str:
    points = in_points(change)
    return figures.difference(change.delta, points=points) + (" pt" if points else "")


def _span(change: Change) -> figures.Pair | None:
    if change.ci_low is None or change.ci_high is None:
        return None
    points = in_points(change)
    return figures.difference(change.ci_low, points=points), figures.difference(change.ci_high, points=points)
