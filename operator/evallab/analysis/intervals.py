"""Confidence intervals of one score: Wilson for right or wrong, t for anything else, bootstrap for corpus metrics.

Called by whatever files a score (each has an interval) and by `paired` and `verdicts` in this package. All intervals
are two-sided and in the metric's own unit.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evallab.analysis.vectors import finite, is_binary, vector


class NotEnoughData(ValueError):
    """The data cannot bound anything: fewer than two values, or values without any spread."""


@dataclass(frozen=True)
class Interval:
    """A two-sided confidence interval; `method` is "wilson", "t", "bootstrap", "tango" or "no-spread"."""

    low: float
    high: float
    level: float
    method: str


def normal_quantile(level: float) -> float:
    """Return z with P(−z < Z < z) = `level` for a standard normal Z; 1.96 for 0.95. ValueError unless 0 < level < 1."""
    return NormalDist().inv_cdf(0.5 + _checked(level) / 2)


def wilson(successes: int, n: int, level: float = 0.95) -> Interval:
    """Return the score interval of a proportion, without continuity correction.

    The p with |s/n − p| ≤ z·sqrt(p(1−p)/n), solved: (s + z²/2 ± z·sqrt(s(n−s)/n + z²/4)) / (n + z²).
    Source: Wilson (1927), JASA 22:209-212; method 3 of Newcombe (1998), Statist. Med. 17:857-872.
    ValueError unless 0 ≤ successes ≤ n and n ≥ 1.
    """
    if n < 1:
        raise ValueError(f"A proportion of n = {n} answers has no interval: at least one is needed.")
    if not 0 <= successes <= n:
        raise ValueError(f"There cannot be {successes} successes among {n} answers.")
    z = normal_quantile(level)
    middle = (successes + z * z / 2) / (n + z * z)
    half = z * sqrt(successes * (n - successes) / n + z * z / 4) / (n + z * z)
    low = 0.0 if successes == 0 else middle - half
    high = 1.0 if successes == n else middle + half
    return Interval(low, high, level, "wilson")


def student_t(values: ArrayLike, level: float = 0.95) -> Interval:
    """Return the t interval of a mean, values of shape (n,): mean ± t(n−1)·s/sqrt(n).

    Source: Student (1908), Biometrika 6:1-25; s has the divisor n−1. Trusts the mean of n values to be about normal.
    NotEnoughData for n = 1 and when all values are equal: a width of zero would claim certainty.
    """
    upper = 0.5 + _checked(level) / 2
    array = np.sort(vector(values))  # sorted, so that the order of the questions cannot change the last digit
    if array.size < 2:
        raise NotEnoughData("A t interval needs at least two values.")
    if array[0] == array[-1]:
        raise NotEnoughData(f"All {array.size} values are equal: without spread a t interval has no width.")
    from scipy.special import stdtrit  # here: see `paired.mcnemar_mid_p`

    tail = float(stdtrit(array.size - 1, upper))
    mean, half = float(array.mean()), tail * float(array.std(ddof=1)) / sqrt(array.size)
    return Interval(mean - half, mean + half, level, "t")


def bootstrap(
    rows: ArrayLike,
    statistic: Callable[[NDArray[Any]], float],
    *,
    seed: int,
    resamples: int = 2000,
    level: float = 0.95,
) -> Interval:
    """Return the percentile bootstrap interval of `statistic`, for metrics that are no mean over questions.

    `rows` has shape (n,) or (n, k), one row per question (BLEU: its counts); whole rows are drawn with replacement and
    `statistic` gets an array of the same shape. For rows that are no numbers pass `range(n)` and look up.
    Source: Efron (1979), Ann. Statist. 7:1-26; percentile interval: Efron & Tibshirani (1993), section 13.3.
    NotEnoughData for n = 1; ValueError for values, or statistics of a resample, that are not finite.
    """
    if resamples < 100:
        raise ValueError(f"{resamples} resamples are too few for an interval: at least 100.")
    array, generator = _rows(rows), np.random.default_rng(seed)
    draws = (array[generator.integers(len(array), size=len(array))] for _ in range(resamples))
    statistics = finite(np.array([float(statistic(draw)) for draw in draws]), of="bootstrapped statistic")
    low, high = np.quantile(statistics, [(1 - _checked(level)) / 2, (1 + level) / 2])
    return Interval(float(low), float(high), level, "bootstrap")


def of_mean(values: ArrayLike, level: float = 0.95) -> Interval | None:
    """Return the interval of a mean score, values of shape (n,): Wilson if all are 0 or 1, else t.

    None where t cannot say anything (one value, or no spread); ValueError for no values and for unusable ones.
    """
    array = vector(values, of="score")
    if is_binary(array):
        return wilson(int(array.sum()), array.size, level)
    try:
        return student_t(array, level)
    except NotEnoughData:
        return None


def _rows(rows: ArrayLike) -> NDArray[Any]:
    array = np.asarray(rows)
    if array.ndim not in (1, 2):
        raise ValueError(f"Rows have the shape (n,) or (n, k), not {array.shape}.")
    vector(array.ravel())
    if len(array) < 2:
        raise NotEnoughData("A bootstrap needs at least two rows.")
    return array


def _checked(level: float) -> float:
    if not 0 < level < 1:
        raise ValueError(f"A confidence level lies between 0 and 1 (0.95 for 95 %), not at {level}.")
    return level
