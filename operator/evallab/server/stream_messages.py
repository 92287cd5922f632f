"""Server-sent events as text, and the ids by which a client goes on where it was cut off. Pure.

An id is `<arrival>-<digest>`: the last event that was sent, and the last status. Who sends it back gets what
came after.
"""

import hashlib
import re
from dataclasses import dataclass, replace
from typing import Any, Self

from evallab.api.evalhub.errors import ApiError
from evallab.server.answers import compact
from evallab.server.views.moments import moment
from evallab.store.interface import ArrivedEvent

RETRY_MS = 2000
BEGIN = f"retry: {RETRY_MS}\n\n".encode()
ALIVE = b": alive\n\n"
END = "end"
_ID = re.compile(r"([0-9]{1,18})-([0-9a-f]{16}|new|end)")


@dataclass(frozen=True)
class Place:
    """How far a client has read."""

    arrival: int = 0
    digest: str = "new"  #: of the last status; "end" after the last message

    @classmethod
    def read(cls, text: str) -> Self:
        """Read an id. Raises ApiError for a text that is none."""
        match = _ID.fullmatch(text)
        if match is None:
            raise ApiError("query_parameter_invalid", name="last_event_id", type="id of an event", value=text[:80])
        return cls(int(match[1]), match[2])

    def after(self, arrival: int) -> Self:
        """Return the place after an event."""
        return replace(self, arrival=arrival)

    def showing(self, digest: str) -> Self:
        """Return the place after a status."""
        return replace(self, digest=digest)

    def __str__(self) -> str:
        return f"{self.arrival}-{self.digest}"


def digest(body: Any) -> str:
    """Return what tells one status from another."""
    return hashlib.sha256(compact(body)).hexdigest()[:16]


def message(kind: str, data: Any, place: Place) -> bytes:
    """Return one message; its data is one line, because compact JSON has no line breaks."""
    return b"event: %s\nid: %s\ndata: %s\n\n" % (kind.encode(), str(place).encode(), compact(data))


def event(arrived: ArrivedEvent) -> dict[str, Any]:
    """Return an event as it was posted, with whose it is."""
    row = arrived.event
    return {
        "attempt_id": row.attempt_id,
        "benchmark_index": arrived.index,
        "received_at": moment(row.received_at),
        "late": row.late,
        "benchmark_status_event": row.body,
    }
