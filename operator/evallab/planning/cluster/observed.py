"""What a Job, its pods and its events say of an attempt (or of a model server) now. Pure.

`Seen` is what `runtimes.interface.Observation` says, without what only I/O can add. A cause of something that is not
gone means that it has to be ended now.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from evallab.planning.cluster import causes, held, reading
from evallab.planning.cluster.plan import ClusterConfig
from evallab.planning.cluster.scene import Scene
from evallab.planning.conclusion import Cause

Json = dict[str, Any]
State = Literal["gone", "waiting", "running", "over"]


@dataclass(frozen=True, kw_only=True)
class Seen:
    """`gone`: no Job any more, or one that has finished and has no pod. `over`: a pod that has ended is there."""

    state: State
    why: str = ""
    cause: Cause | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    code: int | None = None
    ready: bool = False  #: the container answers its probe
    message: str = ""  #: the last words of the container
    pod: str = ""
    executed: Json = field(default_factory=dict)


def seen(
    job: Json | None,
    pods: Sequence[Json] = (),
    events: Sequence[Json] = (),
    *,
    now: datetime,
    config: ClusterConfig,
    sealed: bool = False,
    workload: Json | None = None,
    container: str = "adapter",
) -> Seen:
    """Return what can be seen."""
    pod = reading.newest(pods)
    scene = Scene(
        job=job,
        pod=pod,
        events=events,
        workload=workload,
        container=container,
        now=now,
        config=config,
        sealed=sealed,
    )
    if pod is not None and reading.over(pod):
        return _over(scene, pod)
    if pod is None and (job is None or reading.deleted(job)):
        return Seen(state="gone", cause=JOB_DELETED)
    if pod is None and finished(job or {}):
        return Seen(state="gone", cause=causes.ended(scene))
    return _going(scene, pod)


def finished(job: Json) -> bool:
    """Say whether a Job makes no pods any more."""
    return bool(reading.condition(job, "Failed") or reading.condition(job, "Complete"))


JOB_DELETED = Cause(
    reason="JobDeleted",
    message="Its Kubernetes Job was deleted while it ran.",
    remedy="It is tried again. To stop a job, cancel it: evallab cancel JOB.",
)


def quiet(job: Json | None, pods: Sequence[Json], now: datetime, *, patience: float = 2.0) -> bool:
    """Say whether a Job should have got further by now, so that events may know why it has not."""
    if job is None or job.get("spec", {}).get("suspend"):
        return False
    pod = reading.newest(pods)
    if pod is None:
        return reading.seconds(reading.created(job), now) > patience and not finished(job)
    if reading.over(pod) or not reading.condition(pod, "PodScheduled"):
        return False
    begun = any(reading.running(each) or reading.terminated(each) for each in reading.statuses(pod))
    return not begun and reading.seconds(reading.since(reading.condition(pod, "PodScheduled")), now) > 2 * patience


def _over(scene: Scene, pod: Json) -> Seen:
    ended = reading.terminated(reading.status_of(pod, scene.container)) or {}
    return Seen(
        state="over",
        cause=causes.ended(scene),
        started_at=reading.moment(ended.get("startedAt")),
        finished_at=reading.moment(ended.get("finishedAt")),
        code=ended.get("exitCode"),
        message=str(ended.get("message") or ""),
        pod=pod["metadata"]["name"],
        executed=_executed(pod, scene.container),
    )


def _going(scene: Scene, pod: Json | None) -> Seen:
    cause = held.held(scene)
    if pod is None:
        return Seen(state="waiting", why=_why_no_pod(scene), cause=cause)
    status = reading.status_of(pod, scene.container)
    state = reading.running(status) or reading.terminated(status)
    return Seen(
        state="running" if state else "waiting",
        why="" if state else _why_not_running(scene, pod),
        cause=cause,
        started_at=reading.moment((state or {}).get("startedAt")),
        ready=bool(status.get("ready")) and not reading.deleted(pod),
        message=str((reading.terminated(status) or {}).get("message") or ""),
        pod=pod["metadata"]["name"],
        executed=_executed(pod, scene.container),
    )


def _why_no_pod(scene: Scene) -> str:
    if scene.suspended:
        workload = reading.condition(scene.workload or {}, "QuotaReserved", "False") or {}
        said = f": {workload['message']}" if workload.get("message") else "."
        return f"In the queue {scene.queue}{said}" if scene.queue else "Its Kubernetes Job is suspended."
    refused = reading.said(scene.events, "FailedCreate")
    return f"The cluster refuses its pod: {refused}" if refused else "Its pod is being made."


def _why_not_running(scene: Scene, pod: Json) -> str:
    unplaced = reading.condition(pod, "PodScheduled", "False")
    if unplaced:
        return f"No node takes its pod: {unplaced.get('message', '')}"
    for status in reading.statuses(pod):
        reason = str(reading.waiting(status).get("reason", ""))
        if reason not in {"", "PodInitializing", "ContainerCreating"}:
            return f"Its container {status.get('name')} waits: {reading.waiting(status).get('message') or reason}"
    if reading.running(reading.status_of(pod, "init")):
        return "Its test data is being fetched."
    unmounted = reading.said(scene.events, "FailedMount", "FailedAttachVolume")
    return unmounted or "Its containers are being made: images are pulled, volumes mounted."


def _executed(pod: Json, container: str) -> Json:
    """What really ran, for the provenance."""
    status = reading.status_of(pod, container)
    found = {
        "image": status.get("image"),
        "image_id": status.get("imageID"),
        "node": pod.get("spec", {}).get("nodeName"),
        "pod": pod["metadata"]["name"],
        "namespace": pod["metadata"].get("namespace"),
        "pod_started_at": pod.get("status", {}).get("startTime"),
        "started_at": (reading.running(status) or reading.terminated(status) or {}).get("startedAt"),
    }
    return {name: value for name, value in found.items() if value}
