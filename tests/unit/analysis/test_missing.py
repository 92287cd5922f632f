"""Missing answers bound a score: from all wrong to all right."""

import pytest

from evallab.analysis.missing import Bounds, bounds


def test_a_score_lies_between_all_wrong_and_all_right() -> None:
    assert bounds([1.0] * 181 + [0.0] * 17, score=181 / 198, errors=2) == Bounds(181 / 200, 183 / 200)
    assert bounds([0.5], score=0.5, errors=1) == Bounds(0.25, 0.75)


@pytest.mark.parametrize(
    ("values", "score", "errors"),
    [([1.0, 0.0], 0.5, 0), ([3.5, 0.0], 1.75, 1), ([1.0, 0.0], 0.7, 1), ([], 0.0, 1)],
)
def test_nothing_bounds_a_score_that_misses_nothing_or_is_no_mean_of_zeros_and_ones(
    values: list[float], score: float, errors: int
) -> None:
    assert bounds(values, score=score, errors=errors) is None
