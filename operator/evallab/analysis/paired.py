"""Differences between two sets of answers to the same questions: tests, intervals and what could have been seen.

Called by `verdicts`, and by reports that show flips. A difference is always candidate − baseline. Pairing removes the
difficulty of the questions from the comparison: only answers that changed carry information.
"""

from dataclasses import dataclass
from math import floor, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from evallab.analysis.intervals import Interval, normal_quantile, student_t
from evallab.analysis.vectors import Vector, is_binary, vector

_SIGNS_AT_ONCE = 4_000_000  # random signs held in memory at one time


@dataclass(frozen=True)
class PairedBinary:
    """The 2×2 table of n questions: right in both, `lost` (baseline only), `gained` (candidate only), in neither."""

    n: int
    both: int
    lost: int
    gained: int
    neither: int


def contingency(baseline: ArrayLike, candidate: ArrayLike) -> PairedBinary:
    """Count the 2×2 table of two vectors of shape (n,) of 0 and 1; ValueError for other values or lengths."""
    before, after = vector(baseline, of="baseline score"), vector(candidate, of="candidate score")
    if before.size != after.size:
        raise ValueError(f"Paired vectors are equally long, not {before.size} and {after.size}.")
    if not is_binary(before, after):
        raise ValueError("A 2×2 table needs scores that are all 0 or 1.")
    both, lost = int((before * after).sum()), int((before * (1 - after)).sum())
    gained = int(((1 - before) * after).sum())
    return PairedBinary(before.size, both, lost, gained, before.size - both - lost - gained)


def mcnemar_mid_p(lost: int, gained: int) -> float:
    """Return the two-sided mid-p value that losing and gaining an answer are equally likely.

    With X ~ Binomial(lost + gained, ½) and m = min(lost, gained): P(X ≤ m−1) + P(X ≤ m), that is the exact two-sided p
    less P(X = m); 1 − ½·P(X = m) where lost = gained. Source: McNemar (1947), Psychometrika 12:153-157; Fagerland,
    Lydersen & Laake (2013), BMC Med. Res. Methodol. 13:91. By convention 1 if no answer changed.
    """
    _check_flips(lost, gained, lost + gained)
    flips, fewer = lost + gained, min(lost, gained)
    if flips == 0:
        return 1.0
    from scipy.special import bdtr  # here: a third of a second that `evallab run` need not pay before it starts

    below = float(bdtr(fewer - 1, flips, 0.5)) if fewer else 0.0
    up_to = float(bdtr(fewer, flips, 0.5))
    return 1 - (up_to - below) / 2 if lost == gained else below + up_to


def tango(lost: int, gained: int, n: int, level: float = 0.95) -> Interval:
    """Return the score interval of the difference of two paired proportions, (gained − lost)/n.

    All δ with |gained − lost − nδ| ≤ z·sqrt(n(2q + δ(1−δ))), q being the maximum-likelihood P(lost) under δ.
    Source: Tango (1998), Statist. Med. 17:891-908. Found by bisection, which needs no derivative and no exception for
    tables without flips: there it ends at ±z²/(n + z²), the Wilson bound of 0 in n.
    ValueError unless n ≥ 1 and 0 ≤ lost + gained ≤ n.
    """
    _check_flips(lost, gained, n)
    z = normal_quantile(level)
    return Interval(-_upper_limit(gained, lost, n, z), _upper_limit(lost, gained, n, z), level, "tango")


def no_spread(difference: float, n: int, level: float = 0.95) -> Interval:
    """Bound the mean difference of scores in 0..1 when all n differences seen are the same one.

    A share of at most u = z²/(n + z²) of all questions behaves otherwise (the Wilson bound of 0 in n), by at most ±1:
    (1−u)·difference ± u. Conservative; for difference 0 equal to `tango` without flips. ValueError outside −1..1.
    """
    if n < 1 or abs(difference) > 1:
        raise ValueError(f"n ≥ 1 and a difference of scores in 0..1 are needed, not n = {n} and {difference}.")
    z = normal_quantile(level)
    unseen = z * z / (n + z * z)
    middle = (1 - unseen) * difference
    return Interval(middle - unseen, middle + unseen, level, "no-spread")


def mean_difference(differences: ArrayLike, level: float = 0.95) -> Interval:
    """Return the t interval of the mean of paired differences, shape (n,); errors and source as `student_t`."""
    return student_t(differences, level)


def sign_flip_p(differences: ArrayLike, *, seed: int, permutations: int = 10_000) -> float:
    """Return the two-sided p value that differences, shape (n,), are symmetric about 0, by flipping their signs.

    The statistic is |Σd|. All 2^k sign patterns of the k differences that are not 0 if they are at most `permutations`,
    else that many random ones and p = (1 + hits)/(1 + permutations). Source: Fisher (1935), The Design of Experiments,
    section 21; the +1: Phipson & Smyth (2010), Stat. Appl. Genet. Mol. Biol. 9:39. 1 if nothing changed. The order of
    the differences and swapping baseline and candidate do not change the result.
    """
    if permutations < 1:
        raise ValueError(f"At least one permutation is needed, not {permutations}.")
    array = vector(differences, of="difference")
    sizes = np.sort(np.abs(array[array != 0]))
    threshold = abs(float(np.sort(array).sum())) - 1e-9 * float(sizes.sum())  # equal sums must count as equal
    if sizes.size < 63 and 2**sizes.size <= permutations:
        return float((np.abs(_all_sums(sizes)) >= threshold).mean())
    hits = _random_hits(sizes, threshold, np.random.default_rng(seed), permutations)
    return (1 + hits) / (1 + permutations)


def smallest_detectable(discordance: float, n: int, power: float = 0.8, level: float = 0.95) -> float:
    """Return the smallest true difference that n paired questions detect with probability `power`.

    (z_{1−α/2} + z_power)·sqrt(discordance/n), in the metric's own unit: `discordance` is the share of answers that
    change, or the mean squared difference if the metric is not binary. Source: Miettinen (1968), Biometrics 24:339-352,
    and Connor (1987), Biometrics 43:207-211, whose variance under the alternative, discordance − Δ², is replaced by its
    upper bound: slightly pessimistic. A result above the discordance cannot occur while so few answers change.
    """
    if n < 1 or discordance < 0 or not 0 < power < 1:
        raise ValueError(f"n ≥ 1, discordance ≥ 0 and 0 < power < 1 are needed, not {n}, {discordance} and {power}.")
    return (normal_quantile(level) + NormalDist().inv_cdf(power)) * sqrt(discordance / n)


def questions_to_exclude(margin: float, level: float = 0.95) -> int:
    """Return the smallest n for which not one changed answer excludes a loss of `margin`: z²/(n + z²) < margin.

    From `tango` with lost = gained = 0. ValueError unless 0 < margin ≤ 1.
    """
    if not 0 < margin <= 1:
        raise ValueError(f"A margin that can be excluded lies in 0..1, above 0, not at {margin}.")
    z = normal_quantile(level)
    return max(1, floor(z * z * (1 - margin) / margin) + 1)


def _check_flips(lost: int, gained: int, n: int) -> None:
    if lost < 0 or gained < 0:
        raise ValueError(f"Counts are not negative: lost = {lost}, gained = {gained}.")
    if lost + gained > n:
        raise ValueError(f"More answers changed ({lost} + {gained}) than there are questions ({n}).")


def _upper_limit(lost: int, gained: int, n: int, z: float) -> float:
    """Bisect between the estimate, which is always inside, and 1 until the two floats are neighbours."""
    if n < 1:
        raise ValueError(f"A difference between n = {n} pairs has no interval: at least one is needed.")
    inside, outside = (gained - lost) / n, 1.0
    while inside < (middle := (inside + outside) / 2) < outside:
        if _score_accepts(middle, lost, gained, n, z):
            inside = middle
        else:
            outside = middle
    return outside


def _score_accepts(delta: float, lost: int, gained: int, n: int, z: float) -> bool:
    """Say whether Tango's score statistic at `delta`, right of the estimate, is at least −z."""
    if delta < 0:  # the same with the two swapped: P(gained) = P(lost) + delta
        variance = 2 * _likeliest(-delta, gained, lost, n) - delta * (1 + delta)
    else:
        variance = 2 * _likeliest(delta, lost, gained, n) + delta * (1 - delta)
    return (n * delta - (gained - lost)) ** 2 <= z * z * n * variance


def _likeliest(delta: float, lost: int, gained: int, n: int) -> float:
    """Maximise the likelihood of P(lost) given P(gained) = P(lost) + delta ≥ P(lost): 2n·q² + b·q − c = 0."""
    b = (2 * n - gained + lost) * delta - lost - gained
    c = lost * delta * (1 - delta)
    root = sqrt(b * b + 8 * n * c)
    return 2 * c / (b + root) if b > 0 else (root - b) / (4 * n)  # the form that does not cancel


def _all_sums(sizes: Vector) -> Vector:
    sums = np.zeros(1)
    for size in sizes:
        sums = np.concatenate((sums + size, sums - size))
    return sums


def _random_hits(sizes: Vector, threshold: float, generator: np.random.Generator, permutations: int) -> int:
    hits, rows = 0, max(1, _SIGNS_AT_ONCE // sizes.size)
    for start in range(0, permutations, rows):
        shape = (min(rows, permutations - start), sizes.size)
        signs = generator.integers(0, 2, size=shape, dtype=np.int8) * 2 - 1
        hits += int((np.abs(signs @ sizes) >= threshold).sum())
    return hits
