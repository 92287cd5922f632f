"""The error rates that the docs promise, simulated anew with fewer draws; the page is what the program writes."""

import re

import pytest
from benchmarks.error_rates import PAGE, false_discoveries, rates

from evallab.analysis.verdicts import Verdict


@pytest.mark.parametrize("n", [164, 378, 1000])
@pytest.mark.parametrize("discordance", [0.05, 0.2])
def test_two_equal_models_raise_regression_in_at_most_5_percent(n: int, discordance: float) -> None:
    assert rates(n, discordance, 0.0, 4000)[Verdict.REGRESSION] <= 0.05


def test_a_true_loss_of_5_points_is_found_in_at_least_80_percent() -> None:
    assert rates(1000, 0.2, 0.05, 4000)[Verdict.REGRESSION] >= 0.8


def test_a_loss_beyond_the_margin_is_hardly_ever_passed() -> None:
    assert rates(1000, 0.1, 0.03, 4000)[Verdict.PASS] <= 0.01


def test_the_correction_keeps_its_promise() -> None:
    plain, corrected = false_discoveries(400)
    assert plain > 0.4
    assert corrected <= 0.08


def test_a_loss_needs_answers_that_change() -> None:
    with pytest.raises(ValueError, match="cannot occur"):
        rates(100, 0.01, 0.05, 10)


def test_the_page_says_what_the_simulation_says() -> None:
    row = re.search(r"^\| 1000 \| 20 % \| 5 \| ([0-9.]+) \|", PAGE.read_text(), re.MULTILINE)
    assert row is not None
    assert float(row[1]) == pytest.approx(100 * rates(1000, 0.2, 0.05, 20_000)[Verdict.REGRESSION], abs=0.051)
