"""The server as the drain of the spool sees it: a store for events, each handed in once.

Which ones were is on disk, so that a successor neither repeats them nor miscounts: the seal says how many there are.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from evallab.sidecar.uplink import Uplink
from evallab.store.interface import EventRow


class Delivered:
    """The ids of events that the server has; one line each."""

    def __init__(self, path: Path) -> None:
        """Read what a predecessor wrote; a torn last line counts as not written."""
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = path.read_text().splitlines(keepends=True) if path.exists() else []
        self._ids = {line.strip() for line in lines if line.endswith("\n")}
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        if lines and not lines[-1].endswith("\n"):
            os.write(self._file, b"\n")

    def __contains__(self, event_id: str) -> bool:
        return event_id in self._ids

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, event_id: str) -> None:
        """Note one. Raises OSError."""
        os.write(self._file, f"{event_id}\n".encode())
        self._ids.add(event_id)


class ServerEvents:
    """What `receiver.drain` calls a store."""

    def __init__(self, uplink: Uplink, delivered: Delivered, *, answered: Callable[[], None]) -> None:
        """`answered()` is called after each event that the server took."""
        self._uplink, self._delivered, self._answered = uplink, delivered, answered

    async def add_events(self, events: Sequence[EventRow]) -> frozenset[str]:
        """Hand in what the server does not have. Raises ServerAway, Refused."""
        for each in events:
            if each.id not in self._delivered:
                await self._uplink.event(each)
                self._delivered.add(each.id)
                self._answered()
        return frozenset()
