"""What a score would be if the answers that are missing were known: between all wrong and all right.

Called when an attempt is recorded; `planning.validity` says it. Missing answers are missing data, never wrong ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass

ROUNDING = 1e-9  #: a score further from the mean of its values is not that mean (a weighted group, a corpus metric)


@dataclass(frozen=True)
class Bounds:
    """What a score would be if all missing answers were wrong, and if all were right."""

    low: float
    high: float


def bounds(values: Sequence[float], *, score: float, errors: int) -> Bounds | None:
    """Bound a mean of per-question values within 0 … 1; None where nothing is missing or nothing bounds the score."""
    n = len(values)
    if not (n and errors) or min(values) < 0 or max(values) > 1 or abs(sum(values) / n - score) > ROUNDING:
        return None
    return Bounds(sum(values) / (n + errors), (sum(values) + errors) / (n + errors))
