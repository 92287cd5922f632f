"""What Postgres cannot hold is replaced, the rest is left alone."""

import math

import pytest

from evallab.store import storable


@pytest.mark.parametrize(
    ("given", "held"),
    [("plain", "plain"), ("Grüße 🙂", "Grüße 🙂"), ("a\0b", "a\ufffdb"), ("\ud800", "\ufffd\ufffd\ufffd")],
)
def test_text(given: str, held: str) -> None:
    assert storable.text(given) == held


def test_json_is_cleaned_all_the_way_down() -> None:
    given = {"a\0": [1, 2.5, math.inf, None, True], "b": {"c": ("x\0", math.nan)}}
    assert storable.json(given).obj == {"a\ufffd": [1, 2.5, None, None, True], "b": {"c": ["x\ufffd", None]}}
