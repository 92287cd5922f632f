"""The pods of attempts and of model servers: containers, volumes, security. What is common to both is here.

Every pod passes the restricted pod security standard; what a container may not see is not mounted into it.
"""

from collections.abc import Mapping
from typing import Any

from evallab.api.errors import BenchmarkFailed
from evallab.api.job import EvalJob, Hardware
from evallab.planning.cluster import deny_list, labels
from evallab.planning.cluster.plan import ClusterConfig

Json = dict[str, Any]
USER = 65532  #: that the images of evallab are made for; any other works that needs no home
_GONE_S = 60  #: so long a pod stays on a node that nobody hears of; Kubernetes' own default is five minutes
SECURITY: Json = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


def pod_spec(job: EvalJob, config: ClusterConfig, *, hardware: Hardware | None, grace_seconds: int) -> Json:
    """Return a pod without containers and volumes."""
    spec: Json = {
        "restartPolicy": "Never",
        "serviceAccountName": config.service_account,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": grace_seconds,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "tolerations": _of_lost_nodes(),
    }
    if config.image_pull_secrets:
        spec["imagePullSecrets"] = [{"name": name} for name in config.image_pull_secrets]
    return spec | _placed(job, hardware, spec["tolerations"])


def _of_lost_nodes() -> list[Json]:
    """What goes with its node is noticed earlier than by default."""
    keys = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
    return [{"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": _GONE_S} for key in keys]


def _placed(job: EvalJob, hardware: Hardware | None, tolerations: list[Json]) -> Json:
    """Where it may run. In a queue Kueue says so: a selector of ours would contradict its flavour."""
    placement, queued = job.placement, hardware is not None and hardware.queue is not None
    found: Json = {}
    if placement.node_selector and not queued:
        found["nodeSelector"] = dict(placement.node_selector)
    if placement.tolerations and not queued:
        found["tolerations"] = [*tolerations, *placement.tolerations]
    if placement.priority_class_name:
        found["priorityClassName"] = placement.priority_class_name
    if placement.runtime_class_name:
        found["runtimeClassName"] = placement.runtime_class_name
    return found


def queue_labels(hardware: Hardware | None) -> dict[str, str]:
    """Return what Kueue reads from a Job; no label, no queue."""
    if hardware is None or hardware.queue is None:
        return {}
    return {labels.QUEUE: hardware.queue.name}


def suspended(queue: Json) -> Json:
    """Return how a Job in a queue begins: Kueue admits it. Where there is no Kueue it waits, and is told to."""
    return {"suspend": True} if queue else {}


def empty_dir(name: str, **said: str) -> Json:
    """Return a volume that begins empty and goes with the pod."""
    return {"name": name, "emptyDir": dict(said)}


def mount(name: str, path: str, *, read_only: bool = False, sub_path: str | None = None) -> Json:
    """Return where a volume is in a container."""
    found: Json = {"name": name, "mountPath": path}
    if read_only:
        found["readOnly"] = True
    return found | ({"subPath": sub_path} if sub_path else {})


def env(said: Mapping[str, str]) -> list[Json]:
    """Return an environment as Kubernetes writes it."""
    return [{"name": name, "value": value} for name, value in said.items()]


def completed(template: Json, job: EvalJob, container: str) -> Json:
    """Return a pod template with the job's own `podTemplate`. Raises BenchmarkFailed for what is not allowed in it."""
    wanted = job.placement.pod_template
    if found := deny_list.problems(wanted):
        raise BenchmarkFailed(". ".join(found) + ".", remedy="Correct it in a new EvalJob.")
    return deny_list.merged(template, wanted, container)
