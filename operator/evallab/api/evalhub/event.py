"""The body of `POST /api/v1/evaluations/jobs/<job>/events`; the receiver and the server's route read it.

What EvalHub refuses is refused in its words. `progress` and `overall_score` are not EvalHub's: an adapter that means
something else by them must not lose its events, so they are taken where they fit and ignored where not.
"""

import math
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, ValidationError, field_validator, model_validator

from evallab.api.contract import MetricKind, Phase, Progress, StatusEvent, moment
from evallab.api.evalhub.lenient import Body, Json, Required, Rule
from evallab.api.evalhub.reading import read

ROOT = "StatusEvent"
DEFAULT_ORIGIN = "runtime"
MAX_METRIC_NAME = 500  #: bytes; metrics are found by their names, and Postgres has an end to what it indexes
_INT64 = 2**63
Index = Annotated[int, Field(ge=-_INT64, lt=_INT64)]


def _moment(value: Any) -> Any:
    try:
        return moment(value)
    except ValueError as error:
        raise Rule(str(error), ("", "datetime")) from None


EventMoment = Annotated[str | None, BeforeValidator(_moment)]


class EventMessage(Body):
    """A message of an event; one that does not say where it comes from comes from the runtime."""

    message: Required
    message_code: Required
    message_origin: str = DEFAULT_ORIGIN

    @field_validator("message_origin")
    @classmethod
    def _never_empty(cls, value: str) -> str:
        return value or DEFAULT_ORIGIN


class SchemaEntry(Body):
    """What the values of a metric are."""

    name: Required
    type: MetricKind


def _progress(value: Any) -> Progress | None:
    try:
        progress = Progress.model_validate(value)
    except ValidationError:
        return None
    return progress if max(progress.done, progress.total) < _INT64 else None


def _score(value: Any) -> float | None:
    return value if type(value) in {int, float} and math.isfinite(value) else None


class BenchmarkEvent(Body):
    """What an adapter says about its benchmark."""

    provider_id: Required
    id: Required
    benchmark_index: Index = 0
    status: Literal["pending", "running", "completed", "failed"]
    phase: Phase | None = None
    metrics: Json | None = None
    metrics_schema: Annotated[tuple[SchemaEntry, ...], Field(strict=False)] | None = None
    additional_info: Json | None = None
    artifacts: Json | None = None
    error_message: EventMessage | None = None
    warning_message: EventMessage | None = None
    started_at: EventMoment = None
    completed_at: EventMoment = None
    mlflow_run_id: str | None = None
    logs_path: str | None = None
    job_meta: Json | None = None
    overall_score: Annotated[float | None, BeforeValidator(_score)] = None
    progress: Annotated[Progress | None, BeforeValidator(_progress)] = None

    @field_validator("metrics")
    @classmethod
    def _short_names(cls, value: Json | None) -> Json | None:
        if any(len(name.encode()) > MAX_METRIC_NAME for name in value or ()):
            raise Rule(f"the name of a metric is longer than {MAX_METRIC_NAME} bytes", ("", "max"))
        return value

    @model_validator(mode="after")
    def _schema_fits_metrics(self) -> Self:
        failures: list[tuple[str, str]] = []
        seen: set[str] = set()
        for index, entry in enumerate(self.metrics_schema or ()):
            if entry.name in seen:
                failures.append(("metrics_schema", "metrics_schema_duplicate_name"))
            if entry.name not in (self.metrics or {}):
                failures.append((f"metrics_schema[{index}].name", "metrics_schema_name_not_in_metrics"))
            seen.add(entry.name)
        if failures:
            raise Rule("metrics_schema: names must be unique, and those of metrics", *failures[:50])
        return self


class StatusEventRequest(Body):
    """The whole body."""

    benchmark_status_event: BenchmarkEvent


def read_event(raw: bytes) -> StatusEvent:
    """Read the body of an event, or raise the ApiError that EvalHub would answer."""
    said = read(raw, StatusEventRequest, root=ROOT).benchmark_status_event
    return StatusEvent.model_validate(said.model_dump(exclude_none=True))
