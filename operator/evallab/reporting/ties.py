"""Which models of a column are known to differ: compared in pairs, on the questions that both answered.

Called by `evallab leaderboard`. Two models share a rank unless one is better beyond doubt; with m models there are
m(m−1)/2 pairs, so their p values are corrected for their number. Where a column is too long for that, or answers are
not there, ranks stay those of the intervals.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

from evallab.analysis.many import benjamini_hochberg, ranks
from evallab.analysis.together import RATE
from evallab.analysis.verdicts import compare
from evallab.engine.comparing import Answered, answered
from evallab.reporting.leaderboard import Board, Entry, Ranking
from evallab.store.interface import Store

MOST = 16  #: models in a column: 120 pairs
Pair = tuple[str, str]


async def paired(store: Store, found: Board) -> Board:
    """Rank each column by pairs of its models, where that can be done."""
    return replace(found, rankings=tuple([await _ranked(store, ranking) for ranking in found.rankings]))


async def _ranked(store: Store, ranking: Ranking) -> Ranking:
    entries = ranking.entries
    if not 2 <= len(entries) <= MOST:
        return ranking
    answers = {each.model: await _answers(store, ranking, each) for each in entries}
    if not all(each.values for each in answers.values()):
        return ranking
    return by_pairs(ranking, answers)


async def _answers(store: Store, ranking: Ranking, entry: Entry) -> Answered:
    return answered(await store.pairable(entry.job, entry.index, ranking.metric, ranking.filter))


def by_pairs(ranking: Ranking, answers: dict[str, Answered]) -> Ranking:
    """Give each entry its rank, 1 + how many are known to be better (pure)."""
    better = known_better(ranking.entries, answers)
    sign = 1 if ranking.higher_is_better else -1
    bounds = ranks({each.model: sign * each.score for each in ranking.entries}, lambda high, low: (high, low) in better)
    entries = tuple(replace(each, rank=bounds[each.model][0]) for each in ranking.entries)
    return replace(ranking, entries=entries, ranked_by="pairs")


def known_better(entries: Sequence[Entry], answers: dict[str, Answered]) -> frozenset[Pair]:
    """Return the pairs (better, worse) that are known to differ; entries come best first."""
    p_values = {
        (high.model, low.model): _p_value(answers[high.model], answers[low.model])
        for high, low in combinations(entries, 2)
    }
    corrected = benjamini_hochberg(p_values)
    return frozenset(pair for pair, q_value in corrected.items() if q_value <= RATE)


def _p_value(high: Answered, low: Answered) -> float:
    """Where no question is common nothing is known."""
    if not high.values.keys() & low.values.keys():
        return 1.0
    groups = {**low.groups, **high.groups}
    return compare(low.values, high.values, common_only=True, clusters=groups).p_value
