"""`spec.benchmarks` and `spec.collection` of v1alpha1: what is measured."""

from typing import Annotated

from pydantic import Field

from evallab.api.v1alpha1.face import Face, FreeForm, Number, Text
from evallab.api.v1alpha1.hardware import HardwareConfig
from evallab.api.v1alpha1.source import TestDataRef


class PrimaryScore(Face):
    """Which metric of a benchmark speaks for it."""

    metric: Text = Field(description="Name of the metric, such as `exact_match`.")
    lower_is_better: bool = Field(False, description="True for a metric such as perplexity.")


class PassCriteria(Face):
    """What passes."""

    threshold: Number = Field(description="The score that passes, in the metric's own unit.")


class Benchmark(Face):
    """One thing to measure, and how. The same benchmark may be listed twice with other parameters."""

    provider_id: Annotated[str, Field(min_length=1, max_length=36)] = Field(description="Id of the provider.")
    id: Annotated[str, Field(min_length=1, max_length=256)] = Field(description="Id of the benchmark.")
    parameters: FreeForm = Field(default_factory=dict, description="Passed to the adapter as they are; any fields.")
    test_data: TestDataRef | None = Field(
        None, alias="testDataRef", description="Where the data comes from. Default: the benchmark's own."
    )
    primary_score: PrimaryScore | None = Field(None, description="Default: what the provider says.")
    pass_criteria: PassCriteria | None = Field(
        None, description="Default: what the provider says, unless `primaryScore` is given here."
    )
    weight: Annotated[float, Field(ge=0, le=1e6)] | None = Field(None, description="Weight in the job's score.")
    hardware: HardwareConfig | None = Field(
        None, alias="hardwareConfig", description="Hardware of this benchmark's adapter (cluster only)."
    )


Benchmarks = Annotated[tuple[Benchmark, ...], Field(strict=False, max_length=500)]


class CollectionRef(Face):
    """A collection, with what this job does differently."""

    id: Text = Field(description="Id of the collection.")
    benchmarks: Benchmarks = Field(
        (), description="Overrides, matched by `providerId` and `id`; what is said here wins."
    )
