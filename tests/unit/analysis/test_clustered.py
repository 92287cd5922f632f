"""Clustered intervals and pass@k against published values, closed forms and simulation."""

from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evallab.analysis.clustered import design_effect, interval, pass_at_k, standard_error
from evallab.analysis.intervals import NotEnoughData

VALUES = st.lists(st.floats(-10, 10), min_size=2, max_size=40)


@given(VALUES)
def test_clusters_of_one_give_the_plain_standard_error(values: list[float]) -> None:
    plain = float(np.std(values, ddof=1)) / sqrt(len(values))
    assert standard_error(values, range(len(values))) == pytest.approx(plain, abs=1e-9)


def test_answers_that_are_copies_say_no_more_than_one() -> None:
    once = [0.0, 1.0, 1.0, 0.0, 1.0, 1.0]
    copied = [value for value in once for _ in range(7)]
    names = [place for place in range(len(once)) for _ in range(7)]
    assert standard_error(copied, names) == pytest.approx(standard_error(once, range(6)))
    assert interval(copied, names) == interval(once, range(6))
    assert design_effect(copied, names) == pytest.approx(7, rel=0.2)


@given(VALUES, st.randoms())
def test_the_order_of_the_questions_does_not_matter(values: list[float], random: object) -> None:
    pairs = [(value, place % 3) for place, value in enumerate(values)]
    mixed = list(pairs)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    both = [standard_error([value for value, _ in each], [name for _, name in each]) for each in (pairs, mixed)]
    assert both[0] == pytest.approx(both[1], abs=1e-9)


def test_the_interval_covers_as_it_promises_where_the_naive_one_does_not() -> None:
    generator = np.random.default_rng(7)
    covered = naive = 0
    for _ in range(400):
        common = np.repeat(generator.normal(size=30), 10)
        values = common + generator.normal(scale=0.5, size=300)
        names = [int(place) for place in np.repeat(np.arange(30), 10)]
        band, plain = interval(values, names), interval(values, range(300))
        covered += band.low <= 0 <= band.high
        naive += plain.low <= 0 <= plain.high
    assert 0.92 <= covered / 400 <= 0.98
    assert naive / 400 < 0.7


def test_what_cannot_be_bounded_is_said() -> None:
    with pytest.raises(NotEnoughData, match="two clusters"):
        standard_error([0, 1], ["a", "a"])
    with pytest.raises(NotEnoughData, match="do not differ"):
        interval([0.5, 0.5], ["a", "b"])
    with pytest.raises(ValueError, match="as many cluster names"):
        standard_error([0, 1], ["a"])


def test_pass_at_k_is_what_drawing_k_answers_gives() -> None:
    assert pass_at_k(10, 0, 1) == 0
    assert pass_at_k(10, 3, 1) == pytest.approx(0.3)
    assert pass_at_k(5, 1, 5) == 1
    assert pass_at_k(200, 13, 10) == pytest.approx(1 - np.prod(1 - 10 / np.arange(200 - 13 + 1, 201)))  # the paper's
    with pytest.raises(ValueError, match="pass@3 needs at least 3 answers"):
        pass_at_k(2, 1, 3)
    with pytest.raises(ValueError, match="3 right answers among 2"):
        pass_at_k(2, 3, 1)
