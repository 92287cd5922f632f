"""Events of adapters, EvalHub's and evallab's own: taken as they are said, refused in EvalHub's words."""

import json
from typing import Any

import pytest

from evallab.api.contract import Message, MetricType, Progress, StatusEvent
from evallab.api.evalhub.errors import ApiError
from evallab.api.evalhub.event import read_event

SAID: dict[str, Any] = {"provider_id": "tiny", "id": "b1", "status": "running"}
MESSAGE = {"message": "m", "message_code": "c"}


def event(**changes: Any) -> StatusEvent:
    return read_event(json.dumps({"benchmark_status_event": SAID | changes}).encode())


def refused(body: Any) -> tuple[str, str]:
    with pytest.raises(ApiError) as caught:
        read_event(json.dumps(body).encode())
    text = caught.value.message.partition(": '")[2].removesuffix("'. Please check the request and try again.")
    return caught.value.message_code, text.replace("StatusEvent.benchmark_status_event", "…")


def refusal(**changes: Any) -> tuple[str, str]:
    return refused({"benchmark_status_event": SAID | changes})


def line(key: str, tag: str, name: str | None = None) -> str:
    return f"Key: '….{key}' Error:Field validation for '{name or key.rpartition('.')[2]}' failed on the '{tag}' tag"


def test_the_least_that_can_be_said() -> None:
    assert event() == StatusEvent(provider_id="tiny", id="b1", status="running", benchmark_index=0)


def test_everything_that_can_be_said() -> None:
    said = event(
        benchmark_index=3,
        status="completed",
        phase="completed",
        metrics={"acc": 0.9, "n": 2, "note": "text", "list": [1, None]},
        metrics_schema=[{"name": "acc", "type": "numeric"}, {"name": "list", "type": "array_ordered"}],
        additional_info={"a": {"b": None}},
        artifacts={"card": {}},
        error_message=MESSAGE | {"message_origin": "adapter"},
        warning_message=MESSAGE,
        started_at="2026-01-01T00:00:00Z",
        completed_at="2026-01-01T01:00:00.1200+02:00",
        mlflow_run_id="r",
        logs_path="/l",
        job_meta={"resolved_sha": "abc", "other": 1},
        overall_score=0.7,
        progress={"done": 1, "total": 2},
    )
    assert said == StatusEvent(
        provider_id="tiny",
        id="b1",
        benchmark_index=3,
        status="completed",
        phase="completed",
        metrics={"acc": 0.9, "n": 2, "note": "text", "list": [1, None]},
        metrics_schema=(MetricType(name="acc", type="numeric"), MetricType(name="list", type="array_ordered")),
        additional_info={"a": {"b": None}},
        artifacts={"card": {}},
        error_message=Message(**MESSAGE, message_origin="adapter"),
        warning_message=Message(**MESSAGE, message_origin="runtime"),
        started_at="2026-01-01T00:00:00Z",
        completed_at="2026-01-01T01:00:00.1200+02:00",
        mlflow_run_id="r",
        logs_path="/l",
        job_meta={"resolved_sha": "abc", "other": 1},
        overall_score=0.7,
        progress=Progress(done=1, total=2),
    )
    assert StatusEvent.model_validate(said.model_dump(mode="json", exclude_none=True)) == said


def test_letters_null_and_nothing_do_not_matter() -> None:
    body = {
        "Benchmark_Status_Event": {
            "PROVIDER_ID": "tiny",
            "Id": "b1",
            "status": "running",
            "phase": "",
            "metrics": None,
            "started_at": "",
            "error_message": MESSAGE | {"message_origin": ""},
            "unknown": 1,
        },
        "other": 2,
    }
    assert read_event(json.dumps(body).encode()) == event(error_message=MESSAGE)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"overall_score": "good"}, None),
        ({"overall_score": True}, None),
        ({"progress": 0.5}, None),
        ({"progress": {"done": -1, "total": 2}}, None),
    ],
)
def test_what_an_adapter_means_otherwise_costs_no_event(changes: dict[str, Any], expected: None) -> None:
    said = event(**changes)
    assert (said.overall_score, said.progress) == (expected, expected)


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-01T00:00:00Z",
        "2026-01-01T00:00:00.123456789123Z",
        "2026-01-01T00:00:00,5Z",
        "2026-01-01T00:00:00+23:59",
        "2026-11-21T19:36:10.827836+00:00",
    ],
)
def test_moments_keep_their_text(text: str) -> None:
    assert event(started_at=text, completed_at=text).model_dump(exclude_none=True) == {
        **SAID,
        "benchmark_index": 0,
        "started_at": text,
        "completed_at": text,
    }


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-01T00:00:00",
        "zz",
        "2026-01-01",
        "2026-01-01T00:00:00+25:00",
        "2026-01-01T00:00:00+0200",
        "2026-01-01t00:00:00z",
        "2026-01-01 00:00:00Z",
        "2026-02-30T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T23:59:60Z",
        "2026-01-01T00:00:00Z\n",
        "٢026-01-01T00:00:00Z",
    ],
)
def test_other_moments_are_refused(text: str) -> None:
    assert refusal(started_at=text) == ("request_validation_failed", line("started_at", "datetime"))


NAMES = "numeric, categorical, array_ordered, array_unordered, time_series"
RULES: list[tuple[dict[str, Any], str]] = [
    ({"id": ""}, line("id", "required")),
    ({"status": ""}, line("status", "required")),
    ({"status": "cancelled", "phase": "zz"}, "status must be one of: pending, running, completed, failed"),
    ({"status": "x", "id": ""}, f"{line('id', 'required')}\n{line('status', 'oneof')}"),
    ({"metrics_schema": [{"name": "a", "type": "x"}], "metrics": {"a": 1}}, f"type must be one of: {NAMES}"),
    (
        {"metrics_schema": [{"name": "a", "type": "numeric"}]},
        line("metrics_schema[0].name", "metrics_schema_name_not_in_metrics", "metrics_schema[0].name"),
    ),
    (
        {"metrics_schema": [{"name": each, "type": "numeric"} for each in "aaz"], "metrics": {"a": 1}},
        "\n".join(
            (
                line("metrics_schema", "metrics_schema_duplicate_name"),
                line("metrics_schema[2].name", "metrics_schema_name_not_in_metrics", "metrics_schema[2].name"),
            )
        ),
    ),
    (
        {"error_message": {}},
        f"{line('error_message.message', 'required')}\n{line('error_message.message_code', 'required')}",
    ),
]


@pytest.mark.parametrize(("changes", "text"), RULES)
def test_broken_rules(changes: dict[str, Any], text: str) -> None:
    assert refusal(**changes) == ("request_validation_failed", text)


@pytest.mark.parametrize("body", [{}, {"benchmark_status_event": None}])
def test_there_must_be_an_event(body: Any) -> None:
    failed = "Key: '…' Error:Field validation for 'benchmark_status_event' failed on the 'required' tag"
    assert refused(body) == ("request_validation_failed", failed)


@pytest.mark.parametrize(
    ("changes", "found", "field", "wanted"),
    [
        ({"benchmark_index": "0"}, "string", "benchmark_index", "int"),
        ({"benchmark_index": 1.0}, "number 1.0", "benchmark_index", "int"),
        ({"benchmark_index": 10**20}, f"number {10**20}", "benchmark_index", "int"),
        ({"metrics": []}, "array", "metrics", "object"),
        ({"metrics_schema": {}}, "object", "metrics_schema", "list"),
        ({"error_message": "x"}, "string", "error_message", "object"),
        ({"started_at": 5}, "number", "started_at", "string"),
        ({"mlflow_run_id": 5}, "number", "mlflow_run_id", "string"),
        ({"job_meta": []}, "array", "job_meta", "object"),
    ],
)
def test_wrong_types_are_not_the_json_that_is_read(
    changes: dict[str, Any], found: str, field: str, wanted: str
) -> None:
    sentence = f"json: cannot unmarshal {found} into Go struct field ….{field} of type {wanted}"
    assert refusal(**changes) == ("invalid_json_request", sentence)
