"""Intervals of scores whose questions come in groups (a passage, a template, a subject) or whose answers are repeated.

Questions of one group resemble each other, so n of them say less than n independent ones. Called by whoever files a
score whose samples name a cluster.
"""

from collections.abc import Hashable, Sequence
from math import comb, sqrt

import numpy as np
from numpy.typing import ArrayLike

from evallab.analysis.intervals import Interval, NotEnoughData, _checked
from evallab.analysis.vectors import Vector, vector


def standard_error(values: ArrayLike, clusters: Sequence[Hashable]) -> float:
    """Return the clustered standard error of the mean of `values`, shape (n,), one cluster name per value.

    sqrt(C/(C−1) · Σ_c (Σ_{i in c} (x_i − x̄))²) / n with C clusters. Equal to s/√n when every cluster has one value.
    Source: Liang & Zeger (1986), Biometrika 73:13-22; for evaluations Miller (2024), arXiv:2411.00640, section 2.2; the
    factor C/(C−1) makes up for few clusters. NotEnoughData for one cluster; ValueError for other lengths.
    """
    array = vector(values)
    apart = sums(array - array.mean(), clusters)
    count = apart.size
    if count < 2:
        raise NotEnoughData("A clustered standard error needs at least two clusters.")
    return sqrt(count / (count - 1) * float(np.square(apart).sum())) / array.size


def interval(values: ArrayLike, clusters: Sequence[Hashable], level: float = 0.95) -> Interval:
    """Return the clustered t interval of a mean: mean ± t(C−1)·SE, with C clusters.

    NotEnoughData for one cluster, and without any spread: a width of zero would claim certainty.
    """
    error = standard_error(values, clusters)
    if error <= 1e-12 * float(np.abs(vector(values)).max(initial=0)):
        raise NotEnoughData("The clusters do not differ: without spread a t interval has no width.")
    from scipy.special import stdtrit  # here: see `paired.mcnemar_mid_p`

    array = vector(values)
    half = float(stdtrit(len(set(clusters)) - 1, 0.5 + _checked(level) / 2)) * error
    mean = float(np.sort(array).mean())
    return Interval(mean - half, mean + half, level, "clustered")


def design_effect(values: ArrayLike, clusters: Sequence[Hashable]) -> float:
    """Return how much larger the clustered variance is than that of as many independent questions (1 is "the same").

    Source: Kish (1965), Survey Sampling, section 8.2. NotEnoughData without spread.
    """
    array = vector(values)
    plain = float(array.std(ddof=1)) / sqrt(array.size) if array.size > 1 else 0.0
    if plain == 0:
        raise NotEnoughData("All values are equal: there is no variance to compare with.")
    return (standard_error(array, clusters) / plain) ** 2


def pass_at_k(n: int, correct: int, k: int) -> float:
    """Return the unbiased estimate that at least one of k answers to a question is right, `correct` of n being right.

    1 − C(n−c, k)/C(n, k). Source: Chen et al. (2021), arXiv:2107.03374, equation 1. ValueError unless 1 ≤ k ≤ n and
    0 ≤ c ≤ n. Average it over questions and bound that mean as any other (`intervals.student_t`): n answers to one
    question are one observation of it.
    """
    if not 1 <= k <= n:
        raise ValueError(f"pass@{k} needs at least {k} answers to each question, not {n}.")
    if not 0 <= correct <= n:
        raise ValueError(f"There cannot be {correct} right answers among {n}.")
    return 1.0 - comb(n - correct, k) / comb(n, k)


def sums(values: ArrayLike, clusters: Sequence[Hashable]) -> Vector:
    """Return the sum of each cluster's values, clusters in the order of their first value. ValueError as above."""
    array = vector(values)
    if len(clusters) != array.size:
        raise ValueError(f"{array.size} values need as many cluster names, not {len(clusters)}.")
    places = {name: place for place, name in enumerate(dict.fromkeys(clusters))}
    found = np.zeros(len(places))
    np.add.at(found, [places[name] for name in clusters], array)
    return found
