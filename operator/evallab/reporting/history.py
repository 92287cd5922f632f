"""The scores of a model, or of a family, on one benchmark along time. Called by `evallab history`.

A series holds answers to the same questions: of the newest question key, that of a whole run before that of a limited
one. Each point is compared with the usable one before, question by question; where the setup changed, it says what.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from evallab.engine.comparing import pair
from evallab.reporting import figures
from evallab.reporting.paper import Column, Paper
from evallab.reporting.report import Change, change
from evallab.reporting.verdict import style
from evallab.store.interface import HistoryRow, Store

PLOT = 25  #: cells


@dataclass(frozen=True, kw_only=True)
class Point:
    """One job's score. `setup_changes` names what changed in what answered, against the point before."""

    job: str
    job_name: str
    index: int
    model: str
    ended_at: datetime
    score: float
    ci_low: float | None
    ci_high: float | None
    n: int
    validity: str
    evallab_commit: str | None
    setup_key: str | None
    setup_changes: tuple[str, ...]
    comparison: Change | None


@dataclass(frozen=True, kw_only=True)
class History:
    """A series, oldest first. `others` counts scores left out because other questions were asked."""

    name: str
    benchmark: str
    metric: str
    filter: str
    question_key: str | None
    limited: bool
    others: int
    points: tuple[Point, ...]


async def history(store: Store, name: str, rows: Sequence[HistoryRow], *, limit: int) -> History:
    """Make the series of these rows (not empty): the newest `limit` points, compared with those before."""
    chosen = newest_series(rows)
    last = chosen[-1]
    points: list[Point] = []
    before: HistoryRow | None = None
    usable: HistoryRow | None = None
    for row in chosen[-limit - 1 :]:
        points.append(_point(row, before, await _change(store, row, usable)))
        before, usable = row, usable if row.validity == "invalid" else row
    return History(
        name=name,
        benchmark=f"{last.provider_id}/{last.benchmark_id}",
        metric=last.metric,
        filter=last.filter,
        question_key=last.question_key,
        limited=last.limited,
        others=len(rows) - len(chosen),
        points=tuple(points[-limit:]),
    )


def newest_series(rows: Sequence[HistoryRow]) -> list[HistoryRow]:
    """Return the rows with the questions of the newest whole run, else of the newest run; where unknown, only it."""
    newest = next((row for row in reversed(rows) if not row.limited and row.question_key), rows[-1])
    if newest.question_key is None:
        return [newest]
    return [row for row in rows if _questions(row) == _questions(newest)]


def setup_changes(before: HistoryRow | None, row: HistoryRow) -> tuple[str, ...]:
    """Name what changed in what answered; nothing while both setup keys are equal or one is unknown."""
    if before is None or before.setup_key == row.setup_key or None in {before.setup_key, row.setup_key}:
        return ()
    names = tuple(name for name, value in row.setup.items() if before.setup.get(name) != value)
    return names or ("unknown",)


def render(found: History, paper: Paper) -> str:
    """Draw the series as a table with its plot, and say what was left out."""
    points = found.points
    commits = [(point.evallab_commit or "")[:8] for point in points]
    columns = [
        Column("Time", [f"{point.ended_at.astimezone(UTC):%Y-%m-%d %H:%M}" for point in points]),
        *(
            [Column("Model", [point.model for point in points])]
            if {point.model for point in points} != {found.name}
            else []
        ),
        Column("Score", [figures.score(point.score) for point in points], "right"),
        Column("95 % interval", figures.intervals([_interval(point) for point in points])),
        Column("", plot(points, unicode=paper.unicode)),
        Column("Change", figures.right([_delta(point.comparison) for point in points])),
        Column("Verdict", [_verdict(point) for point in points], style=style),
        *([Column("Commit", commits)] if any(commits) else []),
        Column("Job", [point.job[:8] for point in points]),
    ]
    head = f"{found.name} on {found.benchmark}, {figures.metric(found.metric, found.filter)}"
    return "\n\n".join(part for part in (paper.plain(head), paper.table(columns), paper.notes(_notes(found))) if part)


def plot(points: Sequence[Point], *, unicode: bool) -> list[str]:
    """Draw each point with its interval on one common scale."""
    ends = [end for point in points for end in (point.ci_low, point.ci_high, point.score) if end is not None]
    low, width = min(ends), max(ends) - min(ends) or 1.0
    line, dot = ("─", "●") if unicode else ("-", "o")

    def cell(value: float) -> int:
        return round((value - low) / width * (PLOT - 1))

    drawn = []
    for point in points:
        middle = cell(point.score)
        start = middle if point.ci_low is None else cell(point.ci_low)
        end = middle if point.ci_high is None else cell(point.ci_high)
        drawn.append(" " * start + line * (middle - start) + dot + line * (end - middle))
    return drawn


def _questions(row: HistoryRow) -> tuple[str | None, str, str, str, str]:
    return row.question_key, row.metric, row.filter, row.provider_id, row.benchmark_id


async def _change(store: Store, row: HistoryRow, before: HistoryRow | None) -> Change | None:
    if before is None or row.validity == "invalid":
        return None
    made = await pair(store, row, (before.job_id, before.index))
    return None if made is None else change(made, before.job)


def _point(row: HistoryRow, before: HistoryRow | None, compared: Change | None) -> Point:
    return Point(
        job=row.job_id,
        job_name=row.job,
        index=row.index,
        model=row.model,
        ended_at=row.ended_at,
        score=row.value,
        ci_low=row.ci_low,
        ci_high=row.ci_high,
        n=row.n,
        validity=row.validity,
        evallab_commit=row.evallab_commit,
        setup_key=row.setup_key,
        setup_changes=setup_changes(before, row),
        comparison=compared,
    )


def _interval(point: Point) -> figures.Pair | None:
    if point.ci_low is None or point.ci_high is None:
        return None
    return figures.score(point.ci_low), figures.score(point.ci_high)


def _delta(compared: Change | None) -> str:
    if compared is None:
        return ""
    points = figures.is_proportion(compared.baseline_value, compared.value)
    return figures.difference(compared.delta, points=points) + (" pt" if points else "")


def _verdict(point: Point) -> str:
    if point.validity == "invalid":
        return "INVALID"
    return point.comparison.verdict if point.comparison else point.validity.upper()


def _notes(found: History) -> list[tuple[str, str]]:
    notes = [
        (point.job[:8], f"setup changed: {', '.join(point.setup_changes)}")
        for point in found.points
        if point.setup_changes
    ]
    if found.limited:
        notes.append(("limited", "not all questions of the benchmark were asked"))
    if found.others:
        said = f"{figures.count(found.others, 'score')} with other questions (another question key) left out"
        notes.append(("not comparable", said))
    return notes
