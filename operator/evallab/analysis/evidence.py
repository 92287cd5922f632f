"""What a difference rests on: its interval, its p value, its flips. Called by `verdicts` only.

Three ways, chosen by the data: right or wrong (McNemar, Tango), other numbers (sign flips, t), and questions that come
in groups, of whatever metric (sign flips of whole groups, clustered t).
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, fsum, log10

import numpy as np

from evallab.analysis import clustered
from evallab.analysis.intervals import Interval, NotEnoughData
from evallab.analysis.paired import contingency, mcnemar_mid_p, mean_difference, no_spread, sign_flip_p, tango
from evallab.analysis.questions import Joined, Question
from evallab.analysis.vectors import Vector, finite, is_binary, is_proportion

Names = Sequence[Hashable]


@dataclass(frozen=True)
class Evidence:
    """`spread` is the mean squared difference (of right or wrong: the discordance); of groups, that of their sums."""

    delta: float
    interval: Interval | None
    p_value: float
    lost: int
    gained: int
    spread: float | None
    method: str
    groups: int | None = None  #: how many groups the questions come in; None when each is its own


def evidence(joined: Joined, groups: Names | None, level: float, seed: int) -> Evidence:
    """Weigh the difference; `groups` names the group of each common question, None when each is its own."""
    if groups is not None:
        return _of_groups(joined, groups, level, seed)
    if is_binary(joined.baseline, joined.candidate):
        return _of_right_or_wrong(joined, level)
    return _of_numbers(joined, level, seed)


def groups_of(questions: Sequence[Question], clusters: Mapping[Question, Hashable] | None) -> Names | None:
    """Name the group of each question; None when no two share one. A question that no cluster holds is its own."""
    if not clusters:
        return None
    names = [("group", clusters[each]) if each in clusters else ("question", each) for each in questions]
    return names if len(set(names)) < len(names) else None


def _of_right_or_wrong(joined: Joined, level: float) -> Evidence:
    table = contingency(joined.baseline, joined.candidate)
    return Evidence(
        delta=(table.gained - table.lost) / table.n,
        interval=tango(table.lost, table.gained, table.n, level),
        p_value=mcnemar_mid_p(table.lost, table.gained),
        lost=table.lost,
        gained=table.gained,
        spread=max(table.lost + table.gained, 1) / table.n,
        method="McNemar mid-p, Tango interval",
    )


def _of_numbers(joined: Joined, level: float, seed: int) -> Evidence:
    differences = _differences(joined)
    bounded = is_proportion(joined.baseline, joined.candidate)
    interval = _interval(differences, level, bounded=bounded)
    spread = float(np.mean(differences**2)) or (1 / differences.size if bounded else None)
    return _numbers(differences, interval, sign_flip_p(differences, seed=seed), spread, "sign-flip permutation")


def _of_groups(joined: Joined, groups: Names, level: float, seed: int) -> Evidence:
    """Treat whole groups as what was drawn: their sums keep their size, and only their signs are flipped."""
    differences = _differences(joined)
    bounded = is_proportion(joined.baseline, joined.candidate)
    sums = clustered.sums(differences, groups)
    interval = _clustered(differences, groups, level, bounded=bounded)
    spread = float(np.square(sums).sum()) / differences.size or (1 / sums.size if bounded else None)
    found = _numbers(differences, interval, sign_flip_p(sums, seed=seed), spread, "sign-flip permutation of groups")
    return Evidence(**{**vars(found), "groups": int(sums.size)})


def _numbers(
    differences: Vector, interval: Interval | None, p_value: float, spread: float | None, test: str
) -> Evidence:
    kind = "no interval" if interval is None else f"{interval.method} interval"
    return Evidence(
        delta=fsum(differences) / differences.size,
        interval=interval,
        p_value=p_value,
        lost=int((differences < 0).sum()),
        gained=int((differences > 0).sum()),
        spread=spread,
        method=f"{test}, {kind}",
    )


def _interval(differences: Vector, level: float, *, bounded: bool) -> Interval | None:
    try:
        return mean_difference(differences, level)
    except NotEnoughData:
        return no_spread(float(differences[0]), differences.size, level) if bounded else None


def _clustered(differences: Vector, groups: Names, level: float, *, bounded: bool) -> Interval | None:
    """One group alone says nothing of others; groups that do not differ are bounded by their number."""
    try:
        return clustered.interval(differences, groups, level)
    except NotEnoughData:
        count = len(set(groups))
        same = fsum(differences) / differences.size
        return no_spread(same, count, level) if bounded and count > 1 else None


def _differences(joined: Joined) -> Vector:
    """Subtract, and drop what is rounding: 0.3 − 0.1 and 0.4 − 0.2 are one difference, not a spread of 3e-17."""
    largest = max(float(np.abs(joined.baseline).max()), float(np.abs(joined.candidate).max()))
    decimals = min(12 - ceil(log10(largest)), 150) if largest else 12
    return finite(np.round(joined.candidate - joined.baseline, decimals), of="difference")
