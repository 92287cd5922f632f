"""One comparison, one verdict: did the candidate lose something against the baseline on the same questions?

Called by the gate of a job and by reports. What each verdict can and cannot tell: docs/explanation/statistics.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import ceil, fsum, log10

import numpy as np

from evallab.analysis.intervals import Interval, NotEnoughData
from evallab.analysis.notes import Seen, note
from evallab.analysis.paired import (
    contingency,
    mcnemar_mid_p,
    mean_difference,
    no_spread,
    sign_flip_p,
    smallest_detectable,
    tango,
)
from evallab.analysis.questions import Joined, Question, join
from evallab.analysis.vectors import Vector, finite, is_binary, is_proportion


class Verdict(StrEnum):
    """PASS excludes a loss of the margin, REGRESSION shows one, INCONCLUSIVE can do neither."""

    PASS = "PASS"  # noqa: S105 - not a password
    REGRESSION = "REGRESSION"
    INCONCLUSIVE = "INCONCLUSIVE"


@dataclass(frozen=True)
class Comparison:
    """What n common questions say about candidate − baseline, in the metric's own unit and direction.

    `lost` and `gained` count the scores that went down and up (for right or wrong: answers lost and gained), whatever
    is better. `discordance` is their share of n. `interval` is of `delta`; it and `smallest_detectable` (80 % power)
    are None where nothing bounds the difference: scores outside 0..1 whose n differences are all the same.
    """

    n: int
    baseline_score: float
    candidate_score: float
    delta: float
    interval: Interval | None
    p_value: float
    lost: int
    gained: int
    discordance: float
    smallest_detectable: float | None
    verdict: Verdict
    method: str
    note: str


@dataclass(frozen=True)
class _Evidence:
    delta: float
    interval: Interval | None
    p_value: float
    lost: int
    gained: int
    spread: float | None  # the mean squared difference; of right or wrong it is the discordance
    method: str


def compare(
    baseline: Mapping[Question, float],
    candidate: Mapping[Question, float],
    *,
    margin: float = 0.01,
    higher_is_better: bool = True,
    level: float = 0.95,
    seed: int = 0,
    common_only: bool = False,
) -> Comparison:
    """Compare two sets of scores by question id and judge the difference.

    Scores that are all 0 or 1 get McNemar's mid-p and Tango's interval, others a sign-flip permutation (`seed`) and a t
    interval. `margin` is the loss that matters, in the metric's own unit. `common_only` leaves out the questions that
    only one side answered, and the note says so. ValueError as `join`, and for a margin < 0 or a level outside 0..1.
    """
    if not 0 <= margin < float("inf"):
        raise ValueError(f"A margin is a number from 0 up, in the metric's own unit, not {margin}.")
    joined = join(baseline, candidate, common_only=common_only)
    found = _evidence(joined, level, seed)
    verdict = judge(found.delta, found.interval, margin=margin, higher_is_better=higher_is_better)
    remarks = note(_seen(joined, found, margin, level), decided=verdict is not Verdict.INCONCLUSIVE)
    return _comparison(joined, found, verdict, remarks, level)


def judge(delta: float, interval: Interval | None, *, margin: float, higher_is_better: bool = True) -> Verdict:
    """Apply the rule; with Δ oriented so that positive is better:

    REGRESSION when the interval lies wholly below 0 and Δ ≤ −margin; PASS when its lower end > −margin; otherwise, and
    without an interval, INCONCLUSIVE. The first two exclude each other, because the interval contains Δ.
    """
    if interval is None:
        return Verdict.INCONCLUSIVE
    sign = 1 if higher_is_better else -1
    worst, best = sorted((sign * interval.low, sign * interval.high))
    if best < 0 and sign * delta <= -margin:
        return Verdict.REGRESSION
    return Verdict.PASS if worst > -margin else Verdict.INCONCLUSIVE


def _evidence(joined: Joined, level: float, seed: int) -> _Evidence:
    if is_binary(joined.baseline, joined.candidate):
        return _of_right_or_wrong(joined, level)
    return _of_numbers(joined, level, seed)


def _of_right_or_wrong(joined: Joined, level: float) -> _Evidence:
    table = contingency(joined.baseline, joined.candidate)
    return _Evidence(
        delta=(table.gained - table.lost) / table.n,
        interval=tango(table.lost, table.gained, table.n, level),
        p_value=mcnemar_mid_p(table.lost, table.gained),
        lost=table.lost,
        gained=table.gained,
        spread=max(table.lost + table.gained, 1) / table.n,
        method="McNemar mid-p, Tango interval",
    )


def _of_numbers(joined: Joined, level: float, seed: int) -> _Evidence:
    differences = _differences(joined)
    bounded = is_proportion(joined.baseline, joined.candidate)
    interval = _interval(differences, level, bounded=bounded)
    spread = float(np.mean(differences**2)) or (1 / differences.size if bounded else None)
    kind = "no interval" if interval is None else f"{interval.method} interval"
    return _Evidence(
        delta=fsum(differences) / differences.size,
        interval=interval,
        p_value=sign_flip_p(differences, seed=seed),
        lost=int((differences < 0).sum()),
        gained=int((differences > 0).sum()),
        spread=spread,
        method=f"sign-flip permutation, {kind}",
    )


def _interval(differences: Vector, level: float, *, bounded: bool) -> Interval | None:
    try:
        return mean_difference(differences, level)
    except NotEnoughData:
        return no_spread(float(differences[0]), differences.size, level) if bounded else None


def _differences(joined: Joined) -> Vector:
    """Subtract, and drop what is rounding: 0.3 − 0.1 and 0.4 − 0.2 are one difference, not a spread of 3e-17."""
    largest = max(float(np.abs(joined.baseline).max()), float(np.abs(joined.candidate).max()))
    decimals = min(12 - ceil(log10(largest)), 150)
    return finite(np.round(joined.candidate - joined.baseline, decimals), of="difference")


def _comparison(joined: Joined, found: _Evidence, verdict: Verdict, remarks: str, level: float) -> Comparison:
    n = joined.baseline.size
    return Comparison(
        n=n,
        baseline_score=fsum(joined.baseline) / n,
        candidate_score=fsum(joined.candidate) / n,
        delta=found.delta,
        interval=found.interval,
        p_value=found.p_value,
        lost=found.lost,
        gained=found.gained,
        discordance=(found.lost + found.gained) / n,
        smallest_detectable=None if found.spread is None else smallest_detectable(found.spread, n, level=level),
        verdict=verdict,
        method=found.method,
        note=remarks,
    )


def _seen(joined: Joined, found: _Evidence, margin: float, level: float) -> Seen:
    return Seen(
        n=joined.baseline.size,
        only_baseline=joined.only_baseline,
        only_candidate=joined.only_candidate,
        changed=found.lost + found.gained,
        bounded=is_proportion(joined.baseline, joined.candidate),
        binary=is_binary(joined.baseline, joined.candidate),
        interval=found.interval,
        spread=found.spread,
        margin=margin,
        level=level,
    )
