"""Several benchmarks at once: which of many small p values still mean something, and who is better than whom.

Called by reports with more than one benchmark or more than two jobs.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TypeVar

Name = TypeVar("Name", bound=Hashable)


def benjamini_hochberg(p_values: Mapping[Name, float]) -> dict[Name, float]:
    """Return the adjusted p values (q values): calling all with q ≤ 0.05 different errs in at most 5 % of them.

    q of the i-th smallest of m: min over j ≥ i of p_j·m/j, at most 1. Source: Benjamini & Hochberg (1995), J. R.
    Statist. Soc. B 57:289-300; holds for independent benchmarks and for positively dependent ones (Benjamini &
    Yekutieli 2001), such as those of one model. ValueError for p values outside 0..1, NaN included.
    """
    wrong = [name for name, p in p_values.items() if not 0 <= p <= 1]
    if wrong:
        raise ValueError(f"A p value lies in 0..1; that of {wrong[0]!r} is {p_values[wrong[0]]}.")
    ordered = sorted(p_values, key=lambda name: p_values[name], reverse=True)
    adjusted, least, count = dict[Name, float](), 1.0, len(p_values)
    for behind, name in enumerate(ordered):
        least = min(least, p_values[name] * (count / (count - behind)))
        adjusted[name] = least
    return {name: adjusted[name] for name in p_values}


def ranks(scores: Mapping[Name, float], different: Callable[[Name, Name], bool]) -> dict[Name, tuple[int, int]]:
    """Return the best and the worst rank that each may have, 1 being the best: equal bounds only without a tie.

    `scores` are better the higher they are; `different(better, worse)` says whether the better one of a pair is known
    to be better (a paired test). Best rank: 1 + how many are known to be better; worst: m less how many are known to
    be worse. Two whose ranges overlap are tied; ties need not be transitive, which is why these are ranges.
    """
    names: Sequence[Name] = sorted(scores, key=lambda name: scores[name], reverse=True)
    better, worse = dict.fromkeys(names, 0), dict.fromkeys(names, 0)
    for place, high in enumerate(names):
        for low in names[place + 1 :]:
            if scores[high] > scores[low] and different(high, low):
                better[low] += 1
                worse[high] += 1
    return {name: (1 + better[name], len(names) - worse[name]) for name in scores}
