"""The objects of one attempt: a ConfigMap, a Job with one pod, and a NetworkPolicy where a profile asks for one.

    sidecar   a native sidecar: takes events, keeps what is left, holds the model's credentials and the token
    init      only with test data, or with something to restore: fetches, verifies, writes /meta/job.json
    adapter   the provider's image; sees no credentials

Time limits: the engine ends an attempt by the running time of its adapter. The pod's own deadline stands behind that
for a cluster whose operator is gone. It counts from the moment a node took the pod, so neither a queue nor the
scheduler uses it up, and it has a margin for pulling images and fetching data; a deadline of the Job would count both.
"""

import json
from typing import Any

from evallab.planning.cluster import labels, names, network, quantities
from evallab.planning.cluster.objects import body
from evallab.planning.cluster.plan import LEAVINGS_MIB, AttemptPlan, ClusterConfig
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
CONTAINER = "adapter"
MARGIN_S = 3600  #: of the pod's deadline: images and data before the adapter runs, flushing after it ended
DATA_AT = "/test_data"
_PULL = {"always": "Always", "if_not_present": "IfNotPresent"}
_CONFIG = mount("config", "/etc/evallab", read_only=True)
_TOKEN = mount("token", "/var/run/secrets/evallab", read_only=True)
_TMP = "/tmp"  # noqa: S108 - in a pod


def job_name(plan: AttemptPlan) -> str:
    """Return the name of the attempt's Job."""
    return names.attempt_job(plan.owner, index=plan.index, number=plan.number, attempt_id=plan.attempt_id)


def attempt_objects(plan: AttemptPlan, config: ClusterConfig) -> tuple[Json, ...]:
    """Return what is to be created, in that order: the Job is the last. Raises BenchmarkFailed."""
    name = job_name(plan)
    policy = network.of_attempt(plan, config, name)
    return (_config_map(plan, config, name), *((policy,) if policy else ()), _job(plan, config, name))


def with_init(plan: AttemptPlan) -> bool:
    """Say whether something is to be done before the adapter runs."""
    return plan.benchmark.test_data is not None or plan.restore


def _config_map(plan: AttemptPlan, config: ClusterConfig, name: str) -> Json:
    files = {"job.json": _job_json(plan), "sidecar.json": _told(plan, config, model=plan.model_url, **_limit(config))}
    if with_init(plan):
        data = plan.benchmark.test_data
        files["init.json"] = _told(
            plan,
            config,
            test_data=data.model_dump(mode="json", exclude_none=True) if data else None,
            through_server=network.profile(plan.job.network, config) in {"None", "ModelOnly"},
            restore=plan.restore,
            timeout_seconds=plan.job.pending_deadline_seconds,
        )
    frame = body("v1", "ConfigMap", names.attempt_config(name), plan.owner, _metadata(plan))
    return frame | {"data": {file: _text(content) for file, content in files.items()}, "immutable": True}


def _limit(config: ClusterConfig) -> Json:
    return {} if config.leavings_mib == LEAVINGS_MIB else {"leavings_mib": config.leavings_mib}


def _told(plan: AttemptPlan, config: ClusterConfig, **more: Any) -> Json:
    own = {"server": config.server_url, "attempt": plan.attempt_id, "job": plan.spec.id}
    return own | {"namespace": plan.owner.namespace} | more


def _job_json(plan: AttemptPlan) -> Json:
    """As EvalHub writes it: what is absent has no key."""
    content = plan.spec.model_dump(mode="json")
    content["model"] = {name: said for name, said in content["model"].items() if said is not None}
    return {name: said for name, said in content.items() if said is not None}


def _text(content: Json) -> str:
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"


def _metadata(plan: AttemptPlan) -> Json:
    return {"labels": labels.of_attempt(plan), "annotations": labels.notes_of_attempt(plan)}


def _job(plan: AttemptPlan, config: ClusterConfig, name: str) -> Json:
    metadata = _metadata(plan)
    queue = queue_labels(quantities.adapter_hardware(plan))
    frame = body("batch/v1", "Job", name, plan.owner, metadata | {"labels": metadata["labels"] | queue})
    template = {"metadata": metadata, "spec": _pod(plan, config, name)}
    spec = {
        "backoffLimit": 0,
        "podReplacementPolicy": "Failed",
        "ttlSecondsAfterFinished": config.job_ttl_seconds,
        "template": completed(template, plan.job, CONTAINER),
    }
    return frame | {"spec": spec | suspended(queue)}


def _pod(plan: AttemptPlan, config: ClusterConfig, name: str) -> Json:
    hardware = quantities.adapter_hardware(plan)
    spec = pod_spec(plan.job, config, hardware=hardware, grace_seconds=config.sidecar_grace_seconds)
    if plan.job.code_execution == "Sandboxed" and config.sandbox_runtime_class:
        spec.setdefault("runtimeClassName", config.sandbox_runtime_class)
    if plan.runtime.gpu and plan.runtime.gpu.node_selector and not queue_labels(hardware):
        spec["nodeSelector"] = {**plan.runtime.gpu.node_selector, **spec.get("nodeSelector", {})}
    first = (_sidecar(plan, config), *((_init(plan, config),) if with_init(plan) else ()))
    return spec | {
        "activeDeadlineSeconds": plan.job.timeout_seconds + MARGIN_S + config.sidecar_grace_seconds,
        "initContainers": list(first),
        "containers": [_adapter(plan, config)],
        "volumes": _volumes(plan, name),
    }


def _own(name: str, config: ClusterConfig, resources: Json, mounts: list[Json]) -> Json:
    return {
        "name": name,
        "image": config.image,
        "imagePullPolicy": config.image_pull_policy,
        "command": ["evallab", name],
        "env": env({"HOME": _TMP}),
        "resources": resources,
        "securityContext": SECURITY,
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [_CONFIG, mount("data", "/data"), mount("own-tmp", _TMP), _TOKEN, *mounts],
    }


def _sidecar(plan: AttemptPlan, config: ClusterConfig) -> Json:
    mounts = [mount("spool", "/spool")]
    if plan.job.model.secret_ref:
        mounts.append(mount("model-secret", "/var/run/secrets/model", read_only=True))
    probe = {"httpGet": {"path": "/health", "port": 8091}, "periodSeconds": 1, "failureThreshold": 60}
    return _own("sidecar", config, quantities.SIDECAR, mounts) | {"restartPolicy": "Always", "startupProbe": probe}


def _init(plan: AttemptPlan, config: ClusterConfig) -> Json:
    mounts = [mount("meta", "/meta")]
    data = plan.benchmark.test_data
    if data:
        sub_path = data.pvc.sub_path if data.pvc else None
        mounts.append(mount("test-data", DATA_AT, read_only=data.pvc is not None, sub_path=sub_path))
    if _data_secret(plan):
        mounts.append(mount("test-data-secret", "/var/run/secrets/test-data", read_only=True))
    return _own("init", config, quantities.INIT, mounts)


def _data_secret(plan: AttemptPlan) -> str | None:
    data = plan.benchmark.test_data
    named = [source.secret_ref for source in (data.hf, data.s3, data.git) if source] if data else []
    return next((name for name in named if name), None)


def _adapter(plan: AttemptPlan, config: ClusterConfig) -> Json:
    runtime, data = plan.runtime, plan.benchmark.test_data
    mounts = [mount("meta", "/meta", read_only=True), mount("data", "/data"), mount("tmp", _TMP)]
    if data:
        sub_path = data.pvc.sub_path if data.pvc else None
        mounts.append(mount("test-data", DATA_AT, read_only=True, sub_path=sub_path))
    found: Json = {
        "name": CONTAINER,
        "image": runtime.image,
        "imagePullPolicy": _PULL.get(runtime.image_pull_policy or "", config.image_pull_policy),
        "env": env(_environment(plan)),
        "resources": quantities.adapter(plan),
        "securityContext": SECURITY,
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": mounts,
    }
    return found | ({"command": list(runtime.entrypoint)} if runtime.entrypoint else {})


def _environment(plan: AttemptPlan) -> dict[str, str]:
    """The provider's variables; those of the contract are ours."""
    ours = {
        "EVALHUB_MODE": "k8s",
        "EVALHUB_JOB_SPEC_PATH": "/meta/job.json",
        "EVALLAB_WORKDIR": "/data/work",
        "EVALLAB_ARTIFACTS_DIR": "/data/artifacts",
        "EVALLAB_RESULT_FILE": "/data/result.json",
        **({"EVALLAB_TEST_DATA": DATA_AT} if plan.benchmark.test_data else {}),
        "HOME": _TMP,
    }
    return ours | {each.name: each.value for each in plan.runtime.env if each.name not in ours}


def _volumes(plan: AttemptPlan, name: str) -> list[Json]:
    config = {"name": "config", "configMap": {"name": names.attempt_config(name)}}
    only = {"name": names.attempt_config(name), "items": [{"key": "job.json", "path": "job.json"}]}
    volumes: list[Json] = [
        config,
        empty_dir("meta") if with_init(plan) else {"name": "meta", "configMap": only},
        *(empty_dir(each) for each in ("data", "spool", "tmp", "own-tmp")),
        {"name": "token", "projected": {"sources": [_token(plan)]}},
    ]
    if secret := plan.job.model.secret_ref:
        volumes.append({"name": "model-secret", "secret": {"secretName": secret}})
    if secret := _data_secret(plan):
        volumes.append({"name": "test-data-secret", "secret": {"secretName": secret}})
    if data := plan.benchmark.test_data:
        claim = {"claimName": data.pvc.claim_name, "readOnly": True} if data.pvc else None
        volumes.append({"name": "test-data", "persistentVolumeClaim": claim} if claim else empty_dir("test-data"))
    return volumes


def _token(plan: AttemptPlan) -> Json:
    audience = f"evallab/attempt/{plan.attempt_id}"
    return {"serviceAccountToken": {"audience": audience, "expirationSeconds": 3600, "path": "token"}}
