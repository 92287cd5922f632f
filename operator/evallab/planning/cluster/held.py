"""Why a pod that should run does not: reasons that stay the same, sentences, remedies. Pure; `observed` asks `held`.

What heals by itself is waited for; what lasts longer than the installation allows ends the attempt.
"""

from collections.abc import Callable
from typing import Any

from evallab.planning.cluster import reading
from evallab.planning.cluster.causes import node_lost
from evallab.planning.cluster.scene import Scene, cut
from evallab.planning.conclusion import Cause

Json = dict[str, Any]
_NO_IMAGE = {
    *("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError"),
    *("RegistryUnavailable", "SignatureValidationFailed"),
}
_NOT_MADE = {"CreateContainerConfigError", "CreateContainerError", "RunContainerError"}
_RESTARTS = 3  #: of a sidecar until it has failed


def _queue_missing(scene: Scene) -> Cause | None:
    if not (scene.queue and scene.suspended and scene.workload):
        return None
    found = reading.condition(scene.workload, "QuotaReserved", "False")
    if found is None or found.get("reason") != "Inadmissible":
        return None
    if not scene.lasts(reading.created(scene.job or {}), scene.config.refused_pod_seconds):
        return None
    return Cause(
        reason="QueueNotFound",
        message=f"The queue {scene.queue} does not admit it: {cut(str(found.get('message', '')))}.",
        remedy="Name a LocalQueue of this namespace in hardwareConfig.queue: kubectl get localqueues.",
    )


def _refused(scene: Scene) -> Cause | None:
    """A Job whose pods the API server refuses stays as it is for ever; only its events tell."""
    if scene.pod is not None or scene.suspended or scene.job is None:
        return None
    why = reading.said(scene.events, "FailedCreate")
    started = reading.moment(scene.job.get("status", {}).get("startTime")) or reading.created(scene.job)
    if not why or not scene.lasts(started, scene.config.refused_pod_seconds):
        return None
    return Cause(
        reason="PodsRejected", message=f"The cluster refuses its pod: {cut(why)}.", remedy=_remedy(why, _REFUSALS)
    )


_REFUSALS = {
    "violates podsecurity": "Remove what spec.podTemplate adds, or let the namespace enforce a wider pod security.",
    "exceeded quota": "Ask for less in hardwareConfig, or raise the ResourceQuota of the namespace.",
    "must specify limits": "Say requests and limits of cpu and memory in hardwareConfig: the quota asks for them.",
    "serviceaccount": "Create that service account in the namespace, or name another one in the chart.",
    "priorityclass": "Name a PriorityClass that exists: kubectl get priorityclasses.",
    "runtimeclass": "Name a RuntimeClass that exists: kubectl get runtimeclasses.",
}


def _remedy(why: str, remedies: dict[str, str], otherwise: str = "Ask whoever runs the cluster.") -> str:
    plain = why.lower().replace(" ", "")
    return next((said for words, said in remedies.items() if words.replace(" ", "") in plain), otherwise)


def _unplaced(scene: Scene) -> Cause | None:
    """What the scheduler says; a claim that does not exist is not waited for."""
    found = reading.condition(scene.pod or {}, "PodScheduled", "False")
    if found is None:
        return None
    why = cut(str(found.get("message", "")))
    missing = "persistentvolumeclaim" in why.lower() and "not found" in why.lower()
    if missing and scene.lasts(reading.since(found), scene.config.config_error_seconds):
        return _volume(why)
    limit = scene.config.unschedulable_seconds
    if limit is None or not scene.lasts(reading.since(found), limit):
        return None
    return Cause(
        reason="Unschedulable",
        message=f"No node takes its pod: {why}.",
        remedy="Ask for less in hardwareConfig, change nodeSelector and tolerations, or add a node.",
    )


def _volume(why: str) -> Cause:
    return Cause(
        reason="VolumeMissing",
        message=f"A volume of its pod cannot be had: {why}.",
        remedy="Create the claim in the namespace of the job, or correct claimName: kubectl get pvc.",
    )


def _unmounted(scene: Scene) -> Cause | None:
    """A Secret that is mounted and is not there shows in events only; the pod just is created for ever."""
    pod = scene.pod or {}
    if not reading.condition(pod, "PodScheduled") or reading.over(pod) or _any_started(pod):
        return None
    why = reading.said(scene.events, "FailedMount", "FailedAttachVolume")
    if not why or "failed to sync" in why:  # a kubelet that has not heard of it yet
        return None
    if not scene.lasts(reading.since(reading.condition(pod, "PodScheduled")), scene.config.config_error_seconds):
        return None
    if "persistentvolumeclaim" in why.lower():
        return _volume(cut(why))
    return _config_missing(why) if "not found" in why else _volume(cut(why))


def _any_started(pod: Json) -> bool:
    return any(reading.running(each) or reading.terminated(each) for each in reading.statuses(pod))


def _config_missing(why: str) -> Cause:
    return Cause(
        reason="ConfigMissing",
        message=f"Something that its pod needs is not there: {cut(why)}.",
        remedy="Create the Secret or ConfigMap in the namespace of the job: kubectl get secrets,configmaps.",
    )


def _unmade(scene: Scene) -> Cause | None:
    """Containers that cannot be made: their image or configuration is not there."""
    for status in reading.statuses(scene.pod or {}):
        found = reading.waiting(status)
        reason, why = str(found.get("reason", "")), str(found.get("message") or found.get("reason", ""))
        if reason in _NO_IMAGE and (reason == "InvalidImageName" or _since(scene, scene.config.image_seconds)):
            return _image(status, why)
        if reason in _NOT_MADE and _since(scene, scene.config.config_error_seconds):
            return _config_missing(why)
    return None


def _since(scene: Scene, limit: float) -> bool:
    """Say whether a container should have been made so long ago: since its pod was taken, and data was there."""
    pod = scene.pod or {}
    done = reading.since(reading.condition(pod, "Initialized"))
    taken = reading.moment(pod.get("status", {}).get("startTime")) or reading.created(pod)
    return scene.lasts(done or taken, limit)


def _image(status: Json, why: str) -> Cause:
    return Cause(
        reason="ImagePullFailed",
        message=f"The image {status.get('image') or 'of a container'} cannot be had: {cut(why)}.",
        remedy="Check its name and tag, whether nodes reach the registry, and the chart's imagePullSecrets.",
    )


def _sidecar(scene: Scene) -> Cause | None:
    status = reading.status_of(scene.pod or {}, "sidecar")
    if reading.waiting(status).get("reason") != "CrashLoopBackOff" or status.get("restartCount", 0) < _RESTARTS:
        return None
    last = (status.get("lastState") or {}).get("terminated") or {}
    why = cut(str(last.get("message") or f"it exits with code {last.get('exitCode')}"))
    return Cause(
        reason="SidecarFailed",
        message=f"evallab's own container beside the adapter does not stay up: {why}.",
        remedy="See its log: kubectl logs POD -c sidecar. Operator and images should be of one version.",
    )


def _lost(scene: Scene) -> Cause | None:
    """A pod that should be gone and is not: nobody hears of its node."""
    pod = scene.pod or {}
    metadata = pod.get("metadata", {})
    over_at = reading.moment(metadata.get("deletionTimestamp"))  # already with its grace period
    if over_at is None or not scene.lasts(over_at, scene.config.config_error_seconds):
        return None
    return node_lost(pod)


HELD: tuple[Callable[[Scene], Cause | None], ...] = (
    _queue_missing,
    _refused,
    _unplaced,
    _unmade,
    _unmounted,
    _sidecar,
    _lost,
)


def held(scene: Scene) -> Cause | None:
    """Return why a Job that goes on has to be ended now, None when it may go on."""
    return next((cause for rule in HELD if (cause := rule(scene))), None)
