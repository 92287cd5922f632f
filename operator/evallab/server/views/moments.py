"""Times as clients read them: RFC 3339, UTC, with Z."""

from datetime import UTC, datetime


def moment(time: datetime) -> str:
    """Return a time."""
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


def seconds(begin: datetime | None, end: datetime | None) -> float | None:
    """Return how long something took, in seconds; None while that is not known."""
    if begin is None or end is None:
        return None
    return max(0.0, round((end - begin).total_seconds(), 3))
