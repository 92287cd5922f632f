"""The objects of a job's model server: a Job with one pod that holds the hardware, and a Service before it.

It is ready when the kubelet says so (its health path answers). It is never restarted by Kubernetes: a death is seen,
counted and answered with another Job, whose load is smaller.
"""

from collections.abc import Mapping
from typing import Any

from evallab.api.job import Serve
from evallab.planning.cluster import labels, names, network, quantities
from evallab.planning.cluster.objects import body
from evallab.planning.cluster.plan import ClusterConfig, ServerPlan
from evallab.planning.cluster.pod import (
    SECURITY,
    completed,
    empty_dir,
    env,
    mount,
    pod_spec,
    queue_labels,
    suspended,
)

Json = dict[str, Any]
CONTAINER = "server"
GRACE_S = 30
WEIGHTS_AT = "/weights"
_CACHES = ("HF_HOME", "XDG_CACHE_HOME", "TRITON_CACHE_DIR", "TORCHINDUCTOR_CACHE_DIR", "VLLM_CACHE_ROOT")
_TMP = "/tmp"  # noqa: S108 - in a pod


def server_image(serve: Serve, images: Mapping[str, str]) -> str | None:
    """Return the image of a model server: the job's, the installation's for this version, else vLLM's own of it.

    `images` are the installation's, by runtime, or by `runtime:version` where it has several.
    """
    general = images.get(serve.runtime)
    if serve.image or serve.version is None:
        return serve.image or general
    if general and general.rpartition(":")[2].removeprefix("v") == serve.version:
        return general
    own = f"vllm/vllm-openai:v{serve.version}" if serve.runtime == "vllm" else None
    return images.get(f"{serve.runtime}:{serve.version}") or own


def server_objects(plan: ServerPlan, config: ClusterConfig) -> tuple[Json, ...]:
    """Return what is to be created, in that order: the Job is the last. Raises BenchmarkFailed."""
    policy = network.of_server(plan, config)
    return (_service(plan), *((policy,) if policy else ()), _job(plan, config))


def _metadata(plan: ServerPlan) -> Json:
    return {"labels": labels.of_server(plan), "annotations": labels.notes_of_server(plan)}


def _service(plan: ServerPlan) -> Json:
    frame = body("v1", "Service", names.server_service(plan.owner), plan.owner, _metadata(plan))
    port = {"name": "http", "port": plan.port, "targetPort": plan.port, "protocol": "TCP"}
    return frame | {"spec": {"selector": labels.server_selector(plan.owner), "ports": [port]}}


def _job(plan: ServerPlan, config: ClusterConfig) -> Json:
    metadata = _metadata(plan)
    queue = queue_labels(plan.job.hardware)
    name = names.server_job(plan.owner, start=plan.start)
    frame = body("batch/v1", "Job", name, plan.owner, metadata | {"labels": metadata["labels"] | queue})
    template = {"metadata": metadata, "spec": _pod(plan, config)}
    spec = {
        "backoffLimit": 0,
        "podReplacementPolicy": "Failed",
        "ttlSecondsAfterFinished": config.job_ttl_seconds,
        "template": completed(template, plan.job, CONTAINER),
    }
    return frame | {"spec": spec | suspended(queue)}


def _pod(plan: ServerPlan, config: ClusterConfig) -> Json:
    spec = pod_spec(plan.job, config, hardware=plan.job.hardware, grace_seconds=GRACE_S)
    return spec | {"containers": [_server(plan, config)], "volumes": _volumes(plan)}


def _server(plan: ServerPlan, config: ClusterConfig) -> Json:
    resources = quantities.server(plan)
    probe = {"httpGet": {"path": plan.health_path, "port": plan.port}, "periodSeconds": 1, "timeoutSeconds": 5}
    mounts = [mount("tmp", _TMP), mount("cache", "/cache")]
    if claim := _claim(plan):
        mounts.append(mount("weights", WEIGHTS_AT, read_only=True, sub_path=claim.sub_path))
    if quantities.has_devices(resources):
        mounts.append(mount("shm", "/dev/shm"))  # noqa: S108 - in a pod
    return {
        "name": CONTAINER,
        "image": plan.image,
        "imagePullPolicy": config.image_pull_policy,
        "command": list(plan.argv),
        "env": [*env(_environment(plan)), *_hub_token(plan)],
        "ports": [{"name": "http", "containerPort": plan.port, "protocol": "TCP"}],
        "resources": resources,
        "readinessProbe": probe | {"failureThreshold": 3},
        "securityContext": SECURITY,
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": mounts,
    }


def _environment(plan: ServerPlan) -> dict[str, str]:
    caches = {name: f"/cache/{name.lower()}" for name in _CACHES}
    return {"HOME": _TMP, "USER": "evallab", **caches, **plan.env}


def _hub_token(plan: ServerPlan) -> list[Json]:
    """The hub's token for weights that need one; only this container has it."""
    source = plan.job.model.serve.source if plan.job.model.serve else None
    if source is None or source.hf is None or not source.hf.secret_ref:
        return []
    return [{"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": source.hf.secret_ref, "key": "token"}}}]


def _claim(plan: ServerPlan) -> Any:
    source = plan.job.model.serve.source if plan.job.model.serve else None
    return source.pvc if source else None


def _volumes(plan: ServerPlan) -> list[Json]:
    volumes = [empty_dir("tmp"), empty_dir("cache")]
    if claim := _claim(plan):
        volumes.append({"name": "weights", "persistentVolumeClaim": {"claimName": claim.claim_name, "readOnly": True}})
    if quantities.has_devices(quantities.server(plan)):
        volumes.append(empty_dir("shm", medium="Memory"))
    return volumes
