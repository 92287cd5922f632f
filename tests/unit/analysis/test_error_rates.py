"""The error rates that the docs promise, simulated anew with fewer draws; the page is what the program writes."""

import re

import pytest
from benchmarks.error_rates import PAGE, error, grouped, rates, suite

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
    found = suite(20, 0, 400)
    assert found.false_alone > 0.3
    assert found.false <= 0.05


def test_a_loss_is_found_among_others_and_the_price_is_known() -> None:
    assert suite(4, 1, 400).found >= 0.8
    assert suite(20, 20, 100).found >= 0.8
    assert 0.6 <= suite(20, 1, 400).found < 0.8  # alone among twenty


def test_groups_keep_their_promise_where_questions_taken_alone_do_not() -> None:
    alone, by_passage = grouped(200)
    assert alone > 0.1
    assert by_passage <= 0.06


def test_the_error_of_a_simulated_rate() -> None:
    assert error(0.5, 20_000) == pytest.approx(0.00693, abs=1e-5)


def test_a_loss_needs_answers_that_change() -> None:
    with pytest.raises(ValueError, match="cannot occur"):
        rates(100, 0.01, 0.05, 10)


def test_the_page_says_what_the_simulation_says() -> None:
    row = re.search(r"^\| 1000 \| 20 % \| 5 \| ([0-9.]+) \|", PAGE.read_text(), re.MULTILINE)
    assert row is not None
    assert float(row[1]) == pytest.approx(100 * rates(1000, 0.2, 0.05, 20_000)[Verdict.REGRESSION], abs=0.051)


def test_the_page_holds_the_promises() -> None:
    text = PAGE.read_text()
    assert (
        re.findall(r"^\| (?:two equal models|a true loss of 5 points).*\| (\S+) \|$", text, re.MULTILINE) == ["yes"] * 2
    )
