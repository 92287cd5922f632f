"""Plans that tell something: each shows another part of what the builders do."""

from collections.abc import Callable
from typing import Any

from evallab.api.contract import JobSpec, JobSpecExtras, JobSpecModel
from evallab.api.job import (
    Benchmark,
    ClaimSource,
    EvalJob,
    Gpu,
    Hardware,
    HubSource,
    InProcess,
    Model,
    Placement,
    Queue,
    Resource,
    Serve,
    TestData,
    WeightsSource,
)
from evallab.api.provider import EnvVar, GpuRequest, K8sRuntime
from evallab.planning.cluster.attempt import attempt_objects
from evallab.planning.cluster.model_server import server_objects
from evallab.planning.cluster.plan import AttemptPlan, ClusterConfig, Owner, ServerPlan

UID = "5f0c2f5e-0d7c-4a3f-9a53-3b1c2b7a9e10"
OWNER = Owner(namespace="team-a", name="quickstart", uid=UID)
CONFIG = ClusterConfig(
    image="evallab/operator:1.0",
    server_url="http://evallab.evallab.svc:8080",
    server_labels={"app.kubernetes.io/name": "evallab"},
    operator_labels={"app.kubernetes.io/component": "operator"},
)
SERVE = Serve(runtime="reference", source=WeightsSource(bundled="demo-f16"))
PROVIDER = K8sRuntime(image="evallab/lm-eval-adapter:1.0")


def attempt(
    *,
    model: Model | None = None,
    benchmark: Benchmark | None = None,
    runtime: K8sRuntime = PROVIDER,
    restore: bool = False,
    **job: Any,
) -> AttemptPlan:
    """Return the plan of a first attempt."""
    model = model or Model(name="tiny", url="https://models.example.com/v1")
    benchmark = benchmark or Benchmark(provider_id="lm_evaluation_harness", id="arc:Challenge/v2")
    real = model.url or ("http://quickstart-model.team-a.svc:8000/v1" if model.serve else "")
    spec = JobSpec(
        id=UID,
        provider_id=benchmark.provider_id,
        benchmark_id=benchmark.id,
        benchmark_index=0,
        model=JobSpecModel(name=model.name, url="http://127.0.0.1:8090/model/v1" if real else ""),
        parameters=dict(benchmark.parameters),
        callback_url="http://127.0.0.1:8090/a/0a1b2c3d",
        evallab=JobSpecExtras(attempt_id="0a1b2c3d"),
    )
    return AttemptPlan(
        attempt_id="0a1b2c3d",
        number=1,
        owner=OWNER,
        job=EvalJob(name="quickstart", model=model, benchmarks=(benchmark,), **job),
        benchmark=benchmark,
        index=0,
        spec=spec,
        model_url=real,
        runtime=runtime,
        restore=restore,
    )


def server(serve: Serve = SERVE, *, image: str = "evallab/demo-model-server:1.0", **job: Any) -> ServerPlan:
    """Return the plan of a first start."""
    return ServerPlan(
        owner=OWNER,
        job=EvalJob(name="quickstart", model=Model(name="tiny", serve=serve), **job),
        image=image,
        argv=("python", "-m", "evallab.modelserver.reference", "bundled:demo-f16", "--port", "8000"),
        env={"OPENBLAS_NUM_THREADS": "1"},
        port=8000,
        health_path="/health",
    )


def _data(**source: Any) -> Benchmark:
    return Benchmark(provider_id="lm_evaluation_harness", id="gsm8k", test_data=TestData(**source))


TEMPLATE: dict[str, Any] = {
    "metadata": {"labels": {"cost-centre": "42"}},
    "spec": {
        "volumes": [{"name": "models", "persistentVolumeClaim": {"claimName": "models"}}],
        "containers": [
            {
                "name": "adapter",
                "resources": {"limits": {"memory": "8Gi"}},
                "volumeMounts": [{"name": "models", "mountPath": "/models"}],
            }
        ],
    },
}
Built = Callable[[], tuple[dict[str, Any], ...]]
PLANS: dict[str, Built] = {
    "plain": lambda: attempt_objects(attempt(), CONFIG),
    "secrets_data_and_spool": lambda: attempt_objects(
        attempt(
            model=Model(name="tiny", url="https://models.example.com/v1", secret_ref="model-key"),
            benchmark=_data(hf=HubSource(repo_id="openai/gsm8k", revision="7403", secret_ref="hub"), sha256="ab" * 32),
            network="ModelOnly",
            restore=True,
        ),
        CONFIG,
    ),
    "claim": lambda: attempt_objects(
        attempt(benchmark=_data(pvc=ClaimSource(claim_name="sets", sub_path="gsm8k")), network="Internet"), CONFIG
    ),
    "served_offline": lambda: attempt_objects(
        attempt(model=Model(name="tiny", serve=SERVE), hardware=Hardware(gpu=Gpu(count=1)), network="None"), CONFIG
    ),
    "in_process_queued": lambda: attempt_objects(
        attempt(
            model=Model(name="tiny", in_process=InProcess(backend="hf")),
            hardware=Hardware(gpu=Gpu(count=2), memory=Resource(request="32Gi"), queue=Queue(name="evals")),
            placement=Placement(node_selector={"pool": "gpu"}, priority_class_name="high"),
        ),
        CONFIG,
    ),
    "placed_template_sandbox": lambda: attempt_objects(
        attempt(
            runtime=K8sRuntime(
                image="ghcr.io/foreign/adapter:2",
                entrypoint=("python", "main.py"),
                env=(EnvVar(name="HOME", value="/root"), EnvVar(name="MODE", value="x")),
                gpu=GpuRequest(count=1, node_selector={"gpu": "yes"}),
                image_pull_policy="always",
            ),
            code_execution="Sandboxed",
            placement=Placement(
                node_selector={"pool": "evals"},
                tolerations=({"key": "dedicated", "operator": "Exists"},),
                pod_template=TEMPLATE,
            ),
        ),
        ClusterConfig(
            image="evallab/operator:1.0",
            server_url="http://10.0.0.1:8080",
            image_pull_secrets=("registry",),
            sandbox_runtime_class="gvisor",
        ),
    ),
    "model_server": lambda: server_objects(server(network="ModelOnly"), CONFIG),
    "model_server_gpu": lambda: server_objects(
        server(
            Serve(runtime="vllm", source=WeightsSource(hf=HubSource(repo_id="org/model", secret_ref="hub"))),
            image="vllm/vllm-openai:v0.11",
            hardware=Hardware(gpu=Gpu(), queue=Queue(name="evals")),
            network="None",
        ),
        CONFIG,
    ),
}
