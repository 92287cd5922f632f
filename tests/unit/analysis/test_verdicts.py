"""Comparisons as a whole: values, verdicts, symmetries and the cases where nothing can be said."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evallab.analysis.intervals import Interval, student_t
from evallab.analysis.paired import mcnemar_mid_p, no_spread, sign_flip_p, smallest_detectable, tango
from evallab.analysis.verdicts import Comparison, Verdict, compare, judge

TOO_FEW = "no answer changed; 381 questions would be needed to exclude a loss of 1 point"
WORST_TO_BEST = [Verdict.REGRESSION, Verdict.INCONCLUSIVE, Verdict.PASS]


def answers(both: int, lost: int, gained: int, neither: int = 0) -> tuple[dict[int, float], dict[int, float]]:
    before = [1.0] * (both + lost) + [0.0] * (gained + neither)
    after = [1.0] * both + [0.0] * lost + [1.0] * gained + [0.0] * neither
    return dict(enumerate(before)), dict(enumerate(after))


def test_a_regression_in_full() -> None:
    assert compare(*answers(both=100, lost=15, gained=3, neither=82)) == Comparison(
        n=200,
        baseline_score=0.575,
        candidate_score=0.515,
        delta=-0.06,
        interval=tango(15, 3, 200),
        p_value=mcnemar_mid_p(15, 3),
        lost=15,
        gained=3,
        discordance=0.09,
        smallest_detectable=smallest_detectable(0.09, 200),
        verdict=Verdict.REGRESSION,
        method="McNemar mid-p, Tango interval",
        note="",
    )


def test_scores_that_are_not_binary_get_t_and_sign_flips() -> None:
    before, after = {"a": 0.5, "b": 0.2, "c": 0.9, "d": 0.4}, {"a": 0.6, "b": 0.1, "c": 1.0, "d": 0.4}
    found = compare(before, after, seed=4)
    differences = [0.1, -0.1, 0.1, 0.0]
    assert found.interval == student_t(differences)
    assert found.p_value == sign_flip_p(differences, seed=4)
    assert found.delta == pytest.approx(0.025)
    assert (found.n, found.lost, found.gained, found.discordance) == (4, 1, 2, 0.75)
    assert found.smallest_detectable == pytest.approx(smallest_detectable(0.03 / 4, 4))
    assert (found.verdict, found.method) == (Verdict.INCONCLUSIVE, "sign-flip permutation, t interval")


@pytest.mark.parametrize(
    ("low", "high", "delta", "verdict"),
    [
        (-0.05, -0.01, -0.03, Verdict.REGRESSION),
        (-0.05, 0.0, -0.03, Verdict.INCONCLUSIVE),  # 0 is not below 0
        (-0.012, -0.001, -0.009, Verdict.INCONCLUSIVE),  # a loss, but smaller than what matters
        (-0.012, -0.001, -0.01, Verdict.REGRESSION),
        (-0.009, -0.001, -0.005, Verdict.PASS),  # a loss, and certainly smaller than what matters
        (-0.01, 0.02, 0.005, Verdict.INCONCLUSIVE),  # the margin itself is not excluded
        (-0.0099, 0.02, 0.005, Verdict.PASS),
        (0.01, 0.05, 0.03, Verdict.PASS),
    ],
)
def test_the_rule_at_its_edges(low: float, high: float, delta: float, verdict: Verdict) -> None:
    assert judge(delta, Interval(low, high, 0.95, "t"), margin=0.01) is verdict
    mirrored = Interval(-high, -low, 0.95, "t")
    assert judge(-delta, mirrored, margin=0.01, higher_is_better=False) is verdict


def test_without_an_interval_there_is_no_verdict() -> None:
    assert judge(-5.0, None, margin=0.01) is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("n", "verdict", "note"),
    [
        (1, "INCONCLUSIVE", f"{TOO_FEW}; one question is 100 points, more than the margin"),
        (99, "INCONCLUSIVE", f"{TOO_FEW}; one question is 1.01 points, more than the margin"),
        (164, "INCONCLUSIVE", TOO_FEW),
        (380, "INCONCLUSIVE", TOO_FEW),
        (381, "PASS", "no answer changed in 381 questions, which excludes a loss of 1 point"),
    ],
)
def test_no_answer_changed(n: int, verdict: str, note: str) -> None:
    assert compare(*answers(both=n, lost=0, gained=0)) == Comparison(
        n=n,
        baseline_score=1.0,
        candidate_score=1.0,
        delta=0.0,
        interval=tango(0, 0, n),
        p_value=1.0,
        lost=0,
        gained=0,
        discordance=0.0,
        smallest_detectable=smallest_detectable(1 / n, n),
        verdict=Verdict(verdict),
        method="McNemar mid-p, Tango interval",
        note=note,
    )


def test_one_question_lost_says_nothing() -> None:
    found = compare({"a": 1}, {"a": 0})
    assert (found.n, found.delta, found.p_value, found.verdict) == (1, -1.0, 0.5, Verdict.INCONCLUSIVE)
    assert found.interval == tango(1, 0, 1)


def test_differences_that_are_all_the_same_do_not_claim_certainty() -> None:
    few = compare({"a": 0.3, "b": 0.4}, {"a": 0.1, "b": 0.2})  # 0.3 - 0.1 and 0.4 - 0.2 differ by 3e-17
    assert (few.interval, few.verdict) == (no_spread(-0.2, 2), Verdict.INCONCLUSIVE)
    many = compare(dict.fromkeys(range(100), 0.5), dict.fromkeys(range(100), 0.25))
    assert (many.interval, many.verdict) == (no_spread(-0.25, 100), Verdict.REGRESSION)
    assert many.method == "sign-flip permutation, no-spread interval"
    one = compare({"a": 0.5}, {"a": 0.5})
    assert (one.interval, one.verdict) == (no_spread(0.0, 1), Verdict.INCONCLUSIVE)


def test_unbounded_scores_without_spread_have_no_interval() -> None:
    found = compare({"a": 3.5, "b": 4.0}, {"a": 3.5, "b": 4.0}, higher_is_better=False)
    assert (found.interval, found.smallest_detectable, found.verdict) == (None, None, Verdict.INCONCLUSIVE)
    assert found.note == (
        "no answer changed; all differences are equal and the scores are not confined to 0..1, "
        "so nothing bounds the true difference"
    )
    assert found.method == "sign-flip permutation, no interval"


def test_the_note_says_what_it_would_take() -> None:
    found = compare(*answers(both=110, lost=4, gained=2, neither=4))
    needed = round(120 * (smallest_detectable(0.05, 120) / 0.01) ** 2 + 0.5)
    assert found.note == f"to detect a loss of 1 point about {needed} such questions would be needed"
    small = compare(*answers(both=50, lost=0, gained=0), margin=0.05)
    assert small.note == "no answer changed; 73 questions would be needed to exclude a loss of 5 points"


def test_common_questions_only_is_said() -> None:
    before, after = answers(both=400, lost=0, gained=0)
    del before[0]
    with pytest.raises(ValueError, match="0 only in the baseline, 1 only in the candidate, 399 in both"):
        compare(before, after)
    found = compare(before, after, common_only=True)
    assert (found.n, found.verdict) == (399, Verdict.PASS)
    assert found.note.startswith(
        "only the 399 common questions compared: 0 more in the baseline, 1 more in the candidate; no answer changed"
    )


@pytest.mark.parametrize("arguments", [{"margin": -0.01}, {"margin": float("nan")}, {"margin": float("inf")}])
def test_a_margin_is_a_size(arguments: Any) -> None:
    with pytest.raises(ValueError, match="A margin is a number from 0 up"):
        compare({"a": 1}, {"a": 1}, **arguments)


@pytest.mark.parametrize("scores", [{"a": 1}, {"a": 0.5}, {"a": 0.5, "b": 0.7}])
def test_a_level_is_a_share(scores: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        compare(scores, {key: 0.0 for key in scores}, level=95)


def test_a_margin_of_nothing_or_of_everything() -> None:
    before, after = answers(both=500, lost=0, gained=0)
    assert compare(before, after, margin=0).note == "no answer changed"
    assert compare(before, after, margin=0).verdict is Verdict.INCONCLUSIVE
    assert compare(before, after, margin=2).verdict is Verdict.PASS
    assert compare(*answers(both=9, lost=1, gained=0), margin=1e-300).verdict is Verdict.INCONCLUSIVE


binary = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60)
graded = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=25)
pairs = binary | graded.map(lambda rows: [(a / 4, b / 4) for a, b in rows])


def mappings(rows: list[tuple[float, float]]) -> tuple[dict[int, float], dict[int, float]]:
    return {i: float(a) for i, (a, _) in enumerate(rows)}, {i: float(b) for i, (_, b) in enumerate(rows)}


@settings(deadline=None)
@given(pairs)
def test_swapping_baseline_and_candidate_mirrors_everything(rows: list[tuple[float, float]]) -> None:
    before, after = mappings(rows)
    forth, back = compare(before, after), compare(after, before)
    assert (back.delta, back.lost, back.gained, back.p_value) == (-forth.delta, forth.gained, forth.lost, forth.p_value)
    assert forth.interval is not None
    assert back.interval is not None
    assert (back.interval.low, back.interval.high) == pytest.approx((-forth.interval.high, -forth.interval.low))
    assert back.smallest_detectable == pytest.approx(forth.smallest_detectable)
    assert forth.interval.low <= forth.delta <= forth.interval.high


@settings(deadline=None)
@given(pairs, st.sampled_from([0.01, 0.05, 0.3]))
def test_lower_is_better_mirrors_the_verdict_and_nothing_else(rows: list[tuple[float, float]], margin: float) -> None:
    before, after = mappings(rows)
    up = compare(before, after, margin=margin)
    errors = {key: 1 - value for key, value in before.items()}, {key: 1 - value for key, value in after.items()}
    down = compare(*errors, margin=margin, higher_is_better=False)
    assert (down.verdict, down.p_value, down.note) == (up.verdict, up.p_value, up.note)
    assert (down.delta, down.lost, down.gained) == (-up.delta, up.gained, up.lost)


@settings(deadline=None)
@given(pairs, st.randoms())
def test_neither_the_order_nor_the_names_of_questions_matter(rows: list[tuple[float, float]], random: Any) -> None:
    assert compare(*mappings(rows)) == compare(*mappings(random.sample(rows, len(rows))))


@given(st.integers(0, 300), st.integers(0, 40), st.integers(1, 40), st.sampled_from([0.005, 0.01, 0.05]))
def test_losing_one_answer_more_never_improves_the_verdict(both: int, lost: int, gained: int, margin: float) -> None:
    n = both + lost + gained
    as_is = judge((gained - lost) / n, tango(lost, gained, n), margin=margin)
    for worse in ((lost + 1, gained - 1), (lost, gained - 1)):
        verdict = judge((worse[1] - worse[0]) / n, tango(*worse, n), margin=margin)
        assert WORST_TO_BEST.index(verdict) <= WORST_TO_BEST.index(as_is)
