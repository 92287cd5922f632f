"""The one number of a job: the weighted mean of its primary scores, by EvalHub's rule. Called by `report` only.

EvalHub's rule: Σ wᵢ·sᵢ / Σ wᵢ over the benchmarks that have a primary score; a weight of 0 or none counts as 1; a score
where lower is better enters as 1 − s. It means something only for scores in 0..1, so others make no overall score.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from evallab.api.job import EvalJob
from evallab.store.interface import ScoreRow


@dataclass(frozen=True, kw_only=True)
class Overall:
    """The weighted mean, and whether it reaches the job's own threshold (None where there is none)."""

    value: float
    threshold: float | None
    passed: bool | None


def overall(spec: EvalJob, scores: Sequence[ScoreRow]) -> Overall | None:
    """Return the overall score, or None when there is none to speak of."""
    primary = [score for score in scores if score.primary]
    if not primary or not all(0 <= score.value <= 1 for score in primary):
        return None
    weights = [_weight(spec, score.index) for score in primary]
    total = sum(weight * _oriented(score) for weight, score in zip(weights, primary, strict=True))
    value = total / sum(weights)
    threshold = spec.pass_criteria.threshold if spec.pass_criteria else None
    return Overall(value=value, threshold=threshold, passed=None if threshold is None else value >= threshold)


def _weight(spec: EvalJob, index: int) -> float:
    declared = spec.benchmarks[index].weight if index < len(spec.benchmarks) else None
    return declared or 1.0


def _oriented(score: ScoreRow) -> float:
    return score.value if score.higher_is_better else 1 - score.value
