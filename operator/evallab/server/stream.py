"""Who follows which job: the open streams, and how they are woken and ended. No I/O; `stream_following` does that.

A stream looks for itself every second; a ring only makes it look at once. `serving` closes them when the server is told
to end, because a server waits for its open connections.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from evallab.api.evalhub.errors import ApiError

MOST = 1000  #: open streams; each costs Postgres a small question a second


class Bell:
    """What one stream waits at."""

    def __init__(self) -> None:
        """Begin silent."""
        self._rung = asyncio.Event()
        self.closed = False

    def ring(self) -> None:
        """End the wait."""
        self._rung.set()

    def close(self) -> None:
        """End the wait, and the stream."""
        self.closed = True
        self._rung.set()

    async def wait(self, seconds: float) -> None:
        """Return when it rings, after `seconds` at the latest."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._rung.wait()
        self._rung.clear()


class Streams:
    """The open streams of this server, by job."""

    def __init__(self) -> None:
        """Begin with none."""
        self._bells: dict[str, set[Bell]] = {}
        self._seen: dict[str, int] = {}
        self._closed = False

    def __len__(self) -> int:
        return sum(map(len, self._bells.values()))

    @contextmanager
    def opened(self, job_id: str) -> Iterator[Bell]:
        """Count a stream of that job for as long as the context lasts."""
        bell = Bell()
        if self._closed:
            bell.close()
        self._bells.setdefault(job_id, set()).add(bell)
        try:
            yield bell
        finally:
            self._bells[job_id].discard(bell)
            if not self._bells[job_id]:
                del self._bells[job_id]
                self._seen.pop(job_id, None)

    def check_room(self) -> None:
        """Raise ApiError when there are as many streams as this server keeps."""
        if len(self) >= MOST:
            raise ApiError("service_unavailable", reason=f"{MOST} streams are open already. Ask for the job instead.")

    def ring(self, job_id: str) -> None:
        """Have the streams of that job look now."""
        for bell in self._bells.get(job_id, ()):
            bell.ring()

    def seen(self, job_id: str, state: object) -> None:
        """Have them look if the job's state is another than the one seen before."""
        if job_id not in self._bells:
            return
        mark = hash(state)
        if self._seen.get(job_id) != mark:
            self._seen[job_id] = mark
            self.ring(job_id)

    def close(self) -> None:
        """End all streams, and those that begin later."""
        self._closed = True
        for bells in self._bells.values():
            for bell in bells:
                bell.close()
