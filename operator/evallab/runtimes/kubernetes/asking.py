"""What watches do not bring and is asked for only when something does not get on: events, and Kueue's Workloads."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from evallab.kubeapi.interface import EVENT, WORKLOAD, ClusterApi, Json, Refused
from evallab.planning.cluster import labels, reading

ASK_S = 4.0  #: between two questions about one attempt: a thousand of them may wait at once


@dataclass
class Asked:
    """Which attempts were asked about lately, and what was said."""

    clock: Callable[[], float] = time.monotonic
    _said: dict[str, tuple[float, list[Json]]] = field(default_factory=dict)  #: the oldest first

    def lately(self, attempt_id: str) -> list[Json] | None:
        """Return the events of an attempt that was asked about lately, None when it is to be asked about."""
        while self._said and self.clock() - next(iter(self._said.values()))[0] > ASK_S:
            del self._said[next(iter(self._said))]
        return self._said[attempt_id][1] if attempt_id in self._said else None

    def note(self, attempt_id: str, events: list[Json]) -> list[Json]:
        """Remember what was said."""
        self._said.pop(attempt_id, None)
        self._said[attempt_id] = (self.clock(), events)
        return events


async def events(api: ClusterApi, job: Json, pods: Sequence[Json]) -> list[Json]:
    """Return what happened lately to a Job, or to its newest pod when it has one."""
    about = (reading.newest(pods) or job)["metadata"]["uid"]
    return await api.list(EVENT, job["metadata"]["namespace"], fields=f"involvedObject.uid={about}", limit=50)


async def workload(api: ClusterApi, job: Json) -> Json | None:
    """Return Kueue's word on a Job that waits in a queue, None where Kueue has none or may not be asked."""
    if not (job.get("spec", {}).get("suspend") and labels.get(job, labels.QUEUE)):
        return None
    metadata = job["metadata"]
    try:
        found = await api.list(WORKLOAD, metadata["namespace"], labels=f"kueue.x-k8s.io/job-uid={metadata['uid']}")
    except Refused:
        return None
    return reading.newest(found)
