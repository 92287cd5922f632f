"""Moments on the command line: how long ago (10m, 2h, 1d), or when (ISO 8601). Called by `evallab logs --since`."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import click

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_AGO = re.compile(r"(\d{1,9})([smhd])")


class Moment(click.ParamType[datetime]):
    """A moment, with its time zone; one without is meant as this machine's."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Read it."""
        if isinstance(value, datetime):
            return value
        ago = _AGO.fullmatch(str(value))
        try:
            return datetime.now(UTC) - _span(ago) if ago else datetime.fromisoformat(str(value)).astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is no time: say 30s, 10m, 2h, 1d, or 2026-11-22T12:00.", param, ctx)


def _span(ago: re.Match[str]) -> timedelta:
    return timedelta(**{UNITS[ago[2]]: int(ago[1])})
