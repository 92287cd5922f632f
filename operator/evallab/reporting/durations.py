"""How spans of time are written: "12 s", "3 min 12 s", "2 h 05 min", and short as in kubectl: "5m", "3h", "2d"."""

from datetime import datetime, timedelta
from math import isfinite

MINUTE, HOUR, DAY = 60, 3_600, 86_400


def lasting(span: timedelta) -> str:
    """Write how long something took."""
    seconds = max(0, round(span.total_seconds()))
    if seconds < MINUTE:
        return f"{seconds} s"
    if seconds < HOUR:
        return f"{seconds // MINUTE} min {seconds % MINUTE:02d} s"
    return f"{seconds // HOUR} h {seconds % HOUR // MINUTE:02d} min"


def age(since: datetime, now: datetime) -> str:
    """Write how old something is, in the largest unit that fits."""
    seconds = max(0, int((now - since).total_seconds()))
    for size, letter in ((DAY, "d"), (HOUR, "h"), (MINUTE, "m")):
        if seconds >= 2 * size or (seconds >= size and size != MINUTE):
            return f"{seconds // size}{letter}"
    return f"{seconds}s"


def time_left(seconds: float | None) -> str:
    """Write an estimate no more exactly than it is known: "40 s left", "3 min left", "2 h 10 min left", or ""."""
    if seconds is None or not isfinite(seconds) or seconds < 0:
        return ""
    if seconds < 10:
        return "a few s left"
    if seconds < 90:
        return f"{round(seconds / 5) * 5} s left"
    minutes = round(seconds / MINUTE)
    if minutes < 60:
        return f"{minutes} min left"
    if minutes < 600:
        return f"{minutes // 60} h {minutes % 60 // 10 * 10:02d} min left"
    return f"{round(minutes / 60)} h left"
