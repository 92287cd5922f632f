"""One client's view of one job as it goes: what is new is read a page at a time, only when the client took the last.

Called by `routes.stream`. A look costs one small question (`pulse`); only when its answer changed, events
and job are read.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from evallab.api.errors import NotFound, StoreUnavailable
from evallab.server.rendered import whole_resource
from evallab.server.results_download import gone
from evallab.server.stream import Bell, Streams
from evallab.server.stream_messages import ALIVE, BEGIN, END, Place, digest, event, message
from evallab.store.interface import Store

log = logging.getLogger(__name__)
LOOK_S = 1.0
ALIVE_S = 15.0
PAGE = 100  #: events in memory
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no", "X-Content-Type-Options": "nosniff"}


@dataclass
class Following:
    """Follows one job from a place on."""

    store: Store
    job_id: str
    place: Place
    bell: Bell
    waits: bool = True  #: for its turn, as far as is known: only then its place in the queue is asked for

    async def messages(self) -> AsyncGenerator[bytes]:
        """Yield messages until the job has ended or the server does."""
        yield BEGIN
        before, quiet = "", 0.0
        while not self.bell.closed:
            pulse = await self._pulse()
            if pulse != before:
                before, quiet = pulse, 0.0
                async for each in self._news():
                    yield each
            if self.place.digest == END:
                return
            if quiet >= ALIVE_S:
                yield ALIVE
                quiet = 0.0
            quiet += await self._wait()

    async def _wait(self) -> float:
        """Wait for the next look; return how long it took."""
        clock = asyncio.get_running_loop().time
        began = clock()
        await self.bell.wait(LOOK_S)
        return clock() - began

    async def _pulse(self) -> str:
        """Return what changes when a client could see a difference; of a job that waits also its place in the queue."""
        pulse = await self.store.pulse(self.job_id)
        position = await self.store.queue_position(self.job_id) if pulse and self.waits else None
        return f"{pulse} {position}"

    async def _news(self) -> AsyncIterator[bytes]:
        """Yield the events that came, the status if it is another, and the end."""
        async for each in self._events():
            yield each
        try:
            snapshot = await self.store.snapshot(self.job_id)
        except NotFound:
            yield self._end("deleted")
            return
        self.waits = snapshot.job.state == "pending"
        body = await whole_resource(self.store, snapshot)
        mark = digest(body)
        if mark != self.place.digest:
            self.place = self.place.showing(mark)
            yield message("status", body, self.place)
        if snapshot.job.finished_at is None:
            return
        async for each in self._events():  # what arrived while the job was read
            yield each
        yield self._end(snapshot.job.state)

    async def _events(self) -> AsyncIterator[bytes]:
        while page := await self.store.events_after(self.job_id, self.place.arrival, limit=PAGE):
            for each in page:
                self.place = self.place.after(each.arrival)
                yield message("event", event(each), self.place)

    def _end(self, state: str) -> bytes:
        self.place = self.place.showing(END)
        return message("end", {"state": state}, self.place)


class EventStream(Response):
    """A response that follows a job; it ends at once when the client goes away, not at the next message."""

    media_type = "text/event-stream"

    def __init__(self, store: Store, streams: Streams, job_id: str, place: Place) -> None:
        """Follow the job from that place on."""
        super().__init__(headers=HEADERS, media_type=self.media_type)
        del self.headers["content-length"]
        self._store, self._streams, self._job_id, self._place = store, streams, job_id, place

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the job ends, the server ends, or the client goes away."""
        del scope
        tasks = {asyncio.create_task(self._send(send)), asyncio.create_task(gone(receive))}
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in tasks:
                each.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for each in done:
            each.result()

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        with self._streams.opened(self._job_id) as bell:
            following = Following(self._store, self._job_id, self._place, bell)
            try:
                async with aclosing(following.messages()) as messages:
                    async for each in messages:
                        await send({"type": "http.response.body", "body": each, "more_body": True})
            except StoreUnavailable as error:  # the client comes back with its place
                log.warning("a stream ended", extra={"action": "stream", "job": self._job_id, "reason": str(error)})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
