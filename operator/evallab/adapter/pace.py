"""How fast questions are being answered: samples per minute over the last minute. Used by `reporter`."""

from collections import deque


class Pace:
    """A sliding window of (time, done)."""

    def __init__(self, window: float = 60.0) -> None:
        """Remember `window` seconds."""
        self._window = window
        self._points: deque[tuple[float, int]] = deque()

    def record(self, done: int, now: float) -> float | None:
        """Note that `done` questions are answered; return the pace, or None before there is one to speak of."""
        self._points.append((now, done))
        while len(self._points) > 2 and now - self._points[0][0] > self._window:
            self._points.popleft()
        began, first = self._points[0]
        elapsed = now - began
        return round((done - first) * 60.0 / elapsed, 1) if elapsed >= 0.2 and done > first else None
