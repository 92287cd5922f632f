"""What the server has of which file: how many bytes, and their hash. On disk, so that a successor goes on from there.

Append-only, one JSON line per piece; the last of a file counts. Losing it costs sending again, nothing else.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path

Key = tuple[str, str]  #: area, name


@dataclass(frozen=True)
class Sent:
    """The first bytes of a file, as they were sent."""

    bytes: int
    sha256: str


class Ledger:
    """The pieces that the server took."""

    def __init__(self, path: Path) -> None:
        """Read what a predecessor wrote."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._sent: dict[Key, Sent] = {}
        for line in path.read_bytes().splitlines() if path.exists() else []:
            self._read(line)
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        os.write(self._file, b"\n")  # a line that was torn ends here

    def get(self, key: Key) -> Sent | None:
        """Return what was sent of a file."""
        return self._sent.get(key)

    def note(self, key: Key, sent: Sent) -> None:
        """Note what the server has now. Raises OSError."""
        os.write(self._file, json.dumps([*key, sent.bytes, sent.sha256]).encode() + b"\n")
        self._sent[key] = sent

    def forget(self, key: Key) -> None:
        """Note that the server lacks a file. Raises OSError."""
        os.write(self._file, json.dumps([*key, -1, ""]).encode() + b"\n")
        self._sent.pop(key, None)

    def _read(self, line: bytes) -> None:
        try:
            area, name, count, sha256 = json.loads(line)
            self._sent[str(area), str(name)] = Sent(int(count), str(sha256))
            if int(count) < 0:
                del self._sent[str(area), str(name)]
        except (ValueError, TypeError):  # an empty or a torn line
            return
