"""The EvalJob object of v1alpha1 and its spec: sole source of the CRD and of docs/reference/manifest.md.

`api.read` validates manifests with `EvalJobManifest`, the operator what the API server hands it.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from evallab.api.v1alpha1.benchmark import Benchmarks, CollectionRef, PassCriteria
from evallab.api.v1alpha1.conduct import Compare, Determinism, Exports, Sampling, Validity
from evallab.api.v1alpha1.face import Face, FreeForm, Label, Seconds, Text, only_one
from evallab.api.v1alpha1.hardware import HardwareConfig, Toleration
from evallab.api.v1alpha1.model import Model

API_VERSION = "evallab.dev/v1alpha1"
KIND = "EvalJob"
_SERVER_SET = frozenset(
    {
        *("creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "finalizers", "generateName"),
        *("generation", "managedFields", "ownerReferences", "resourceVersion", "selfLink", "uid"),
    }
)


class EvalJobSpec(Face):
    """What the user asks for: one model × some benchmarks (`benchmarks` or `collection`, exactly one of them)."""

    model: Model = Field(description="What is evaluated.")
    collection: CollectionRef | None = Field(None, description="A named list of benchmarks.")
    benchmarks: Benchmarks = Field((), description="What is measured.")
    sampling: Sampling = Field(Sampling(), description="How answers are sampled.")
    compare: Compare = Field(Compare(), description="What the job is compared with.")
    validity: Validity = Field(Validity(), description="When heat and the like make numbers invalid.")
    determinism: Determinism = Field(Determinism(), description="What is done about drift.")
    code_execution: Literal["Sandboxed", "Forbidden"] | None = Field(
        None, description="Whether code that the model wrote may be executed. Default: `Forbidden`."
    )
    network: Literal["None", "ModelOnly", "Internet"] | None = Field(
        None, description="What adapters may reach. Default: `ModelOnly` where the runtime can enforce it."
    )
    hardware: HardwareConfig | None = Field(
        None, alias="hardwareConfig", description="Hardware of whatever holds the model."
    )
    node_selector: Annotated[dict[str, Annotated[str, Field(max_length=63)]], Field(max_length=32)] = Field(
        default_factory=dict, description="Labels that a node must have (cluster only)."
    )
    tolerations: Annotated[tuple[Toleration, ...], Field(strict=False, max_length=32)] = Field(
        (), description="Taints that the pods tolerate (cluster only)."
    )
    priority_class_name: Text | None = Field(None, description="Kubernetes priority class (cluster only).")
    runtime_class_name: Text | None = Field(None, description="Kubernetes runtime class (cluster only).")
    pod_template: FreeForm = Field(
        default_factory=dict,
        description="Merged into the pods, checked against a deny-list (cluster only); any fields.",
    )
    pass_criteria: PassCriteria | None = Field(
        None, description="The weighted score that passes. Default: the collection's, else 0.5."
    )
    priority: Annotated[int, Field(ge=-1_000_000_000, le=1_000_000_000)] = Field(
        0, description="Higher goes first among waiting jobs."
    )
    suspend: bool = Field(False, description="True: stop what runs and keep what was measured; false resumes.")
    cancelled: bool = Field(False, description="True cancels the job for good.")
    timeout_seconds: Seconds = Field(14_400, description="Limit of the running time of one attempt.")
    pending_deadline_seconds: Seconds = Field(86_400, description="Limit of waiting for a place, an image or a volume.")
    retries: Annotated[int, Field(ge=0, le=100)] = Field(
        2, description="How often a failed attempt is repeated; disruptions do not count."
    )
    ttl_seconds_after_finished: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = Field(
        None, description="When the finished object is deleted (cluster only); history stays in Postgres."
    )
    exports: Exports | None = Field(None, description="Where results are copied to.")

    @model_validator(mode="after")
    def _one_list(self) -> Self:
        if self.benchmarks and self.collection:
            raise ValueError("give only one of benchmarks, collection; found both")
        if not self.benchmarks and not self.collection:
            raise ValueError("give one of benchmarks (at least one), collection")
        return self

    @model_validator(mode="after")
    def _model_is_reachable(self) -> Self:
        overrides = self.collection.benchmarks if self.collection else ()
        data = [benchmark.test_data for benchmark in (*self.benchmarks, *overrides)]
        if not data or not all(each and each.type == "PreRecordedData" for each in data):
            only_one(self.model, ("url", "serve", "in_process"))
        return self


class ObjectMeta(Face):
    """The Kubernetes metadata that evallab reads; what the API server adds is ignored."""

    name: Label = Field(description="Name of the job.")
    namespace: Label | None = Field(None, description="Namespace (cluster only).")
    labels: dict[str, str] = Field(default_factory=dict, description="Yours; not interpreted.")
    annotations: dict[str, str] = Field(
        default_factory=dict, description="Yours, except `evallab.dev/…`, which holds what EvalHub's REST API can say."
    )

    @model_validator(mode="before")
    @classmethod
    def _without_server_fields(cls, value: Any) -> Any:
        return {key: value[key] for key in value if key not in _SERVER_SET} if isinstance(value, dict) else value


class EvalJobManifest(Face):
    """One EvalJob as a file or as a custom resource; `status` is never read."""

    api_version: Literal["evallab.dev/v1alpha1"] = Field(description="Always `evallab.dev/v1alpha1`.")
    kind: Literal["EvalJob"] = Field(description="Always `EvalJob`.")
    metadata: ObjectMeta = Field(description="Name and labels.")
    spec: EvalJobSpec = Field(description="What is asked for.")

    @model_validator(mode="before")
    @classmethod
    def _without_status(cls, value: Any) -> Any:
        return {key: value[key] for key in value if key != "status"} if isinstance(value, dict) else value
