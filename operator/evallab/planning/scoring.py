"""Pass or fail: which metric speaks for a benchmark, and whether it reaches its threshold. Called by the recorder."""

from collections.abc import Sequence
from dataclasses import dataclass

from evallab.api.contract import ScoreValue
from evallab.api.job import Benchmark


@dataclass(frozen=True, kw_only=True)
class Primary:
    """The primary score of a benchmark and how it is judged."""

    metric: str
    filter: str
    lower_is_better: bool
    threshold: float | None


def primary(benchmark: Benchmark, scores: Sequence[ScoreValue]) -> Primary | None:
    """Return what the job names (`metric` or `metric,filter`), else the score the adapter marked, else the first."""
    wanted = benchmark.primary_score
    threshold = benchmark.pass_criteria.threshold if benchmark.pass_criteria else None
    chosen = _named(wanted.metric, scores) if wanted else _marked(scores)
    if chosen is None:
        return None
    lower = wanted.lower_is_better if wanted else not chosen.higher_is_better
    return Primary(metric=chosen.metric, filter=chosen.filter, lower_is_better=lower, threshold=threshold)


def _named(name: str, scores: Sequence[ScoreValue]) -> ScoreValue | None:
    """Find `metric` or `metric,filter`; among several filters of one metric the marked one wins."""
    matching = [score for score in scores if name in {score.metric, f"{score.metric},{score.filter}"}]
    return _marked(matching)


def _marked(scores: Sequence[ScoreValue]) -> ScoreValue | None:
    return next((score for score in scores if score.primary), scores[0] if scores else None)


def passed(value: float, primary_score: Primary) -> bool | None:
    """Return whether a value reaches the threshold; None when there is none."""
    if primary_score.threshold is None:
        return None
    if primary_score.lower_is_better:
        return value <= primary_score.threshold
    return value >= primary_score.threshold
