"""One score in the light of its history: the rule "two sigma below the mean", with what it really promises.

Called by `evallab regressions` and `evallab history`. The rule is here because people know it; the paired comparison
(`verdicts`) sees smaller changes with fewer false alarms, because it knows which answers changed.
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import ArrayLike

from evallab.analysis.vectors import vector

FEWEST = 5  #: earlier jobs; below that, sigma itself is a guess


@dataclass(frozen=True)
class TwoSigma:
    """What the rule says of one score. `alarm` is None where it says nothing; `why` then says why."""

    n: int  #: earlier scores
    mean: float | None = None
    limit: float | None = None  #: a score beyond it alarms
    alarm: bool | None = None
    false_alarms: float | None = None  #: how often it alarms although nothing changed
    why: str = ""

    @property
    def limits(self) -> tuple[float, float] | None:
        """The control limits, lower and upper; None where the rule says nothing."""
        if self.mean is None or self.limit is None:
            return None
        return min(self.limit, 2 * self.mean - self.limit), max(self.limit, 2 * self.mean - self.limit)


def two_sigma(earlier: ArrayLike, score: float, *, sigmas: float = 2.0, higher_is_better: bool = True) -> TwoSigma:
    """Say whether `score` lies more than `sigmas` standard deviations on the bad side of the mean of earlier scores.

    The limit is mean − sigmas·s (s with the divisor k−1), as people use it. Its false-alarm rate is not 2.3 % with k
    earlier scores but P(t_{k−1} < −sigmas/√(1+1/k)), because mean and s are estimates themselves (prediction interval:
    Hahn & Meeker 1991, Statistical Intervals, section 4.7): 7.1 % for k = 5, 4.4 % for 10, 3.3 % for 20.
    Silent for fewer than FEWEST scores, and when they do not vary: a deterministic setup would alarm at every flip.
    """
    array = vector(earlier, of="earlier score") if np.size(earlier) else np.zeros(0)
    if array.size < FEWEST:
        return TwoSigma(n=array.size, why=f"{array.size} earlier jobs; the rule needs {FEWEST}")
    spread, mean = float(array.std(ddof=1)), float(array.mean())
    if spread <= 1e-12 * max(1.0, abs(mean)):
        return TwoSigma(n=array.size, mean=mean, why="the earlier scores do not vary: compare answer by answer")
    sign = 1.0 if higher_is_better else -1.0
    limit = mean - sign * sigmas * spread
    return TwoSigma(
        n=array.size,
        mean=mean,
        limit=limit,
        alarm=sign * score < sign * limit,
        false_alarms=false_alarm_rate(array.size, sigmas),
    )


def false_alarm_rate(earlier: int, sigmas: float = 2.0) -> float:
    """Return how often the rule alarms with that many earlier scores when nothing changed. ValueError below 2."""
    if earlier < 2:
        raise ValueError(f"A standard deviation needs at least two earlier scores, not {earlier}.")
    from scipy.special import stdtr  # here: see `paired.mcnemar_mid_p`

    return float(stdtr(earlier - 1, -sigmas / sqrt(1 + 1 / earlier)))
