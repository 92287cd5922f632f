"""Answers on disk as they arrive, so that a retry asks only what is missing. Used by `client`.

It lies in the work directory, which survives attempts: one JSON line per successful answer, keyed by what was asked.
Each is written at once, so a killed process loses none, and synced at least once a second: a power cut costs at most
that much. A torn last line is cut off.
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


_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode
_line = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def canonical(payload: Json) -> bytes:
    """Return a payload's one form as bytes: what is sent, and what is hashed."""
    return _canonical(payload).encode()


def body_digest(route: str, body: bytes) -> str:
    """Return what identifies a request: sha256 of where it goes and its canonical payload."""
    return hashlib.sha256(b"%s\n%s" % (route.encode(), body)).hexdigest()


def request_digest(route: str, payload: Json) -> str:
    """Return what identifies a request that is not yet bytes."""
    return body_digest(route, canonical(payload))


class Spool:
    """An append-only file of answers."""

    def __init__(self, path: Path, *, interval: float = 1.0, clock: Callable[[], float] = time.monotonic) -> None:
        """Read what is there; append from now on, syncing every `interval` seconds."""
        self._interval = interval
        self._clock = clock
        self._unsynced = False
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
        """Keep an answer: written at once, so that it survives this process; synced with others, for the machine."""
        self._known[key] = answer
        os.write(self._file, _line({"key": key, "answer": answer}).encode() + b"\n")
        self._unsynced = True
        if self._clock() - self._synced >= self._interval:
            self.flush()

    def flush(self) -> None:
        """Sync what was written; safe to call from a signal handler, and from another thread."""
        unsynced, self._unsynced = self._unsynced, False
        self._synced = self._clock()
        if unsynced:
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
