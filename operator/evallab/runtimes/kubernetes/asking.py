"""What watches do not bring and is asked for only when something does not get on: events, and Kueue's Workloads."""

from collections.abc import Sequence

from evallab.kubeapi.interface import EVENT, WORKLOAD, ClusterApi, Json, Refused
from evallab.planning.cluster import labels, reading


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
