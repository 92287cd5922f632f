"""Spans of time as people read them."""

from datetime import UTC, datetime, timedelta

import pytest

from evallab.reporting.durations import age, lasting, time_left


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.4, "59 s"), (72, "1 min 12 s"), (3600, "1 h 00 min"), (93784, "26 h 03 min"), (-1, "0 s")],
)
def test_how_long_it_took(seconds: float, text: str) -> None:
    assert lasting(timedelta(seconds=seconds)) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (119, "119s"), (120, "2m"), (3599, "59m"), (3600, "1h"), (86399, "23h"), (86400, "1d"), (-5, "0s")],
)
def test_how_old_it_is(seconds: int, text: str) -> None:
    now = datetime(2026, 11, 22, tzinfo=UTC)
    assert age(now - timedelta(seconds=seconds), now) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, ""),
        (float("nan"), ""),
        (float("inf"), ""),
        (-1, ""),
        (3, "a few s left"),
        (42, "40 s left"),
        (100, "2 min left"),
        (3590, "1 h 00 min left"),
        (8000, "2 h 10 min left"),
        (50_000, "14 h left"),
    ],
)
def test_an_estimate_is_no_more_exact_than_it_is_known(seconds: float | None, text: str) -> None:
    assert time_left(seconds) == text
