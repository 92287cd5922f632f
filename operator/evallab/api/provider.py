"""Providers and collections as their YAML files and EvalHub's REST bodies say them: lenient, unknown fields ignored.

The catalog reads files into these, `api.evalhub.provider` and `.collection` read requests into them and write them out;
planning and the engine use them.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    field_validator,
    model_validator,
)

from evallab.api.evalhub.data import HardwareConfig, TestDataRef

Strings = tuple[str, ...]
Quantity = Annotated[str, Field(coerce_numbers_to_str=True)]
PullPolicy = Literal["if_not_present", "always"]
ENV_NAMES: Mapping[str, str] = MappingProxyType({name: name for name in ("name", "value")})
_POLICIES: Mapping[str, PullPolicy] = MappingProxyType({"ifnotpresent": "if_not_present", "always": "always"})


def _as_said(value: Any, checked: ValidatorFunctionWrapHandler) -> Any:
    """Check a number, and keep a whole one whole: 2 does not become 2.0."""
    number = checked(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else number


Number = Annotated[float, WrapValidator(_as_said), PlainSerializer(lambda number: number, return_type=Any)]


class Lenient(BaseModel):
    """A frozen value that ignores fields it does not know, as EvalHub does."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True, allow_inf_nan=False)


class EnvVar(Lenient):
    """One environment variable of a runtime; EvalHub's server writes `Name` and `Value`."""

    name: str
    value: str = ""

    @model_validator(mode="before")
    @classmethod
    def _any_spelling(cls, value: Any) -> Any:
        return spelled(value, ENV_NAMES)


class LocalRuntime(Lenient):
    """How an adapter runs as a process: `sh -c command`. `$EVALLAB_PYTHON` is the interpreter evallab runs in."""

    command: str
    env: tuple[EnvVar, ...] = ()

    @field_validator("env", mode="before")
    @classmethod
    def _none_is_empty(cls, value: Any) -> Any:
        return value or ()


class GpuRequest(Lenient):
    """The accelerators of an adapter's pod."""

    resource: str = ""
    count: int = 0
    node_selector: dict[str, str] = Field(default_factory=dict)


class K8sRuntime(Lenient):
    """How an adapter runs in a pod; EvalHub's server writes `CPURequest`, its files and users `cpu_request`."""

    image: str = ""
    entrypoint: Strings = ()
    cpu_request: Quantity = ""
    memory_request: Quantity = ""
    cpu_limit: Quantity = ""
    memory_limit: Quantity = ""
    gpu: GpuRequest | None = None
    env: tuple[EnvVar, ...] = ()
    image_pull_policy: PullPolicy | None = None

    @model_validator(mode="before")
    @classmethod
    def _any_spelling(cls, value: Any) -> Any:
        return spelled(value, K8S_NAMES)

    @field_validator("entrypoint", "env", mode="before")
    @classmethod
    def _none_is_empty(cls, value: Any) -> Any:
        return value or ()

    @field_validator("image_pull_policy", mode="before")
    @classmethod
    def _any_case(cls, value: Any) -> Any:
        return pull_policy(value)


K8S_NAMES: Mapping[str, str] = MappingProxyType({name.replace("_", ""): name for name in K8sRuntime.model_fields})


def spelled(value: Any, names: Mapping[str, str]) -> Any:
    """Give fields their own spelling; the same field in two spellings must say the same.

    `names` maps the lower-case spelling without underscores to the field.
    """
    if not isinstance(value, dict):
        return value
    found: dict[str, tuple[str, Any]] = {}
    for key, item in value.items():
        name = names.get(str(key).replace("_", "").lower(), key)
        if name in found and not _same(found[name][1], item):
            raise ValueError(f"{found[name][0]} and {key} are the same field and must not differ")
        found[name] = (key, item)
    return {name: item for name, (_, item) in found.items()}


def _same(one: Any, other: Any) -> bool:
    """Compare two spellings of a value; nothing and the empty list are the same."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return {k.lower(): v for k, v in one.items()} == {k.lower(): v for k, v in other.items()}
    return bool(one == other) or (not one and not other)


def pull_policy(value: Any) -> Any:
    """Return EvalHub's word for a policy that is written in any case, or as Kubernetes writes it."""
    return _POLICIES.get(value.replace("_", "").lower(), value) if isinstance(value, str) else value


class ProviderRuntime(Lenient):
    """How an adapter runs: locally, and in a cluster."""

    local: LocalRuntime | None = None
    k8s: K8sRuntime | None = None


class Metric(Lenient):
    """The metric that speaks for a benchmark."""

    metric: str
    lower_is_better: bool = False


class Threshold(Lenient):
    """The score that passes."""

    threshold: Number


class Agent(Lenient):
    """What an AI agent is told about a provider or collection."""

    evaluates: Strings = ()
    recommended_when: Strings = ()
    target_type: str = ""
    summary: str = ""
    complements: Strings = ()
    hints: Strings = ()
    result_interpretation: Strings = ()


class ScoreRange(Lenient):
    """What scores of a range mean."""

    range: str
    meaning: str


class BenchmarkAgent(Lenient):
    """What an AI agent is told about a benchmark."""

    result_interpretation: str = ""
    score_ranges: tuple[ScoreRange, ...] = ()


class ProviderBenchmark(Lenient):
    """One benchmark that a provider can run."""

    id: str
    name: str = ""
    description: str = ""
    category: str = ""
    metrics: Strings = ()
    num_few_shot: int = 0
    dataset_size: int = 0
    tags: Strings = ()
    url: str | None = None
    primary_score: Metric | None = None
    pass_criteria: Threshold | None = None
    agent: BenchmarkAgent | None = None
    domains: Strings = ()
    tasks: Strings = ()
    modalities: Strings = ()
    evaluation_targets: Strings = ()


class Provider(Lenient):
    """A family of benchmarks and how to run its adapter.

    `benchmark_names` is evallab's own: a file beside the YAML that lists, one per line, further benchmark ids which
    the provider can run without describing them.
    """

    id: str = Field(min_length=1, max_length=36)
    name: str = ""
    title: str = ""
    description: str = ""
    tags: Strings = ()
    agent: Agent | None = None
    custom: dict[str, Any] | None = None
    runtime: ProviderRuntime | None = None
    benchmarks: tuple[ProviderBenchmark, ...] = ()
    benchmark_names: str | None = None

    @field_validator("benchmarks", mode="before")
    @classmethod
    def _none_is_empty(cls, value: Any) -> Any:
        return value or ()

    def benchmark(self, benchmark_id: str) -> ProviderBenchmark | None:
        """Return the described benchmark of that id, or None."""
        return next((entry for entry in self.benchmarks if entry.id == benchmark_id), None)


class CollectionBenchmark(Lenient):
    """One weighted entry of a collection."""

    id: str
    provider_id: str
    weight: Number | None = None
    parameters: dict[str, Any] = Field(default_factory=dict)
    primary_score: Metric | None = None
    pass_criteria: Threshold | None = None
    test_data_ref: TestDataRef | None = None
    hardware_config: HardwareConfig | None = None


class Collection(Lenient):
    """A named, weighted list of benchmarks. `derived_from` is the collection that a clone was made of."""

    id: str
    name: str = ""
    category: str = ""
    description: str = ""
    tags: Strings = ()
    custom: dict[str, Any] | None = None
    benchmarks: tuple[CollectionBenchmark, ...] = ()
    pass_criteria: Threshold | None = None
    agent: Agent | None = None
    curation_order: int = 0
    domains: Strings = ()
    tasks: Strings = ()
    modalities: Strings = ()
    industries: Strings = ()
    evaluation_targets: Strings = ()
    derived_from: str | None = None
