"""Segments of the spool: files of several events that were made durable together. The format, and nothing else.

One JSON object per line; a segment is written whole or not at all, and never changed. Earlier versions kept one event
per file (`.json`); those are still read. Used by `spool`.
"""

import json
import os
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

SEGMENT, SINGLE, PARTIAL = ".jsonl", ".json", ".partial"


@dataclass(frozen=True, kw_only=True)
class Spooled:
    """One event on disk. `id` decides that storing it twice is storing it once."""

    id: str
    attempt_id: str
    received_at: datetime
    body: dict[str, Any]


@dataclass(frozen=True)
class Segment:
    """What one file holds: the events, and the lines that are none."""

    path: Path
    events: tuple[Spooled, ...]
    damaged: tuple[bytes, ...] = ()
    size: int = 0


def line(event: Spooled) -> bytes:
    """Return the line of one event."""
    record = {
        "id": event.id,
        "attempt": event.attempt_id,
        "received_at": event.received_at.isoformat(),
        "body": event.body,
    }
    return json.dumps(record, separators=(",", ":")).encode() + b"\n"


def write(root: Path, first: datetime, lines: Sequence[bytes]) -> Path:
    """Write a segment durably: when this returns, a power cut does not lose it. Raises OSError (disk full)."""
    path = root / f"{first.timestamp():020.6f}_{uuid.uuid4().hex}{SEGMENT}"
    write_durably(path, b"".join(lines))
    return path


def write_durably(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, and have it survive a power cut. Raises OSError."""
    partial = path.with_suffix(PARTIAL)
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.rename(path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise
    _sync(path.parent)


def read(path: Path) -> Segment:
    """Read a segment; what a disk damaged is told apart from what is whole. Raises OSError, FileNotFoundError."""
    content = path.read_bytes()
    if path.suffix == SINGLE:
        return _single(path, content)
    events, damaged = list[Spooled](), list[bytes]()
    for each in content.splitlines(keepends=True):
        event = _event(each)
        if event is None:
            damaged.append(each)
        else:
            events.append(event)
    return Segment(path, tuple(events), tuple(damaged), len(content))


def names(root: Path) -> Iterator[str]:
    """Yield the names of the segments in a folder, in no order."""
    with os.scandir(root) as entries:
        for entry in entries:
            if entry.name.endswith((SEGMENT, SINGLE)):
                yield entry.name


def _single(path: Path, content: bytes) -> Segment:
    """Read a file of an earlier version: its name holds the event's id."""
    event = _event(content, name=path.stem.partition("_")[2])
    return Segment(path, (event,) if event else (), () if event else (content,), len(content))


def _event(raw: bytes, *, name: str = "") -> Spooled | None:
    try:
        record = json.loads(raw)
        return Spooled(
            id=_text(name or record["id"]),
            attempt_id=_text(record["attempt"]),
            received_at=datetime.fromisoformat(record["received_at"]),
            body=dict(record["body"]),
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
