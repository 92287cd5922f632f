"""Comparisons of questions that come in groups: the group is what was drawn."""

import numpy as np
import pytest

from evallab.analysis import clustered
from evallab.analysis.intervals import Interval
from evallab.analysis.paired import no_spread, sign_flip_p, smallest_detectable
from evallab.analysis.verdicts import Verdict, compare

PASSAGES = {question: question // 5 for question in range(200)}  # five questions of each of 40 passages


def lost(passages: int) -> tuple[dict[int, float], dict[int, float]]:
    """All five questions of some passages are lost at once."""
    return dict.fromkeys(PASSAGES, 1.0), {question: float(PASSAGES[question] >= passages) for question in PASSAGES}


def test_groups_of_one_change_nothing() -> None:
    before, after = lost(3)
    assert compare(before, after, clusters={each: each for each in before}) == compare(before, after)
    assert compare(before, after, clusters={}) == compare(before, after)


def test_what_is_lost_together_is_less_evidence() -> None:
    before, after = lost(3)
    alone, found = compare(before, after), compare(before, after, clusters=PASSAGES)
    differences = [after[each] - before[each] for each in before]
    names = [("group", PASSAGES[each]) for each in before]
    assert (alone.verdict, alone.p_value < 0.001) == (Verdict.REGRESSION, True)
    assert found.interval == clustered.interval(differences, names)
    assert found.p_value == sign_flip_p([-5.0] * 3 + [0.0] * 37, seed=0) == 0.25
    assert found.smallest_detectable == pytest.approx(smallest_detectable(3 * 25 / 200, 200))
    assert (found.verdict, found.delta, found.lost, found.n) == (Verdict.INCONCLUSIVE, alone.delta, 15, 200)
    assert found.note.startswith("200 questions in 40 groups; ")
    assert found.method == "sign-flip permutation of groups, clustered interval"


def test_one_group_bounds_nothing() -> None:
    before, after = lost(3)
    found = compare(before, after, clusters=dict.fromkeys(before, "the passage"))
    assert (found.interval, found.p_value, found.verdict) == (None, 1.0, Verdict.INCONCLUSIVE)
    assert found.note == "all 200 questions are one group, so nothing bounds the difference on other groups"


def test_without_a_change_groups_count_and_not_questions() -> None:
    before, _ = lost(0)
    found = compare(before, before, clusters=PASSAGES)
    assert found.interval == no_spread(0.0, 40)
    assert found.note == (
        "200 questions in 40 groups; no answer changed; 381 groups would be needed to exclude a loss of 1 point"
    )


def test_few_groups_are_said() -> None:
    before, after = lost(15)
    found = compare(before, after, clusters={question: question // 50 for question in before})
    assert "200 questions in 4 groups, which are few" in found.note


def test_false_alarms_stay_at_their_rate_where_ignoring_groups_does_not() -> None:
    generator = np.random.default_rng(20_261_123)
    alarms = np.zeros(2)
    for _ in range(300):
        moved = generator.choice([-1.0, 0.0, 1.0], p=[0.1, 0.8, 0.1], size=40)  # whole passages flip
        before = {question: float(moved[PASSAGES[question]] < 0) for question in PASSAGES}
        after = {question: float(moved[PASSAGES[question]] > 0) for question in PASSAGES}
        for place, clusters in enumerate((None, PASSAGES)):
            found = compare(before, after, clusters=clusters)
            alarms[place] += isinstance(found.interval, Interval) and found.verdict is Verdict.REGRESSION
    assert alarms[0] / 300 > 0.1
    assert alarms[1] / 300 <= 0.05
