"""Paired differences: published tables, defining equations, symmetries and coverage."""

from itertools import product
from math import inf, log, sqrt
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from evallab.analysis.intervals import Interval, NotEnoughData, normal_quantile
from evallab.analysis.paired import (
    PairedBinary,
    contingency,
    mcnemar_mid_p,
    mean_difference,
    no_spread,
    questions_to_exclude,
    sign_flip_p,
    smallest_detectable,
    tango,
)

tables = st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(0, 200)).filter(lambda t: sum(t) > 0)


def test_contingency_counts_the_four_cells() -> None:
    assert contingency([1, 1, 1, 0, 0, 0], [1, 1, 0, 1, 1, 0]) == PairedBinary(n=6, both=2, lost=1, gained=2, neither=1)


@pytest.mark.parametrize(
    ("baseline", "candidate", "message"),
    [([1], [1, 0], "equally long"), ([0.5], [1], "all 0 or 1"), ([], [], "no baseline scores"), ([1], [None], "None")],
)
def test_contingency_refuses_other_tables(baseline: Any, candidate: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        contingency(baseline, candidate)


@given(st.integers(0, 300), st.integers(0, 300))
def test_mid_p_agrees_with_scipy(lost: int, gained: int) -> None:
    assume(lost + gained > 0)
    exact = stats.binomtest(lost, lost + gained, 0.5).pvalue
    point = stats.binom.pmf(lost, lost + gained, 0.5)
    expected = 1 - point / 2 if lost == gained else exact - point
    assert mcnemar_mid_p(lost, gained) == pytest.approx(expected, rel=1e-9, abs=1e-15)
    assert mcnemar_mid_p(lost, gained) == mcnemar_mid_p(gained, lost)


def test_mid_p_of_published_tables() -> None:
    """Fagerland, Lydersen & Laake (2013): Bentur et al. 10/256 by hand, Cavo et al. 0.034690."""
    assert mcnemar_mid_p(7, 1) == 10 / 256
    assert mcnemar_mid_p(16, 6) == pytest.approx(0.034690, abs=5e-7)
    assert mcnemar_mid_p(0, 0) == 1.0
    assert mcnemar_mid_p(1, 0) == 0.5


def test_tango_of_published_tables() -> None:
    """Fagerland, Lydersen & Laake (2014), Statist. Med. 33:2850-2875: Bentur et al. (n=21), Cavo et al. (n=161)."""
    bentur, cavo = tango(7, 1, 21), tango(16, 6, 161)
    assert (round(bentur.low, 3), round(bentur.high, 3)) == (-0.517, -0.026)
    assert (round(cavo.low, 4), round(cavo.high, 4)) == (-0.1240, -0.0054)


def score_statistic(delta: float, lost: int, gained: int, n: int) -> float:
    """Tango's statistic from its definition, the nuisance parameter found by maximising the likelihood numerically."""

    def minus_log_likelihood(q: float) -> float:
        cells = ((gained, q + delta), (lost, q), (n - lost - gained, 1 - 2 * q - delta))
        return -sum(count * log(max(share, 1e-300)) for count, share in cells if count)

    bounds = max(0.0, -delta), (1 - delta) / 2
    q = optimize.minimize_scalar(minus_log_likelihood, bounds=bounds, method="bounded", options={"xatol": 1e-13}).x
    return float((gained - lost - n * delta) / sqrt(n * (2 * q + delta * (1 - delta))))


@settings(max_examples=60, deadline=None)
@given(tables, st.sampled_from([0.8, 0.95, 0.99]))
def test_at_each_limit_of_tango_the_score_statistic_is_z(table: tuple[int, int, int], level: float) -> None:
    lost, gained, n = table[0], table[1], sum(table)
    found, z = tango(lost, gained, n, level), normal_quantile(level)
    if lost < n:
        assert score_statistic(found.low, lost, gained, n) == pytest.approx(z, rel=1e-3)
    if gained < n:
        assert score_statistic(found.high, lost, gained, n) == pytest.approx(-z, rel=1e-3)


@given(tables, st.floats(0.5, 0.999))
def test_tango_lies_around_the_estimate_and_mirrors(table: tuple[int, int, int], level: float) -> None:
    lost, gained, n = table[0], table[1], sum(table)
    found, mirrored = tango(lost, gained, n, level), tango(gained, lost, n, level)
    assert -1 <= found.low <= (gained - lost) / n <= found.high <= 1
    assert found.low < found.high
    assert (mirrored.low, mirrored.high) == (-found.high, -found.low)


@given(tables)
def test_more_questions_that_do_not_change_narrow_tango(table: tuple[int, int, int]) -> None:
    """Below half of one-sided flips; at the very end of the scale the interval is cut off at ±1 and can only widen."""
    lost, gained, n = table[0], table[1], sum(table)
    assume(abs(gained - lost) <= n / 2)
    now, more = tango(lost, gained, n), tango(lost, gained, n + 10)
    assert more.high - more.low < now.high - now.low


@pytest.mark.parametrize("n", [1, 2, 164, 1319, 10**9])
def test_tango_without_flips_and_with_nothing_else(n: int) -> None:
    z2 = normal_quantile(0.95) ** 2
    none, all_lost = tango(0, 0, n), tango(n, 0, n)
    assert (none.low, none.high) == pytest.approx((-z2 / (n + z2), z2 / (n + z2)), rel=1e-9)
    assert (all_lost.low, all_lost.high) == pytest.approx((-1, (z2 - n) / (n + z2)), rel=1e-9)
    assert none.method == "tango"


def test_tango_covers_as_promised_exactly() -> None:
    """Coverage by enumeration of all tables of 60 questions, for rates of changed answers as models show them."""
    n = 60
    pairs = [(lost, gained) for lost in range(n + 1) for gained in range(n + 1 - lost)]
    limits = [tango(lost, gained, n) for lost, gained in pairs]
    counts = np.array([(lost, gained, n - lost - gained) for lost, gained in pairs])
    covered = []
    for p_lost, p_gained in product((0.02, 0.05, 0.1, 0.2), repeat=2):
        truth = p_gained - p_lost
        inside = np.array([limit.low <= truth <= limit.high for limit in limits])
        chances = stats.multinomial.pmf(counts, n, [p_lost, p_gained, 1 - p_lost - p_gained])
        covered.append(float(chances[inside].sum()))
    assert min(covered) > 0.93
    assert np.mean(covered) == pytest.approx(0.95, abs=0.01)


@pytest.mark.parametrize(("lost", "gained", "n"), [(0, 0, 0), (2, 2, 3), (-1, 0, 5), (0, -1, 5)])
def test_tango_refuses_impossible_tables(lost: int, gained: int, n: int) -> None:
    with pytest.raises(ValueError, match=r"n = 0|More answers|not negative"):
        tango(lost, gained, n)


def test_no_spread_is_tango_without_flips_and_shrinks_to_the_difference() -> None:
    same, none = no_spread(0.0, 50), tango(0, 0, 50)
    assert (same.low, same.high) == pytest.approx((none.low, none.high), rel=1e-12)
    few, many = no_spread(-0.5, 2), no_spread(-0.5, 100_000)
    assert few.low < -0.5 < 0 < few.high
    assert (many.low, many.high) == pytest.approx((-0.5, -0.5), abs=1e-4)
    with pytest.raises(ValueError, match="are needed"):
        no_spread(-1.5, 10)


def test_mean_difference_is_a_t_interval() -> None:
    differences = [0.1, -0.2, 0.0, 0.05]
    expected = stats.ttest_1samp(differences, 0).confidence_interval(0.95)
    found = mean_difference(differences)
    assert found == Interval(found.low, found.high, 0.95, "t")
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    with pytest.raises(NotEnoughData):
        mean_difference([0.1])


def test_sign_flips_by_hand() -> None:
    assert sign_flip_p([0.5, 0.5, 0.5, 0.0], seed=0) == 2 / 8  # only +++ and --- reach |1.5|
    assert sign_flip_p([0.0, 0.0], seed=0) == 1.0
    assert sign_flip_p([-0.3], seed=0) == 1.0
    assert sign_flip_p([0.1, 0.2, 0.3, -0.1, 0.4], seed=0) == 6 / 32  # 0.9 of 1.1: none, or one of the two 0.1, flipped


def test_sampled_sign_flips_agree_with_the_exact_test_and_with_scipy() -> None:
    differences = np.random.default_rng(5).normal(0.3, 1, size=13)
    exact = sign_flip_p(differences, seed=0)
    sampled = sign_flip_p(differences, seed=0, permutations=8000)
    reference = stats.permutation_test(
        (differences,), lambda d: d.sum(), permutation_type="samples", n_resamples=inf, vectorized=False
    )
    assert exact == pytest.approx(reference.pvalue, abs=1e-12)
    assert sampled == pytest.approx(exact, abs=4 * sqrt(exact / 8000))


def test_sign_flips_of_many_questions_stay_within_memory_and_never_reach_zero() -> None:
    assert sign_flip_p(np.ones(20_000), seed=1, permutations=999) == 1 / 1000


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(-20, 20), min_size=1, max_size=40), st.randoms())
def test_sign_flips_ignore_order_and_direction(values: list[int], random: Any) -> None:
    differences = [value / 20 for value in values]
    p = sign_flip_p(differences, seed=3, permutations=500)
    assert 0 < p <= 1
    assert p == sign_flip_p(random.sample(differences, len(differences)), seed=3, permutations=500)
    assert p == sign_flip_p([-d for d in differences], seed=3, permutations=500)


def test_smallest_detectable_by_hand_and_by_simulation() -> None:
    assert smallest_detectable(0.05, 164) == pytest.approx(2.801585 * sqrt(0.05 / 164), rel=1e-6)
    assert round(100 * smallest_detectable(0.05, 164), 1) == 4.9
    assert smallest_detectable(0.0, 10) == 0.0
    n, discordance = 1319, 0.05
    delta = smallest_detectable(discordance, n)
    generator = np.random.default_rng(11)
    rates = [(discordance - delta) / 2, (discordance + delta) / 2, 1 - discordance]
    draws = generator.multinomial(n, rates, size=2000)
    power = np.mean([mcnemar_mid_p(int(lost), int(gained)) < 0.05 for lost, gained, _ in draws])
    assert power == pytest.approx(0.8, abs=0.03)


@pytest.mark.parametrize("arguments", [(0.1, 0), (-0.1, 5), (0.1, 5, 1.0)])
def test_smallest_detectable_refuses_nonsense(arguments: Any) -> None:
    with pytest.raises(ValueError, match="are needed"):
        smallest_detectable(*arguments)


@given(st.floats(0.001, 1), st.sampled_from([0.8, 0.95, 0.99]))
def test_questions_to_exclude_is_the_smallest_such_number(margin: float, level: float) -> None:
    n = questions_to_exclude(margin, level)
    assert tango(0, 0, n, level).low > -margin
    assert n == 1 or tango(0, 0, n - 1, level).low <= -margin + 1e-9


def test_381_questions_exclude_one_point() -> None:
    assert questions_to_exclude(0.01) == 381
    for margin in (0, -0.1, 1.1):
        with pytest.raises(ValueError, match="can be excluded"):
            questions_to_exclude(margin)
