"""Checked vectors of plain numbers: the one gate through which scores enter the statistics.

numpy turns `None` into NaN and "1.0" into 1.0 without a word; a mean of such values looks like a score. Every function
of `intervals`, `paired` and `verdicts` therefore passes what it is given through here first.
"""

from collections.abc import Iterable
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike, NDArray

_LARGEST = 1e100  # the square of anything larger soon overflows
_KINDS_OF_NUMBERS = frozenset("biuf")  # numpy's letters for bool, int, unsigned int and float

Vector = NDArray[np.float64]


def vector(values: ArrayLike, *, of: str = "value") -> Vector:
    """Return `values` as a float vector of shape (n,), n ≥ 1.

    `of` names one element in the messages. Raises ValueError for no values, other shapes, values that are not numbers
    (strings and `None` included) and values that are not finite, each time saying how many.
    """
    array = np.asarray(values)
    if array.ndim != 1:
        raise ValueError(f"A vector of {of}s is needed, not an array of shape {array.shape}.")
    if array.size == 0:
        raise ValueError(f"There are no {of}s: with n = 0 nothing can be said.")
    if array.dtype.kind not in _KINDS_OF_NUMBERS:
        raise ValueError(_not_numbers(np.asarray(values, dtype=object), of))
    return finite(array.astype(np.float64), of=of)


def finite(array: Vector, *, of: str) -> Vector:
    """Return `array` (any shape), or raise ValueError saying how many of its numbers are NaN, infinite or > 1e100."""
    bad = int(np.count_nonzero(~(np.abs(array) <= _LARGEST)))
    if bad:
        raise ValueError(
            f"{bad} of {array.size} {of}s are NaN, infinite or beyond 1e100. Missing data is left out, not scored."
        )
    return array


def is_binary(*arrays: Vector) -> bool:
    """Say whether every number is exactly 0 or 1 (right or wrong)."""
    return all(bool(np.isin(array, (0.0, 1.0)).all()) for array in arrays)


def is_proportion(*arrays: Vector) -> bool:
    """Say whether every number lies in 0..1, so that two of them differ by 1 at most."""
    return all(bool(((array >= 0) & (array <= 1)).all()) for array in arrays)


def _not_numbers(values: Iterable[object], of: str) -> str:
    elements = list(values)
    strangers = [value for value in elements if not isinstance(value, Real)] or elements
    return f"{len(strangers)} of {len(elements)} {of}s are not numbers, the first is {strangers[0]!r}."
