"""`status` of an EvalJob: a bounded projection of what the store knows, written by the operator, never read to decide.

Sole source of the schema of the status subresource (`crd`). Whoever writes a status cuts texts and lists to these
bounds: the API server refuses the whole status otherwise.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from evallab.api.v1alpha1.face import Face, Text

MAX_CONDITIONS = 16
MAX_BENCHMARKS = 64
MAX_MESSAGE = 2048
_TYPE = r"^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$"
_REASON = r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$"

Message = Annotated[str, Field(max_length=MAX_MESSAGE)]
Word = Annotated[str, Field(max_length=63)]
Reason = Annotated[str, Field(max_length=128)]
Figure = Annotated[str, Field(max_length=32)]
Moment = Annotated[str, Field(max_length=64, json_schema_extra={"format": "date-time"})]
Generation = Annotated[int, Field(ge=0)]


class Condition(Face):
    """One aspect of the job's state, as every Kubernetes object says it (metav1.Condition)."""

    type: Annotated[str, Field(min_length=1, max_length=63, pattern=_TYPE)] = Field(
        description="What it says, such as `Accepted`, `Running`, `Complete`, `Failed` or `Finished`."
    )
    status: Literal["True", "False", "Unknown"] = Field(description="Whether it is so.")
    observed_generation: Generation | None = Field(None, description="The generation of the spec that this is about.")
    last_transition_time: Moment = Field(description="When `status` last changed.")
    reason: Annotated[str, Field(min_length=1, max_length=128, pattern=_REASON)] = Field(
        description="Why, in one word for programs."
    )
    message: Message = Field(description="Why and what can be done about it, for people.")


class StatusScore(Face):
    """The score that speaks for a benchmark."""

    metric: Text = Field(description="Name of the metric.")
    value: float | None = Field(None, description="The score.")
    low: float | None = Field(None, description="Lower end of its 95 % interval.")
    high: float | None = Field(None, description="Upper end of its 95 % interval.")
    n: Annotated[int, Field(ge=0)] | None = Field(None, description="How many questions it rests on.")
    validity: Word | None = Field(None, description="Whether the score may be used: `valid`, `invalid`, `warned`.")


class StatusBenchmark(Face):
    """How one benchmark goes."""

    index: Annotated[int, Field(ge=0, le=100_000)] = Field(description="Its place in the job.")
    provider_id: Annotated[str, Field(max_length=36)] | None = Field(None, description="Id of the provider.")
    id: Annotated[str, Field(max_length=256)] | None = Field(None, description="Id of the benchmark.")
    state: Word | None = Field(
        None, description="`pending`, `running`, `completed`, `failed` or `cancelled`; `waiting` for a place."
    )
    attempts: Annotated[int, Field(ge=0)] | None = Field(None, description="How many attempts were made.")
    progress: Figure | None = Field(None, description="Questions answered, such as `812/1319`.")
    reason: Reason | None = Field(None, description="Why it is in this state, in one word for programs.")
    message: Message | None = Field(None, description="Why and what can be done about it, for people.")
    primary_score: StatusScore | None = Field(None, description="The score that speaks for it.")


_BY_TYPE: dict[str, Any] = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}
_BY_INDEX: dict[str, Any] = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["index"]}


class EvalJobStatus(Face):
    """How the job goes: a summary; everything is in Postgres."""

    observed_generation: Generation | None = Field(None, description="The generation of the spec that this is about.")
    phase: Word | None = Field(None, description="The state in one word, for people; programs read the conditions.")
    job_id: Word | None = Field(None, description="The job's id, for `evallab show` and the REST API.")
    score: Figure | None = Field(None, description="The job's score, as text.")
    progress: Figure | None = Field(None, description="Questions answered, such as `812/1319`.")
    reason: Reason | None = Field(None, description="Why it is in this phase, in one word for programs.")
    message: Message | None = Field(None, description="Why and what can be done about it, for people.")
    started_at: Moment | None = Field(None, description="When the first attempt started.")
    finished_at: Moment | None = Field(None, description="When the job ended.")
    conditions: Annotated[tuple[Condition, ...], Field(strict=False, max_length=MAX_CONDITIONS)] = Field(
        (),
        description="`Accepted`, `QuotaReserved`, `DatasetsReady`, `ModelReady`, `Running`, `ResultsRecorded`, "
        "`Complete`, `Failed`, `Suspended`, `Finished`.",
        json_schema_extra=_BY_TYPE,
    )
    benchmarks: Annotated[tuple[StatusBenchmark, ...], Field(strict=False, max_length=MAX_BENCHMARKS)] = Field(
        (), description="The first benchmarks of the job.", json_schema_extra=_BY_INDEX
    )
