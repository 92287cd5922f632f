"""Events on disk before they are acknowledged, so that an acknowledged event survives the death of everything else.

One file per event; its name is the event's id, so storing it twice is storing it once. Called by `receiver.app` (in)
and `receiver.drain` (out).
"""

import json
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Spooled:
    """One event on disk."""

    id: str
    attempt_id: str
    received_at: datetime
    body: dict[str, Any]
    path: Path


class Spool:
    """A folder of events that the store does not have yet."""

    def __init__(self, root: Path) -> None:
        """Use `root`; it is made when it is missing."""
        self._root = root
        root.mkdir(parents=True, exist_ok=True, mode=0o700)

    def put(self, *, event_id: str, attempt_id: str, received_at: datetime, body: dict[str, Any]) -> None:
        """Write an event durably: when this returns, a power cut does not lose it. Raises OSError (disk full)."""
        order = f"{received_at.timestamp():020.6f}"
        path = self._root / f"{order}_{event_id}.json"
        partial = path.with_suffix(".partial")
        text = json.dumps({"attempt": attempt_id, "received_at": received_at.isoformat(), "body": body})
        try:
            with partial.open("w") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            partial.rename(path)
        except OSError:
            partial.unlink(missing_ok=True)
            raise
        self._sync()

    def pending(self) -> Iterator[Spooled]:
        """Yield the events on disk, oldest first."""
        for path in sorted(self._root.glob("*.json")):
            try:
                event = _read(path)
            except FileNotFoundError:  # another process of the same user stored it
                continue
            except (ValueError, KeyError, TypeError):  # a disk lied; the other events must not suffer
                self.set_aside(path)
                continue
            yield event

    def done(self, event: Spooled) -> None:
        """Forget an event that the store has."""
        event.path.unlink(missing_ok=True)

    def set_aside(self, path: Path) -> None:
        """Keep an event that cannot be stored under a name that is not read again."""
        log.warning("an event was set aside", extra={"action": "set_aside", "file": path.name})
        path.rename(path.with_suffix(".refused"))

    def _sync(self) -> None:
        folder = os.open(self._root, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _read(path: Path) -> Spooled:
    record = json.loads(path.read_text())
    return Spooled(
        id=path.stem.partition("_")[2],
        attempt_id=record["attempt"],
        received_at=datetime.fromisoformat(record["received_at"]),
        body=record["body"],
        path=path,
    )
