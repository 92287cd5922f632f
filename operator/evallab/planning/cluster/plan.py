"""What the builders of objects are given: an attempt's or a model server's wishes, and what the installation says.

`engine.launching` makes an `AttemptPlan`, `runtimes.kubernetes.model_servers` a `ServerPlan`; the composition root
makes the `ClusterConfig` from the chart's settings.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from evallab.api.contract import JobSpec
from evallab.api.job import Benchmark, EvalJob
from evallab.api.provider import K8sRuntime


@dataclass(frozen=True, kw_only=True)
class Owner:
    """The EvalJob that owns objects: they go when it goes."""

    namespace: str
    name: str  #: metadata.name
    uid: str  #: also the job's id


LEAVINGS_MIB = 2048


@dataclass(frozen=True, kw_only=True)
class ClusterConfig:
    """What the installation says; every field is a value of the chart."""

    image: str  #: evallab's own: sidecar, init container
    image_pull_policy: str = "IfNotPresent"
    image_pull_secrets: tuple[str, ...] = ()
    server_url: str  #: where sidecars report, such as http://evallab.evallab.svc:8080
    server_namespace: str = "evallab"  #: NetworkPolicies let sidecars reach the server there
    server_labels: Mapping[str, str] = field(default_factory=dict)
    operator_labels: Mapping[str, str] = field(
        default_factory=dict
    )  #: its pods, in the same namespace, ask model servers
    dcgm_service: str = ""  #: where dcgm-exporters tell of GPUs, host:port; "" where nobody does
    model_server_images: Mapping[str, str] = field(default_factory=dict)  #: by serve.runtime
    service_account: str = "default"  #: of adapters' pods: it needs no rights at all
    sidecar_grace_seconds: int = 600  #: so long a sidecar may flush after its adapter ended
    leavings_mib: int = LEAVINGS_MIB  #: that one attempt may leave
    job_ttl_seconds: int = 3600
    network_policies: bool = True
    default_network: str | None = None  #: a network profile for jobs that name none
    sandbox_runtime_class: str | None = None  #: codeExecution: Sandboxed needs one
    refused_pod_seconds: int = 30  #: how long the API server may refuse a pod until its attempt has failed
    unschedulable_seconds: int | None = None  #: None: pendingDeadlineSeconds of the job
    image_seconds: int = 45  #: how long an image may not be found
    config_error_seconds: int = 30  #: how long a Secret, ConfigMap or volume may be missing


@dataclass(frozen=True, kw_only=True)
class AttemptPlan:
    """One attempt as it is to run in a pod."""

    attempt_id: str
    number: int
    owner: Owner
    job: EvalJob
    benchmark: Benchmark
    index: int
    spec: JobSpec  #: job.json as the adapter reads it; callback_url and model.url already name the sidecar
    model_url: str  #: where the sidecar's proxy sends requests; "" when the adapter loads the model itself
    runtime: K8sRuntime  #: of the provider
    restore: bool = False  #: an earlier attempt left a spool


@dataclass(frozen=True, kw_only=True)
class ServerPlan:
    """A job's model server as it is to run in a pod, with a Service before it."""

    owner: Owner
    job: EvalJob
    image: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    port: int
    health_path: str
    start: int = 0  #: 0 for the first start, 1 for the first restart: part of the Job's name


Json = dict[str, Any]
