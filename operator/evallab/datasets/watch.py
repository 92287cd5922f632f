"""How far a fetch is, how long it may take, and whether anybody still waits for it. Ticked by everything slow."""

import threading
import time

from evallab.datasets.failures import DatasetTimeout, FetchStopped


class Watch:
    """Shared by the thread that fetches and the one that waits; reading it never blocks."""

    def __init__(self, *, seconds: float | None = None) -> None:
        """Give the fetch at most `seconds`."""
        self._deadline = None if seconds is None else time.monotonic() + seconds
        self._seconds = seconds
        self._stopped = threading.Event()
        self.what = ""  #: what is being done now
        self.done = 0  #: bytes
        self.total: int | None = None

    def stop(self) -> None:
        """Ask the fetch to end soon."""
        self._stopped.set()

    def tick(self, size: int = 0) -> None:
        """Count bytes. Raises FetchStopped, or DatasetTimeout when the time is up."""
        self.done += size
        if self._stopped.is_set():
            raise FetchStopped("The fetch was stopped.")
        if self._deadline is not None and time.monotonic() >= self._deadline:
            raise DatasetTimeout(
                f"The test data was not there after {self._seconds:g} seconds.",
                remedy="Fetch it beforehand (evallab datasets fetch), or raise pendingDeadlineSeconds.",
            )

    def begin(self, what: str, total: int | None = None) -> None:
        """Say what is being done now, and how many bytes it will be."""
        self.what, self.done, self.total = what, 0, total
        self.tick()

    def rest(self, seconds: float) -> None:
        """Wait, but not longer than anybody waits for us."""
        self._stopped.wait(seconds)
        self.tick()

    def sentence(self) -> str:
        """Return the progress for people; it changes with every tenth, not with every byte."""
        if not self.what:
            return "waiting for the test data"
        if not self.total:
            return self.what
        tenths = min(10, self.done * 10 // self.total)
        return f"{self.what}: {tenths * 10} % of {size(self.total)}"


def size(count: int) -> str:
    """Return a number of bytes for people."""
    value, units = float(count), ["bytes", "kB", "MB", "GB"]
    while value >= 1000 and len(units) > 1:
        value, units = value / 1000, units[1:]
    return f"{value:.0f} {units[0]}" if units[0] == "bytes" else f"{value:.1f} {units[0]}"
