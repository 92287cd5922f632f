"""Models × benchmarks: the newest usable primary score of each, ranked only where the questions were the same.

Called by `evallab leaderboard`. A column holds one question key: of the newest whole run, else of the newest limited
one; scores of other questions are listed as not comparable. Ranks are equal where the intervals overlap; `ties` puts
those of paired comparisons in their place.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from evallab.reporting import figures
from evallab.reporting.document import plain
from evallab.reporting.paper import Column, Paper
from evallab.store.interface import LatestRow

TIED = {
    "intervals": "the 95 % intervals overlap",
    "pairs": "question by question neither is better beyond doubt (q > 0.05 over all pairs of the column)",
}
Questions = tuple[str | None, str, str]  #: question key, metric, filter


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A model's score in a column. `rank` is 1 + how many are known to be better: those who are not share it."""

    model: str
    rank: int
    score: float
    ci_low: float | None
    ci_high: float | None
    n: int
    validity: str
    job: str
    index: int  #: of the benchmark in its job
    job_name: str
    ended_at: datetime


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """One column: a benchmark with one set of questions, its entries best first."""

    benchmark: str
    metric: str
    filter: str
    question_key: str | None
    limited: bool
    higher_is_better: bool
    entries: tuple[Entry, ...]
    ranked_by: Literal["intervals", "pairs"] = "intervals"  #: how it is known who is better


@dataclass(frozen=True, kw_only=True)
class Apart:
    """A score that is in no column, and why."""

    model: str
    benchmark: str
    score: float
    n: int
    job: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Board:
    """The whole leaderboard. `models` are in the order of the rows."""

    models: tuple[str, ...]
    rankings: tuple[Ranking, ...]
    not_comparable: tuple[Apart, ...]


def board(rows: Sequence[LatestRow]) -> Board:
    """Arrange the newest scores (pure)."""
    by_benchmark: dict[str, list[LatestRow]] = {}
    for row in rows:
        by_benchmark.setdefault(f"{row.provider_id}/{row.benchmark_id}", []).append(row)
    rankings, apart = [], []
    for benchmark, found in by_benchmark.items():
        chosen = _chosen(found)
        column = [row for row in found if _questions(row) == _questions(chosen)] if chosen.question_key else []
        if column:
            rankings.append(_ranking(benchmark, chosen, column))
        inside = {row.model for row in column}
        apart += [_apart(benchmark, row, chosen) for row in _newest(found) if row.model not in inside]
    return Board(models=_order(rankings), rankings=tuple(rankings), not_comparable=tuple(apart))


def document(found: Board) -> dict[str, Any]:
    """Return the leaderboard as plain JSON values."""
    return {"schema": "evallab.leaderboard/1", **plain(found)}


def lines(found: Board) -> list[dict[str, Any]]:
    """Return one flat line per score that is in a column, for CSV."""
    return [
        {
            "benchmark": ranking.benchmark,
            "metric": figures.metric(ranking.metric, ranking.filter),
            "limited": ranking.limited,
            "question_key": ranking.question_key,
            **plain(entry),
        }
        for ranking in found.rankings
        for entry in ranking.entries
    ]


def render(found: Board, paper: Paper) -> str:
    """Draw the leaderboard, one column per benchmark; where it is too wide, in several tables."""
    parts = []
    for rankings in _fitting(found, paper):
        models = [model for model in found.models if any(_entry(ranking, model) for ranking in rankings)]
        label = Column("Model", models)
        parts.append(paper.table([label, *(column for ranking in rankings for column in _columns(ranking, models))]))
    parts.append(paper.notes(_notes(found)))
    return "\n\n".join(part for part in parts if part)


def _questions(row: LatestRow) -> Questions:
    return row.question_key, row.metric, row.filter


def _chosen(rows: Sequence[LatestRow]) -> LatestRow:
    """Return the row whose questions make the column: whole before limited, known before unknown, newest."""
    return max(rows, key=lambda row: (row.question_key is not None, not row.limited, row.ended_at, row.job_id))


def _newest(rows: Sequence[LatestRow]) -> list[LatestRow]:
    """Return each model's newest row."""
    newest: dict[str, LatestRow] = {}
    for row in sorted(rows, key=lambda row: row.ended_at):
        newest[row.model] = row
    return list(newest.values())


def _ranking(benchmark: str, chosen: LatestRow, rows: Sequence[LatestRow]) -> Ranking:
    sign = 1 if chosen.higher_is_better else -1
    ordered = sorted(rows, key=lambda row: (-sign * row.value, row.model))
    return Ranking(
        benchmark=benchmark,
        metric=chosen.metric,
        filter=chosen.filter,
        question_key=chosen.question_key,
        limited=chosen.limited,
        higher_is_better=chosen.higher_is_better,
        entries=tuple(_entry_of(row, rank) for row, rank in zip(ordered, _ranks(ordered, sign), strict=True)),
    )


def _ranks(rows: Sequence[LatestRow], sign: int) -> list[int]:
    """Return 1 + how many intervals lie wholly on the better side of each; without an interval nobody can say."""
    spans = [_oriented(row, sign) for row in rows]
    worst = sorted(span[0] for span in spans if span)
    return [1 + (len(worst) - bisect_right(worst, span[1]) if span else 0) for span in spans]


def _oriented(row: LatestRow, sign: int) -> tuple[float, float] | None:
    """Return an interval from its worst to its best end, higher being better."""
    if row.ci_low is None or row.ci_high is None:
        return None
    return (row.ci_low, row.ci_high) if sign > 0 else (-row.ci_high, -row.ci_low)


def _entry_of(row: LatestRow, rank: int) -> Entry:
    return Entry(
        model=row.model,
        rank=rank,
        score=row.value,
        ci_low=row.ci_low,
        ci_high=row.ci_high,
        n=row.n,
        validity=row.validity,
        job=row.job_id,
        index=row.index,
        job_name=row.job,
        ended_at=row.ended_at,
    )


def _apart(benchmark: str, row: LatestRow, chosen: LatestRow) -> Apart:
    if row.question_key is None:
        reason = "what was asked is not known"
    elif row.limited and not chosen.limited:
        reason = "limited: not all questions were asked"
    elif (row.metric, row.filter) != (chosen.metric, chosen.filter):
        reason = f"another primary metric: {figures.metric(row.metric, row.filter)}"
    else:
        reason = f"other questions (question key {row.question_key[:8]})"
    return Apart(model=row.model, benchmark=benchmark, score=row.value, n=row.n, job=row.job_id, reason=reason)


def _order(rankings: Sequence[Ranking]) -> tuple[str, ...]:
    """Put models with more columns first, then by mean rank, then by name."""
    ranks: dict[str, list[int]] = {}
    for ranking in rankings:
        for entry in ranking.entries:
            ranks.setdefault(entry.model, []).append(entry.rank)
    places = {entry.model: place for ranking in rankings[:1] for place, entry in enumerate(ranking.entries)}
    last = len(places)
    return tuple(
        sorted(
            ranks,
            key=lambda name: (-len(ranks[name]), sum(ranks[name]) / len(ranks[name]), places.get(name, last), name),
        )
    )


def _fitting(found: Board, paper: Paper) -> list[list[Ranking]]:
    """Split the columns into tables that fit."""
    tables: list[list[Ranking]] = []
    room = width = max((len(model) for model in found.models), default=0)
    for ranking in found.rankings:
        wide = sum(column.width + 2 for column in _columns(ranking, list(found.models)))
        if not tables or (paper.width is not None and width + wide > paper.width):
            tables.append([])
            width = room
        tables[-1].append(ranking)
        width += wide
    return tables


def _columns(ranking: Ranking, models: Sequence[str]) -> list[Column]:
    entries = [_entry(ranking, model) for model in models]
    name = ranking.benchmark.partition("/")[2] + ("*" if ranking.limited else "")
    spans = figures.intervals([_interval(entry) if entry else None for entry in entries])
    marks = ["~" if entry and entry.validity != "valid" else "" for entry in entries]
    scores = [
        f"{figures.score(entry.score)}{mark}" if entry else "–" for entry, mark in zip(entries, marks, strict=True)
    ]
    return [
        Column("#", [str(entry.rank) if entry else "" for entry in entries], "right"),
        Column(name, [f"{score} {span}".rstrip() for score, span in zip(scores, spans, strict=True)]),
    ]


def _entry(ranking: Ranking, model: str) -> Entry | None:
    return next((entry for entry in ranking.entries if entry.model == model), None)


def _interval(entry: Entry) -> figures.Pair | None:
    if entry.ci_low is None or entry.ci_high is None:
        return None
    return figures.score(entry.ci_low), figures.score(entry.ci_high)


def _notes(found: Board) -> list[tuple[str, str]]:
    entries = [entry for ranking in found.rankings for entry in ranking.entries]
    notes = []
    tied = [each for each in found.rankings if len({entry.rank for entry in each.entries}) < len(each.entries)]
    notes += [("#", f"equal ranks are within noise: {TIED[how]}") for how in sorted({each.ranked_by for each in tied})]
    if any(ranking.limited for ranking in found.rankings):
        notes.append(("*", "limited: not all questions of the benchmark were asked"))
    if any(entry.validity != "valid" for entry in entries):
        notes.append(("~", "degraded: see `evallab show JOB` for the reasons"))
    notes += [
        (
            "not comparable",
            f"{each.model} on {each.benchmark}: {figures.score(each.score)} (n = {each.n}), {each.reason}",
        )
        for each in found.not_comparable
    ]
    return notes
