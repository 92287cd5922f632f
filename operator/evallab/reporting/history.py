"""The scores of a model, or of a family, on one benchmark along time. Called by `evallab history`.

A series holds answers to the same questions: of the newest question key, that of a whole run before that of a limited
one. Each point is compared with the usable one before, question by question; where the setup changed, it says what.
Control limits are two standard deviations around the valid scores before, of the same setup only: a label beside the
verdict, not the verdict.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from evallab.analysis.history import TwoSigma, two_sigma
from evallab.engine.comparing import pair
from evallab.reporting import figures
from evallab.reporting.paper import Column, Paper
from evallab.reporting.regressions import false_alarms
from evallab.reporting.regressions import said as ruled
from evallab.reporting.report import Change, change
from evallab.reporting.verdict import style
from evallab.store.interface import HistoryRow, Store

PLOT = 25  #: cells
NARROW = 13  #: where the terminal has fewer than 80 columns


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
    #: the 2σ rule, from the valid scores before it of the same setup
    rule: TwoSigma = field(default_factory=lambda: TwoSigma(n=0))


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
        points.append(_point(row, before, await _change(store, row, usable), rule(chosen, row)))
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


def rule(series: Sequence[HistoryRow], row: HistoryRow) -> TwoSigma:
    """Hold a score against the valid ones before it that the same setup answered."""
    before = series[: next(place for place, each in enumerate(series) if each is row)]
    values = [each.value for each in before if each.validity == "valid" and each.setup_key == row.setup_key]
    return two_sigma(values, row.value, higher_is_better=row.higher_is_better)


def setup_changes(before: HistoryRow | None, row: HistoryRow) -> tuple[str, ...]:
    """Name what changed in what answered; nothing while both setup keys are equal or one is unknown."""
    if before is None or before.setup_key == row.setup_key or None in {before.setup_key, row.setup_key}:
        return ()
    names = tuple(name for name, value in row.setup.items() if before.setup.get(name) != value)
    return names or ("unknown",)


def render(found: History, paper: Paper) -> str:
    """Draw the series as a table with its plot, and say what was left out."""
    points = found.points
    time = Column("Time", [f"{point.ended_at.astimezone(UTC):%Y-%m-%d %H:%M}" for point in points])
    tables = paper.tables(time, _what(found, paper), _how(found))
    return "\n\n".join(part for part in (paper.plain(title(found)), *tables, paper.notes(_notes(found))) if part)


def title(found: History) -> str:
    """Say whose scores these are, and of what."""
    return f"{found.name} on {found.benchmark}, {figures.metric(found.metric, found.filter)}"


def _what(found: History, paper: Paper) -> list[Column]:
    """The scores, drawn on one scale."""
    points = found.points
    models = [point.model for point in points]
    cells = PLOT if paper.width is None or paper.width >= 80 else NARROW
    return [
        *([Column("Model", models)] if set(models) != {found.name} else []),
        Column("Score", [figures.score(point.score) for point in points], "right"),
        Column("95 % interval", figures.intervals([_interval(point) for point in points])),
        Column("", plot(points, unicode=paper.unicode, cells=cells)),
    ]


def _how(found: History) -> list[Column]:
    """What the scores mean: against the one before, and against all before."""
    points = found.points
    commits = [(point.evallab_commit or "")[:8] for point in points]
    return [
        Column("Change", figures.right([_delta(point.comparison) for point in points])),
        Column("Verdict", [_verdict(point) for point in points], style=style),
        *([Column("2σ rule", [ruled(point.rule) for point in points])] if any(p.rule.limits for p in points) else []),
        *([Column("Commit", commits)] if any(commits) else []),
        Column("Job", [point.job[:8] for point in points]),
    ]


def plot(points: Sequence[Point], *, unicode: bool, cells: int = PLOT) -> list[str]:
    """Draw each point with its interval on one common scale, and its control limits where it has some."""
    ends = [end for point in points for end in _ends(point)]
    low, width = min(ends), max(ends) - min(ends) or 1.0

    def cell(value: float) -> int:
        return round((value - low) / width * (cells - 1))

    return [_drawn(point, cell, ("─", "●", "┊") if unicode else ("-", "o", ":")) for point in points]


def _ends(point: Point) -> list[float]:
    known = (point.ci_low, point.ci_high, point.score, *(point.rule.limits or ()))
    return [end for end in known if end is not None]


def _drawn(point: Point, cell: Callable[[float], int], marks: tuple[str, str, str]) -> str:
    line, dot, limit = marks
    middle = cell(point.score)
    start = middle if point.ci_low is None else cell(point.ci_low)
    end = middle if point.ci_high is None else cell(point.ci_high)
    limits = [cell(each) for each in point.rule.limits or ()]
    drawn = [" "] * (max(end, *limits, 0) + 1)
    drawn[start : end + 1] = line * (end + 1 - start)
    for each in limits:
        drawn[each] = limit
    drawn[middle] = dot
    return "".join(drawn)


def _questions(row: HistoryRow) -> tuple[str | None, str, str, str, str]:
    return row.question_key, row.metric, row.filter, row.provider_id, row.benchmark_id


async def _change(store: Store, row: HistoryRow, before: HistoryRow | None) -> Change | None:
    if before is None or row.validity == "invalid":
        return None
    made = await pair(store, row, (before.job_id, before.index))
    return None if made is None else change(made, before.job)


def _point(row: HistoryRow, before: HistoryRow | None, compared: Change | None, ruled_: TwoSigma) -> Point:
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
        rule=ruled_,
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
    notes += false_alarms([point.rule for point in found.points])
    if found.limited:
        notes.append(("limited", "not all questions of the benchmark were asked"))
    if found.others:
        said = f"{figures.count(found.others, 'score')} with other questions (another question key) left out"
        notes.append(("not comparable", said))
    return notes
