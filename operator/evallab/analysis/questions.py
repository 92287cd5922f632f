"""Scores by question, and which questions two jobs share. Called by `verdicts`, and by whoever reads score rows.

A comparison is paired by the question's id, never by position: a job that lost one sample would shift all others.
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from evallab.analysis.vectors import Vector, vector

Question = TypeVar("Question", bound=Hashable)


@dataclass(frozen=True)
class Joined:
    """The scores of the n common questions, two vectors of shape (n,) in one order, and how many have no partner."""

    baseline: Vector
    candidate: Vector
    only_baseline: int
    only_candidate: int


def by_question(rows: Iterable[tuple[Question, float]]) -> dict[Question, float]:
    """Return the score of each question; ValueError if a question comes twice.

    Repeats of a question are not independent: average them first (Miller 2024, arXiv:2411.00640).
    """
    pairs = list(rows)
    counts = Counter(question for question, _ in pairs)
    repeated = [question for question, count in counts.items() if count > 1]
    if repeated:
        raise ValueError(
            f"{len(repeated)} of {len(counts)} questions have more than one score, the first is {repeated[0]!r}. "
            "Average repeats within their question first."
        )
    return dict(pairs)


def join(
    baseline: Mapping[Question, float], candidate: Mapping[Question, float], *, common_only: bool = False
) -> Joined:
    """Pair two sets of scores by question id.

    ValueError if a side is empty, if the questions differ (unless `common_only`), if none is common, and for scores
    that are not finite numbers.
    """
    for side, scores in (("baseline", baseline), ("candidate", candidate)):
        if not scores:
            raise ValueError(f"The {side} has no scores: with n = 0 nothing can be compared.")
    common = [question for question in baseline if question in candidate]
    lone = len(baseline) - len(common), len(candidate) - len(common)
    if any(lone) and not (common_only and common):
        raise ValueError(
            f"The two answer different questions: {lone[0]} only in the baseline, {lone[1]} only in the candidate, "
            f"{len(common)} in both. Comparing only the common ones has to be asked for."
        )
    before = vector([baseline[question] for question in common], of="baseline score")
    after = vector([candidate[question] for question in common], of="candidate score")
    return Joined(before, after, *lone)
