"""What was there before this process started, a crowd at once: most of it has ended, and one question tells which.

Ten thousand EvalJobs would otherwise be ten thousand looks at a start.
"""

import asyncio
import logging
from collections.abc import Callable

from evallab.api.errors import EvallabError
from evallab.controller.objects import Known, Objects
from evallab.store.interface import Store

log = logging.getLogger(__name__)
PAUSE_S = 0.05
AT_ONCE = 1000


class Arrivals:
    """EvalJobs that were listed and nobody has looked at yet."""

    def __init__(self, store: Store, objects: Objects, add: Callable[[str], None]) -> None:
        """`add` puts those into the queue that somebody has to look at."""
        self._store, self._objects, self._add = store, objects, add
        self._new: dict[str, None] = {}
        self._wake = asyncio.Event()

    def put(self, uid: str) -> None:
        """Take note of one."""
        self._new[uid] = None
        self._wake.set()

    async def run(self) -> None:
        """Sort for ever."""
        while True:
            await self._wake.wait()
            await asyncio.sleep(PAUSE_S)
            self._wake.clear()
            while self._new:
                uids = tuple(self._new)[:AT_ONCE]
                for uid in uids:
                    del self._new[uid]
                await self._sort(uids)

    async def _sort(self, uids: tuple[str, ...]) -> None:
        try:
            ended = {row.id for row in await self._store.ended(uids)}
        except EvallabError as error:
            log.warning("nothing known of what has ended", extra={"action": "start", "reason": str(error)})
            ended = set()
        for uid in uids:
            known = self._objects.get(uid)
            done = known is not None and uid in ended and said(known)
            if done:
                self._objects.end(uid)
            if known and not (done and known.ttl is None):
                self._add(uid)
            await asyncio.sleep(0)


def said(known: Known) -> bool:
    """Say whether the status tells already that the job has ended, so that nothing need be written."""
    status = known.status
    finished = (each for each in status.get("conditions") or () if each.get("type") == "Finished")
    return status.get("observedGeneration") == known.generation and any(e.get("status") == "True" for e in finished)
