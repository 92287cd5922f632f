"""What may enter the statistics, and what is refused with a count."""

import re
from typing import Any

import numpy as np
import pytest

from evallab.analysis.vectors import is_binary, is_proportion, vector


def test_numbers_of_any_kind_become_floats() -> None:
    for values in ([1, 0, 1], (True, False, True), np.array([1, 0, 1], dtype=np.int8), range(1, 2)):
        assert vector(values).dtype == np.float64
        assert vector(values)[0] == 1.0


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([], "There are no scores: with n = 0 nothing can be said."),
        ([0.0, float("nan"), float("inf")], "2 of 3 scores are NaN, infinite or beyond 1e100."),
        ([1e101], "1 of 1 scores are NaN, infinite"),
        ([1, None, 0], "1 of 3 scores are not numbers, the first is None."),
        (["1.0", "0.5"], "2 of 2 scores are not numbers, the first is '1.0'."),
        ([1, "a"], "1 of 2 scores are not numbers, the first is 'a'."),
        ([1j, 2.0], "1 of 2 scores are not numbers"),
        ([[1.0, 2.0]], "A vector of scores is needed, not an array of shape (1, 2)."),
        (1.0, "not an array of shape ()."),
    ],
)
def test_what_is_not_a_vector_of_numbers_is_refused_with_a_count(values: Any, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        vector(values, of="score")


def test_binary_and_proportion() -> None:
    assert is_binary(np.array([0.0, 1.0]), np.array([1.0]))
    assert not is_binary(np.array([0.0, 0.5]))
    assert is_proportion(np.array([0.0, 0.5, 1.0]))
    assert not is_proportion(np.array([0.5]), np.array([-0.1]))
    assert not is_proportion(np.array([0.5]), np.array([1.1]))
