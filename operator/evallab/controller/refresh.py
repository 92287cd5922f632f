"""Does what is remembered still hold? Now and then one job's objects are read, whatever the watches said.

A watch that was cut off lists everything anew, but says nothing of what was deleted meanwhile; so a job that has not
ended is compared with the API server itself, rarely.
"""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from evallab.controller.objects import Known, Objects
from evallab.kubeapi.interface import EVALJOB, ClusterApi

EVERY_S = 240.0
FIRST_S = 10.0  #: of what was there before this process


@dataclass(frozen=True, kw_only=True)
class Refresh:
    """Reads EvalJobs again."""

    api: ClusterApi
    objects: Objects
    children: Callable[[Known], Awaitable[None]]  #: reads what it owns again
    newer: Callable[[str, str], None] = lambda *_: None  #: uid and version that no watch has brought yet
    clock: Callable[[], float] = time.monotonic
    _started: float = field(default_factory=time.monotonic)
    _read: dict[str, float] = field(default_factory=dict)

    async def look(self, known: Known) -> Known | None:
        """Return what is known of an object now; None when it is gone."""
        now = self.clock()
        old = now - self._started < FIRST_S
        due = self._read.setdefault(known.uid, now + FIRST_S - EVERY_S if old else now) + EVERY_S
        if now < due or known.ended:
            return known
        self._read[known.uid] = now
        body = await self.api.get(EVALJOB, known.namespace, known.name)
        if body is None or body["metadata"]["uid"] != known.uid:
            self.objects.drop(known.uid)
            return None
        if body["metadata"]["resourceVersion"] != known.version:
            self.newer(known.uid, body["metadata"]["resourceVersion"])
        self.objects.put(body)
        await self.children(known)
        return self.objects.get(known.uid)

    def forget(self, uid: str) -> None:
        """Forget a job that has ended."""
        self._read.pop(uid, None)
