"""The one internal model of an EvalJob; both boundary models convert to it and from it.

`None` means "not said": the runtime then applies its own default and shows it. A field that was said and that a
runtime cannot honour is refused (`planning.checks`), so nothing here is ever ignored silently.
"""

from typing import Any, Literal

from pydantic import Field

from evallab.api.value import Value

Json = dict[str, Any]
CanaryPolicy = Literal["Enforce", "Warn", "Off"]
CodeExecution = Literal["Sandboxed", "Forbidden"]
Network = Literal["None", "ModelOnly", "Internet"]
ValidityPolicy = Literal["Strict", "Lenient"]
FailOn = Literal["regression", "inconclusive", "never"]


class Lineage(Value):
    """Where a model comes from: its family, its parent, and what was changed."""

    family: str | None = None
    parent: str | None = None
    change: str | None = None


class HubSource(Value):
    """A repository on a model or dataset hub, pinned to a revision."""

    repo_id: str
    revision: str | None = None
    sub_path: str | None = None
    secret_ref: str | None = None


class ClaimSource(Value):
    """A persistent volume claim (cluster only)."""

    claim_name: str
    sub_path: str | None = None


class GitSource(Value):
    """A git repository at a ref."""

    url: str
    ref: str
    sub_path: str | None = None
    secret_ref: str | None = None


class BucketSource(Value):
    """An object in an S3 bucket."""

    bucket: str
    key: str
    secret_ref: str


class WeightsSource(Value):
    """Where a model server finds its weights: exactly one field is set."""

    hf: HubSource | None = None
    path: str | None = None
    pvc: ClaimSource | None = None
    oci: str | None = None
    bundled: str | None = None


class Serve(Value):
    """A model server that evallab starts for the job."""

    runtime: str
    version: str | None = None
    source: WeightsSource | None = None
    args: tuple[str, ...] = ()
    command: str | None = None
    image: str | None = None
    port: int | None = None
    health_path: str | None = None
    ready_timeout_seconds: int | None = None
    batch_invariant: bool | None = None


class InProcess(Value):
    """The adapter itself loads the model (lm-eval's hf or vllm back end)."""

    backend: str
    args: Json = Field(default_factory=dict)


class Model(Value):
    """What is evaluated. Exactly one of url, serve and in_process says how it is reached."""

    name: str
    url: str | None = None
    serve: Serve | None = None
    in_process: InProcess | None = None
    secret_ref: str | None = None
    lineage: Lineage | None = None
    parameters: Json = Field(default_factory=dict)
    card_url: str | None = None


class PrimaryScore(Value):
    """Which metric of a benchmark speaks for it."""

    metric: str
    lower_is_better: bool = False


class PassCriteria(Value):
    """The primary score that passes."""

    threshold: float


class TestData(Value):
    """Where a benchmark's data comes from: exactly one source; what it must hash to; whether it may be shown."""

    __test__ = False

    hf: HubSource | None = None
    s3: BucketSource | None = None
    pvc: ClaimSource | None = None
    git: GitSource | None = None
    http: str | None = None
    path: str | None = None
    bundled: str | None = None
    type: Literal["data_set", "pre_recorded_data"] | None = None
    sha256: str | None = None
    confidential: bool = False


class Gpu(Value):
    """How many of which accelerator."""

    name: str | None = None
    count: int | str | None = None


class Resource(Value):
    """Request and limit of cpu or memory, as Kubernetes quantities."""

    request: str | None = None
    limit: str | None = None


class Queue(Value):
    """The queue that admits the job."""

    name: str
    kind: str | None = None


class Hardware(Value):
    """The hardware of whatever holds the model."""

    profile: str | None = None
    gpu: Gpu | None = None
    cpu: Resource | None = None
    memory: Resource | None = None
    queue: Queue | None = None


class Benchmark(Value):
    """One thing to measure, with how to measure it."""

    provider_id: str
    id: str
    parameters: Json = Field(default_factory=dict)
    test_data: TestData | None = None
    primary_score: PrimaryScore | None = None
    pass_criteria: PassCriteria | None = None
    weight: float | None = None
    hardware: Hardware | None = None


class CollectionRef(Value):
    """A collection by id, with per-benchmark overrides."""

    id: str
    benchmarks: tuple[Benchmark, ...] = ()


class Sampling(Value):
    """How answers are sampled. `temperature` None leaves each task its own."""

    temperature: float | None = None
    seed: int | None = None
    repeats: int | None = None


class Compare(Value):
    """What the job is compared with, which verdict fails it, and the practical margin (in the metric's unit)."""

    against: str | None = None
    fail_on: FailOn | None = None
    margin: float | None = None


class Validity(Value):
    """When heat and the like speak against a job's numbers; None leaves each threshold at its default."""

    policy: ValidityPolicy | None = None
    max_temperature_celsius: float | None = None
    max_seconds_hot: float | None = None
    max_throttled_percent: float | None = None


class Placement(Value):
    """Where the pods of a job may run (cluster only)."""

    node_selector: dict[str, str] = Field(default_factory=dict)
    tolerations: tuple[Json, ...] = ()
    priority_class_name: str | None = None
    runtime_class_name: str | None = None
    pod_template: Json = Field(default_factory=dict)


class EvalJob(Value):
    """What the user asks for: one model × some benchmarks."""

    name: str
    description: str | None = None
    tags: tuple[str, ...] = ()
    model: Model
    collection: CollectionRef | None = None
    benchmarks: tuple[Benchmark, ...] = ()
    sampling: Sampling = Sampling()
    compare: Compare = Compare()
    validity: Validity = Validity()
    canary: CanaryPolicy | None = None
    code_execution: CodeExecution | None = None
    network: Network | None = None
    hardware: Hardware | None = None
    placement: Placement = Placement()
    pass_criteria: PassCriteria | None = None
    priority: int = 0
    suspend: bool = False
    cancelled: bool = False
    timeout_seconds: int = 14_400
    pending_deadline_seconds: int = 86_400
    retries: int = 2
    ttl_seconds_after_finished: int | None = None
    experiment: Json | None = None
    exports: Json | None = None
    custom: Json = Field(default_factory=dict)
