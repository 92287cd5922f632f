"""One comparison, one verdict: did the candidate lose something against the baseline on the same questions?

Called by the gate of a job and by reports. What each verdict can and cannot tell: docs/explanation/statistics.md.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import fsum

from evallab.analysis.evidence import Evidence, evidence, groups_of
from evallab.analysis.intervals import Interval
from evallab.analysis.notes import Seen, note
from evallab.analysis.paired import smallest_detectable
from evallab.analysis.questions import Joined, Question, join
from evallab.analysis.vectors import is_binary, is_proportion


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


def compare(
    baseline: Mapping[Question, float],
    candidate: Mapping[Question, float],
    *,
    margin: float = 0.01,
    higher_is_better: bool = True,
    level: float = 0.95,
    seed: int = 0,
    common_only: bool = False,
    clusters: Mapping[Question, Hashable] | None = None,
) -> Comparison:
    """Compare two sets of scores by question id and judge the difference.

    Scores that are all 0 or 1 get McNemar's mid-p and Tango's interval, others a sign-flip permutation (`seed`) and a t
    interval. `margin` is the loss that matters, in the metric's own unit. `common_only` leaves out the questions that
    only one side answered, and the note says so. `clusters` names the group of questions that are not independent
    (of one passage): where two share one, groups are what is drawn, in the test as in the interval. ValueError as
    `join`, and for a margin < 0 or a level outside 0..1.
    """
    if not 0 <= margin < float("inf"):
        raise ValueError(f"A margin is a number from 0 up, in the metric's own unit, not {margin}.")
    joined = join(baseline, candidate, common_only=common_only)
    groups = groups_of([each for each in baseline if each in candidate], clusters)
    found = evidence(joined, groups, level, seed)
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


def _comparison(joined: Joined, found: Evidence, verdict: Verdict, remarks: str, level: float) -> Comparison:
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


def _seen(joined: Joined, found: Evidence, margin: float, level: float) -> Seen:
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
        groups=found.groups,
    )
