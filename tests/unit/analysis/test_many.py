"""Corrected p values against a published example and the definition; ranks with ties."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evallab.analysis.many import benjamini_hochberg, ranks

#: Benjamini & Hochberg (1995), section 4.1: of these 15 the procedure at 0.05 rejects the first four.
PUBLISHED = [
    *(0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459),
    *(0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000),
]
P_VALUES = st.dictionaries(st.integers(), st.floats(0, 1), min_size=1, max_size=30)


def test_the_published_example() -> None:
    adjusted = benjamini_hochberg(dict(enumerate(PUBLISHED)))
    assert [place for place, q in adjusted.items() if q <= 0.05] == [0, 1, 2, 3]


@given(P_VALUES, st.floats(0.01, 0.5))
def test_it_rejects_what_the_step_up_procedure_rejects(p_values: dict[int, float], rate: float) -> None:
    ordered = sorted(p_values.values())
    passing = [p for place, p in enumerate(ordered, 1) if p * (len(ordered) / place) <= rate]
    limit = max(passing, default=-1.0)
    adjusted = benjamini_hochberg(p_values)
    assert {name for name, q in adjusted.items() if q <= rate} == {n for n, p in p_values.items() if p <= limit}


@given(P_VALUES)
def test_adjusted_values_are_never_smaller_and_keep_the_order(p_values: dict[int, float]) -> None:
    adjusted = benjamini_hochberg(p_values)
    assert all(p_values[name] <= adjusted[name] <= 1 for name in p_values)
    ordered = sorted(p_values, key=lambda name: p_values[name])
    assert [adjusted[name] for name in ordered] == sorted(adjusted.values())
    assert benjamini_hochberg({}) == {}


def test_no_p_value_made_of_nothing() -> None:
    with pytest.raises(ValueError, match="'b' is nan"):
        benjamini_hochberg({"a": 0.1, "b": float("nan")})


def test_ranks_are_ranges_where_differences_are_not_known() -> None:
    scores = {"a": 0.9, "b": 0.85, "c": 0.8, "d": 0.2}
    far = lambda high, low: scores[high] - scores[low] > 0.07  # noqa: E731
    assert ranks(scores, far) == {"a": (1, 2), "b": (1, 3), "c": (2, 3), "d": (4, 4)}
    assert ranks({"a": 1.0, "b": 1.0}, lambda *_: True) == {"a": (1, 2), "b": (1, 2)}
