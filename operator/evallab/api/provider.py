"""Providers and collections as their YAML files and EvalHub's REST bodies say them: lenient, unknown fields ignored."""

from typing import Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, field_validator


class Lenient(BaseModel):
    """A frozen value that ignores fields it does not know, as EvalHub does."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class EnvVar(Lenient):
    """One environment variable of a runtime."""

    name: str = Field(validation_alias=AliasChoices("name", "Name"))
    value: str = Field(default="", validation_alias=AliasChoices("value", "Value"))


class LocalRuntime(Lenient):
    """How an adapter runs as a process: `sh -c command`. `$EVALLAB_PYTHON` is the interpreter evallab runs in."""

    command: str
    env: tuple[EnvVar, ...] = ()

    @field_validator("env", mode="before")
    @classmethod
    def _none_is_empty(cls, value: Any) -> Any:
        return value or ()


class ProviderRuntime(Lenient):
    """How an adapter runs: locally, and in a cluster (kept as it is said until the cluster runtime reads it)."""

    local: LocalRuntime | None = None
    k8s: dict[str, Any] | None = None


class Metric(Lenient):
    """The metric that speaks for a benchmark."""

    metric: str
    lower_is_better: bool = False


class Threshold(Lenient):
    """The score that passes."""

    threshold: float


class ProviderBenchmark(Lenient):
    """One benchmark that a provider can run."""

    id: str
    name: str = ""
    description: str = ""
    category: str = ""
    metrics: tuple[str, ...] = ()
    num_few_shot: int = 0
    dataset_size: int = 0
    tags: tuple[str, ...] = ()
    url: str | None = None
    primary_score: Metric | None = None
    pass_criteria: Threshold | None = None


class Provider(Lenient):
    """A family of benchmarks and how to run its adapter.

    `benchmark_names` is evallab's own: a file beside the YAML that lists, one per line, further benchmark ids which
    the provider can run without describing them.
    """

    id: str = Field(min_length=1, max_length=36)
    name: str = ""
    title: str = ""
    description: str = ""
    tags: tuple[str, ...] = ()
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
    weight: float | None = None
    parameters: dict[str, Any] = Field(default_factory=dict)
    primary_score: Metric | None = None
    pass_criteria: Threshold | None = None


class Collection(Lenient):
    """A named, weighted list of benchmarks."""

    id: str
    name: str = ""
    category: str = ""
    description: str = ""
    tags: tuple[str, ...] = ()
    benchmarks: tuple[CollectionBenchmark, ...] = ()
    pass_criteria: Threshold | None = None
