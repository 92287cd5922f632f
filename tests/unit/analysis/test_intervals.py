"""Intervals of one score, against scipy, by hand, and by the coverage that they promise."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from evallab.analysis.intervals import (
    Interval,
    NotEnoughData,
    bootstrap,
    normal_quantile,
    of_mean,
    student_t,
    wilson,
)

levels = st.floats(0.5, 0.999)
scores = st.lists(st.floats(-100, 100).map(lambda x: round(x, 3)), min_size=2, max_size=50)


@given(st.integers(1, 2000), st.floats(0, 1), levels)
def test_wilson_agrees_with_scipy(n: int, share: float, level: float) -> None:
    successes = round(share * n)
    expected = stats.binomtest(successes, n).proportion_ci(level, method="wilson")
    found = wilson(successes, n, level)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert 0 <= found.low <= successes / n <= found.high <= 1


def test_wilson_of_newcombe_1998_table_one() -> None:
    """Newcombe (1998), Statist. Med. 17:857-872, table I, method 3: 81/263, 15/148, 0/20, 1/29."""
    table = {(81, 263): (0.2553, 0.3662), (15, 148): (0.0624, 0.1605), (0, 20): (0, 0.1611), (1, 29): (0.0061, 0.1718)}
    for (successes, n), limits in table.items():
        found = wilson(successes, n)
        assert (round(found.low, 4), round(found.high, 4)) == limits


def test_wilson_at_the_ends_does_not_leave_them() -> None:
    assert wilson(0, 10).low == 0.0
    assert wilson(10, 10).high == 1.0
    one = wilson(1, 1)
    assert one == Interval(one.low, 1.0, 0.95, "wilson")
    assert one.low == pytest.approx(0.2065, abs=1e-4)


def test_wilson_covers_as_promised_exactly() -> None:
    """Coverage by enumeration, no simulation error: 0.95 on average, nowhere far below away from the ends."""
    n, rates = 50, np.linspace(0.05, 0.95, 181)
    limits = [wilson(k, n) for k in range(n + 1)]
    low, high = np.array([i.low for i in limits]), np.array([i.high for i in limits])
    inside = (low[:, None] <= rates) & (rates <= high[:, None])
    coverage = (stats.binom.pmf(np.arange(n + 1)[:, None], n, rates) * inside).sum(axis=0)
    assert coverage.mean() == pytest.approx(0.95, abs=0.005)
    assert coverage.min() > 0.91


@pytest.mark.parametrize(("successes", "n"), [(0, 0), (1, -1), (3, 2), (-1, 5)])
def test_wilson_refuses_impossible_counts(successes: int, n: int) -> None:
    with pytest.raises(ValueError, match=r"n = |There cannot be"):
        wilson(successes, n)


@pytest.mark.parametrize("level", [0, 1, 95, -0.5, float("nan")])
def test_a_level_is_a_share(level: float) -> None:
    for call in (lambda: wilson(1, 2, level), lambda: student_t([1, 2], level), lambda: normal_quantile(level)):
        with pytest.raises(ValueError, match="between 0 and 1"):
            call()


@given(scores.filter(lambda values: len(set(values)) > 1), levels)
def test_t_agrees_with_scipy(values: list[float], level: float) -> None:
    expected = stats.t.interval(level, len(values) - 1, loc=np.mean(values), scale=stats.sem(values))
    found = student_t(values, level)
    assert (found.low, found.high) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@given(scores.filter(lambda values: len(set(values)) > 1), st.randoms())
def test_the_order_of_the_questions_does_not_matter_to_the_last_digit(values: list[float], random: Any) -> None:
    shuffled = random.sample(values, len(values))
    assert student_t(values) == student_t(shuffled)


@pytest.mark.parametrize("values", [[0.5], [0.3] * 7])
def test_t_says_when_it_cannot_say(values: list[float]) -> None:
    with pytest.raises(NotEnoughData):
        student_t(values)
    assert of_mean(values) is None


def test_of_mean_picks_wilson_for_right_or_wrong_and_t_otherwise() -> None:
    assert of_mean([1, 0, 1, 1]) == wilson(3, 4)
    assert of_mean([True]) == wilson(1, 1)
    assert of_mean([0.5, 0, 1], 0.9) == student_t([0.5, 0, 1], 0.9)


@pytest.mark.parametrize("values", [[], [float("nan")], ["x"], [[1]]])
def test_of_mean_refuses_what_is_not_data(values: Any) -> None:
    with pytest.raises(ValueError, match=r"score"):
        of_mean(values)


def test_bootstrap_agrees_with_scipy() -> None:
    values = np.random.default_rng(7).gamma(2.0, size=80)
    expected = stats.bootstrap((values,), np.median, n_resamples=9999, method="percentile", rng=1).confidence_interval
    found = bootstrap(values, lambda draw: float(np.median(draw)), seed=2, resamples=9999)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.03)
    assert (found.level, found.method) == (0.95, "bootstrap")


def test_bootstrap_draws_whole_rows_and_repeats_itself() -> None:
    rows = np.array([[hits, 4] for hits in (0, 1, 2, 3, 4)])
    found = bootstrap(rows, lambda draw: draw[:, 0].sum() / draw[:, 1].sum(), seed=3)
    assert found == bootstrap(rows, lambda draw: draw[:, 0].sum() / draw[:, 1].sum(), seed=3)
    assert 0 < found.low < 0.5 < found.high < 1


def test_bootstrap_of_things_that_are_no_numbers_goes_by_index() -> None:
    answers = ["yes", "no", "yes", "yes"]
    found = bootstrap(range(4), lambda draw: float(np.mean([answers[i] == "yes" for i in draw])), seed=1)
    assert found.low < 0.75 < found.high


def test_bootstrap_refuses_what_bounds_nothing() -> None:
    with pytest.raises(NotEnoughData):
        bootstrap([1.0], np.mean, seed=0)
    with pytest.raises(ValueError, match="100 of 100 bootstrapped statistics are NaN"):
        bootstrap([1.0, 2.0], lambda draw: float(draw[0]) * float("nan"), seed=0, resamples=100)
    with pytest.raises(ValueError, match="at least 100"):
        bootstrap([1.0, 2.0], np.mean, seed=0, resamples=10)
    with pytest.raises(ValueError, match="shape"):
        bootstrap(np.zeros((2, 2, 2)), np.mean, seed=0)
    with pytest.raises(ValueError, match="between 0 and 1"):
        bootstrap([1.0, 2.0], np.mean, seed=0, level=95)
