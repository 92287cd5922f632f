"""Moments on the command line."""

from datetime import UTC, datetime, timedelta

import click
import pytest

from evallab.cli.moments import Moment


@pytest.mark.parametrize(
    ("text", "span"),
    [("30s", timedelta(seconds=30)), ("10m", timedelta(minutes=10)), ("2h", timedelta(hours=2)), ("1d", timedelta(1))],
)
def test_how_long_ago(text: str, span: timedelta) -> None:
    before = datetime.now(UTC)
    found = Moment().convert(text, None, None)
    assert before - span <= found <= datetime.now(UTC) - span


def test_when() -> None:
    noon = datetime(2026, 11, 22, 12, tzinfo=UTC)
    assert Moment().convert("2026-11-22T12:00:00Z", None, None) == noon
    assert Moment().convert("2026-11-22T13:00+01:00", None, None) == noon
    assert Moment().convert("2026-11-22T12:00", None, None).tzinfo is not None
    assert Moment().convert(noon, None, None) is noon


@pytest.mark.parametrize("text", ["", "yesterday", "10", "m", "-5m", "999999999d"])
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is no time"):
        Moment().convert(text, None, None)
