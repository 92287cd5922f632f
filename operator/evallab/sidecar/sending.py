"""Sends files piece by piece, going on where the server is.

Pieces begin at multiples of a fixed size, and the server replaces a piece by another that begins at the same byte: so
a file that grew, was rewritten, or was sent halfway by a predecessor that died ends as it is on disk.
"""

import asyncio
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from evallab.sidecar.found import Found, opened
from evallab.sidecar.ledger import Key, Ledger, Sent
from evallab.sidecar.uplink import Uplink

PIECE = 1 << 20  #: bytes; the server takes no larger ones
GROWING_PIECE = 1 << 17  #: of files that are sent while they grow: their last piece is sent again and again


@dataclass
class _Place:
    """How far a file was sent: the last piece's begin, the hash of what lies before it, the bytes sent."""

    inode: int
    start: int
    before: "hashlib._Hash"
    sent: int


class Sender:
    """Sends the files of one attempt."""

    def __init__(self, uplink: Uplink, ledger: Ledger, data: Path) -> None:
        """Send what lies below `data`."""
        self._uplink, self._ledger, self._data = uplink, ledger, data
        self._places: dict[Key, _Place] = {}

    async def grown(self, found: Found) -> None:
        """Send the whole lines that a growing file has by now. Raises ServerAway, Refused, OSError."""
        key = (found.area, found.name)
        with opened(self._data, found) as file:
            status = os.fstat(file)
            upto, place = _lines(file, status.st_size), self._places.get(key)
            if place is None or place.inode != status.st_ino or upto < place.sent:
                place = await self._resumed(file, key)
            self._places[key] = place
            if upto > place.sent:
                await self._send(file, key, place, upto)

    async def whole(self, found: Found) -> Sent:
        """Send what the server lacks of a file that nobody writes any more. Raises ServerAway, Refused, OSError."""
        key = (found.area, found.name)
        with opened(self._data, found) as file:
            size, place = os.fstat(file).st_size, await self._resumed(file, key)
            known = self._ledger.get(key)
            if known is not None and place.sent == known.bytes == size:
                return known
            return await self._send(file, key, place, size)

    def forget(self, key: Key) -> None:
        """Send a file anew: the server lacks it. Raises OSError."""
        self._places.pop(key, None)
        self._ledger.forget(key)

    async def _send(self, file: int, key: Key, place: _Place, upto: int) -> Sent:
        size = _piece(key)
        while True:
            content = os.pread(file, min(size, upto - place.start), place.start)
            end, digest = place.start + len(content), place.before.copy()
            digest.update(content)
            sent = Sent(end, digest.hexdigest())
            if end > place.sent or end == 0:
                await self._uplink.piece(*key, place.start, content)
                self._ledger.note(key, sent)
            place.sent = end
            if len(content) < size or end >= upto:
                return sent
            place.start, place.before = end, digest

    async def _resumed(self, file: int, key: Key) -> _Place:
        """Return where to go on: after what the ledger says, if the file still begins with that."""
        known, inode = self._ledger.get(key), os.fstat(file).st_ino
        if known is not None:
            start = known.bytes // _piece(key) * _piece(key)
            before, all_of_it = await asyncio.to_thread(_hashes, file, start, known.bytes)
            if all_of_it == known.sha256:
                return _Place(inode, start, before, known.bytes)
        return _Place(inode, 0, hashlib.sha256(), 0)


def _piece(key: Key) -> int:
    area, name = key
    return GROWING_PIECE if area == "work" and name.endswith(".jsonl") else PIECE


def _hashes(file: int, start: int, end: int) -> tuple["hashlib._Hash", str]:
    """Hash the first `start` bytes, and the first `end`; what is shorter hashes to something else."""
    digest, at = hashlib.sha256(), 0
    while at < start and (content := os.pread(file, min(PIECE, start - at), at)):
        digest.update(content)
        at += len(content)
    rest = digest.copy()
    rest.update(os.pread(file, end - start, start))
    return digest, rest.hexdigest()


def _lines(file: int, size: int) -> int:
    """Return how many bytes are whole lines: what follows is still being written."""
    end = size
    while end > 0:
        begin = max(0, end - PIECE)
        newline = os.pread(file, end - begin, begin).rfind(b"\n")
        if newline >= 0:
            return begin + newline + 1
        end = begin
    return 0
