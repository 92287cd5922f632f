"""What jobs look like, as the bytes that are sent. A job that has ended looks the same until its stamp changes.

Whoever reads such a job asks Postgres for the stamp only, each time, so another process's change is seen at once; jobs
that go on are read whole. Called by the job routes.
"""

from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from evallab.api.errors import NotFound
from evallab.server.answers import compact
from evallab.server.views.job import resource
from evallab.store.interface import JobSnapshot, Stamp, Store

Json = dict[str, Any]
KEPT = 4_000  #: looks, of a few KiB each
LARGEST = 64 * 1024  #: a job that is larger is read each time
Key = tuple[str, datetime, bool]  #: job, when it changed, with scores


class Rendered:
    """The looks of jobs that have ended, the most recently used ones."""

    def __init__(self, store: Store) -> None:
        """Read what is not kept from the store."""
        self._store = store
        self._looks: OrderedDict[Key, bytes] = OrderedDict()

    async def one(self, stamp: Stamp) -> bytes | None:
        """Return a job whole, with its scores; None when it is gone meanwhile."""
        key = (stamp.id, stamp.updated_at, True)
        if stamp.ended and (kept := self._kept(key)) is not None:
            return kept
        try:
            snapshot = await self._store.snapshot(stamp.id)
        except NotFound:
            return None
        return await self.whole(snapshot)

    async def whole(self, snapshot: JobSnapshot) -> bytes:
        """Return a job that was read, with its scores and its place in the queue."""
        look = compact(await whole_resource(self._store, snapshot))
        self._keep(snapshot, look, scored=True)
        return look

    async def several(self, stamps: Sequence[Stamp]) -> list[bytes]:
        """Return the jobs of a page, without their scores; those that are gone meanwhile are left out."""
        known = {each.id: self._kept((each.id, each.updated_at, False)) for each in stamps if each.ended}
        missing = [each.id for each in stamps if known.get(each.id) is None]
        read = {each.job.id: each for each in (await self._store.views(missing) if missing else ())}
        looks = (known.get(each.id) or self._look(read.get(each.id)) for each in stamps)
        return [look for look in looks if look is not None]

    def _look(self, snapshot: JobSnapshot | None) -> bytes | None:
        if snapshot is None:
            return None
        look = compact(resource(snapshot))
        self._keep(snapshot, look, scored=False)
        return look

    def _kept(self, key: Key) -> bytes | None:
        look = self._looks.get(key)
        if look is not None:
            self._looks.move_to_end(key)
        return look

    def _keep(self, snapshot: JobSnapshot, look: bytes, *, scored: bool) -> None:
        job = snapshot.job
        if job.finished_at is None or job.updated_at is None or len(look) > LARGEST:
            return
        self._looks[job.id, job.updated_at, scored] = look
        while len(self._looks) > KEPT:
            self._looks.popitem(last=False)


async def whole_resource(store: Store, snapshot: JobSnapshot) -> Json:
    """Return a job as a resource, with its scores and its place in the queue."""
    job = snapshot.job
    scores = await store.scores(job.id) if snapshot.results else ()
    waits = job.state == "pending" and not snapshot.attempts
    position = await store.queue_position(job.id) if waits else None
    return resource(snapshot, scores=scores, position=position)
