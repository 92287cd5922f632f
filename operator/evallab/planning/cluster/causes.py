"""How a pod ended where its exit code does not say it: reasons that stay the same, sentences, remedies. Pure.

`observed` asks `ended`; what keeps a pod from running is in `held`.
"""

import json
from collections.abc import Callable
from typing import Any

from evallab.planning.cluster import reading
from evallab.planning.cluster.scene import Scene, cut
from evallab.planning.conclusion import Cause

Json = dict[str, Any]


def _deadline(scene: Scene) -> Cause | None:
    by_pod = (scene.pod or {}).get("status", {}).get("reason") == "DeadlineExceeded"
    failed = reading.condition(scene.job or {}, "Failed") or {}
    if not by_pod and failed.get("reason") != "DeadlineExceeded":
        return None
    return Cause(
        reason="TimedOut",
        message="It ran longer than its time limit.",
        remedy="Raise timeoutSeconds, or ask fewer questions (parameters.limit).",
    )


_DISRUPTED = {
    "PreemptionByScheduler": ("Preempted", "Its pod had to make room for one of higher priority."),
    "PreemptionByKubeScheduler": ("Preempted", "Its pod had to make room for one of higher priority."),
    "EvictionByEvictionAPI": ("Evicted", "Its pod was evicted: its node is being emptied."),
}


def _disrupted(scene: Scene) -> Cause | None:
    pod = scene.pod or {}
    found = reading.condition(pod, "DisruptionTarget") or {}
    reason, status = str(found.get("reason", "")), pod.get("status", {})
    if reason in _DISRUPTED:
        name, message = _DISRUPTED[reason]
        return Cause(reason=name, message=message, remedy=_AGAIN)
    if reason in {"DeletionByTaintManager", "DeletionByPodGC"} or status.get("reason") in {"NodeLost", "NodeShutdown"}:
        return node_lost(pod)
    if reason == "TerminationByKubelet" or status.get("reason") in {"Evicted", "Terminated"}:
        return _evicted(str(status.get("message", "")))
    return None


_AGAIN = "It is tried again; answers that had arrived are asked only once."


def _evicted(why: str) -> Cause:
    """Who used more than allowed will do so again; who was in the way of others will not."""
    if "exceeds the" in why or "usage exceeds" in why:
        return Cause(
            reason="DiskLimitExceeded",
            message=f"Its pod used more disk than it may: {cut(why)}.",
            remedy="Raise the ephemeral-storage limit in spec.podTemplate, or keep less.",
        )
    return Cause(reason="Evicted", message=f"Its node ran short: {cut(why) or 'it said no more'}.", remedy=_AGAIN)


def _out_of_memory(scene: Scene) -> Cause | None:
    for name in (scene.container, "init", "sidecar"):
        status = reading.status_of(scene.pod or {}, name)
        if (reading.terminated(status) or {}).get("reason") == "OOMKilled":
            return Cause(
                reason="OOMKilled",
                message=f"Its container {name} used more memory than its limit and was killed.",
                remedy="Raise hardwareConfig.memory.limit or the provider's memory_limit, or ask fewer things at once.",
            )
    return None


def _init(scene: Scene) -> Cause | None:
    """The init container says why in JSON; its reasons are those of test data."""
    ended = reading.terminated(reading.status_of(scene.pod or {}, "init"))
    if ended is None or ended.get("exitCode") == 0:
        return None
    text = str(ended.get("message") or "")
    told = _told(text)
    return Cause(
        reason=str(told.get("reason") or "InitFailed"),
        message=str(told.get("message") or f"Its init container ended with code {ended.get('exitCode')}: {cut(text)}."),
        remedy=str(told.get("remedy") or ""),
    )


def _told(text: str) -> Json:
    try:
        said = json.loads(text)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _never_started(scene: Scene) -> Cause | None:
    """Pods that ended with a container that cannot even be begun: the command is not in the image."""
    ended = reading.terminated(reading.status_of(scene.pod or {}, scene.container)) or {}
    if ended.get("reason") not in {"StartError", "ContainerCannotRun"}:
        return None
    return Cause(
        reason="CommandNotFound",
        message=f"Its container cannot be started: {cut(str(ended.get('message', '')))}.",
        remedy="Check runtime.k8s.entrypoint and the image of the provider: evallab providers ID.",
    )


def _deleted(scene: Scene) -> Cause | None:
    failed = reading.condition(scene.job or {}, "Failed")
    pod = scene.pod
    if pod is None and failed is None:
        return None
    if pod is not None and not reading.deleted(pod):
        return None
    return Cause(reason="PodDeleted", message="Its pod was deleted while it ran.", remedy=_AGAIN)


def _unsealed(scene: Scene) -> Cause | None:
    ended = reading.terminated(reading.status_of(scene.pod or {}, scene.container)) or {}
    well = ended.get("exitCode") == 0 or (scene.pod is None and reading.condition(scene.job or {}, "Complete"))
    if scene.sealed or not well or scene.container != "adapter":
        return None
    return Cause(
        reason="ResultsMissing",
        message="Its adapter ended well, but what it left did not reach the server before its pod had to end.",
        remedy="See whether pods reach the server, and its log; the chart says how long a sidecar may try.",
    )


ENDED: tuple[Callable[[Scene], Cause | None], ...] = (
    _deadline,
    _out_of_memory,
    _disrupted,
    _init,
    _never_started,
    _deleted,
    _unsealed,
)


def ended(scene: Scene) -> Cause | None:
    """Return what ended a pod from outside, None when its exit code says everything."""
    return next((cause for rule in ENDED if (cause := rule(scene))), None)


def node_lost(pod: Json) -> Cause:
    """Return that nobody hears of a pod's node any more."""
    return Cause(
        reason="NodeLost",
        message=f"The node {pod.get('spec', {}).get('nodeName', '')} that it ran on is gone or does not answer.",
        remedy="It is tried again on another node.",
    )
