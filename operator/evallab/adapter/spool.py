"""Answers on disk as they arrive, so that a retry asks only what is missing. Used by `client`.

It lies in the work directory, which survives attempts: one JSON line per successful answer, keyed by what was asked.
Writes are batched and synced at least once a second; after a crash at most that much is asked again. A torn last line
(killed while writing) is cut off.
"""

import hashlib
import json
import logging
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from evallab.api.contract import Json

_LOG = logging.getLogger("evallab.adapter")
SPOOL_FILE = "answers.jsonl"


def request_digest(route: str, payload: Json) -> str:
    """Return what identifies a request: sha256 of the canonical payload and where it goes."""
    canonical = json.dumps([route, payload], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


class Spool:
    """An append-only file of answers."""

    def __init__(self, path: Path, *, interval: float = 1.0, clock: Callable[[], float] = time.monotonic) -> None:
        """Read what is there; append from now on, syncing every `interval` seconds."""
        self._interval = interval
        self._clock = clock
        self._pending: list[bytes] = []
        self._known: dict[str, Json] = {}
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._synced = clock()
        self._read_back(path)

    def __len__(self) -> int:
        return len(self._known)

    def get(self, key: str) -> Json | None:
        """Return the answer kept under that key."""
        return self._known.get(key)

    def add(self, key: str, answer: Json) -> None:
        """Keep an answer."""
        self._known[key] = answer
        self._pending.append(json.dumps({"key": key, "answer": answer}, ensure_ascii=False).encode() + b"\n")
        if self._clock() - self._synced >= self._interval:
            self.flush()

    def flush(self) -> None:
        """Write and sync what is pending; safe to call from a signal handler."""
        pending, self._pending = self._pending, []
        self._synced = self._clock()
        if pending:
            os.write(self._file, b"".join(pending))
            os.fsync(self._file)

    def close(self) -> None:
        """Flush and close."""
        if self._file >= 0:
            self.flush()
            os.close(self._file)
            self._file = -1

    def _read_back(self, path: Path) -> None:
        whole = 0
        with path.open("rb") as stream:
            for line in stream:
                if not line.endswith(b"\n"):
                    break
                whole += len(line)
                self._known.update(_entry(line))
        os.ftruncate(self._file, whole)
        if self._known:
            _LOG.info("Resuming: %d answers are kept from earlier attempts", len(self._known))


def _entry(line: bytes) -> Iterator[tuple[str, Json]]:
    try:
        record = json.loads(line)
        yield str(record["key"]), dict(record["answer"])
    except (ValueError, KeyError, TypeError):
        _LOG.warning("A line of the spool is not readable and was skipped")
