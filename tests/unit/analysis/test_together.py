"""Verdicts of several benchmarks at once: a REGRESSION has to survive the correction, a PASS needs none."""

import pytest

from evallab.analysis.together import Corrected, Judged, together
from evallab.analysis.verdicts import Verdict


def test_one_alone_stays_what_it_is() -> None:
    assert together({"a": Judged(Verdict.REGRESSION, 0.051)}) == {"a": Corrected(Verdict.REGRESSION, None)}


def test_a_regression_among_many_needs_more_evidence() -> None:
    quiet = {str(place): Judged(Verdict.PASS, 0.9) for place in range(19)}
    found = together({"a": Judged(Verdict.REGRESSION, 0.02), **quiet})
    assert found["a"] == Corrected(
        Verdict.INCONCLUSIVE,
        found["a"].q_value,
        "alone it would be a REGRESSION (p = 0.02); corrected for the 20 benchmarks compared at once q = 0.4, "
        "above 0.05",
    )
    assert found["a"].q_value == pytest.approx(0.4)
    assert together({"a": Judged(Verdict.REGRESSION, 0.002), **quiet})["a"].verdict is Verdict.REGRESSION
    assert {each.verdict for name, each in found.items() if name != "a"} == {Verdict.PASS}


def test_regressions_support_each_other() -> None:
    found = together({name: Judged(Verdict.REGRESSION, 0.04) for name in "abc"})
    assert {each.verdict for each in found.values()} == {Verdict.REGRESSION}


def test_what_was_not_tested_does_not_count() -> None:
    found = together({"a": Judged(Verdict.REGRESSION, 0.04), "b": Judged(Verdict.INCONCLUSIVE, None)})
    assert found == {"a": Corrected(Verdict.REGRESSION, None), "b": Corrected(Verdict.INCONCLUSIVE, None)}
