"""Requests are as lenient as EvalHub's, and refused where EvalHub refuses them."""

from typing import Any

import pytest
from pydantic import ValidationError

from evallab.api.errors import InvalidManifest
from evallab.api.evalhub import JobRequest, to_body, to_job
from evallab.api.job import Serve, WeightsSource

MODEL = {"url": "http://127.0.0.1:9/v1", "name": "m"}
BENCHMARKS = [{"id": "b1", "provider_id": "tiny"}]
GOOD: dict[str, Any] = {"name": "x", "model": MODEL, "benchmarks": BENCHMARKS}
COMPLETE: dict[str, Any] = {
    "name": "demo",
    "description": "d",
    "tags": ["t1", "t2"],
    "model": MODEL,
    "benchmarks": [
        {
            "id": "b1",
            "provider_id": "tiny",
            "weight": 2.0,
            "parameters": {"num_examples": 5, "extra": {"k": [1, None]}},
        },
        {"id": "b2", "provider_id": "tiny", "parameters": {"acc": 0.1}},
    ],
    "custom": {"a": 1},
    "pass_criteria": {"threshold": 0.4},
    "exports": {"oci": {"coordinates": {"oci_host": "h:5001", "oci_repository": "r", "annotations": {"x": "y"}}}},
    "hardware_config": {"queue": {"name": "q", "kind": "kueue"}},
}


def refused(**changes: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        JobRequest.model_validate(GOOD | changes)
    return str(caught.value)


def test_a_body_comes_back_as_it_went_in() -> None:
    assert to_body(JobRequest.model_validate(COMPLETE)) == COMPLETE


def test_the_url_is_always_there() -> None:
    body = GOOD | {"model": {"name": "m"}}
    assert to_body(JobRequest.model_validate(body))["model"] == {"url": "", "name": "m"}


def test_extras_ride_in_custom() -> None:
    extras = {"serve": {"runtime": "reference", "source": {"bundled": "demo-f16"}}, "retries": 0}
    job = to_job(JobRequest.model_validate(GOOD | {"custom": {"mine": 1, "evallab": extras}}))
    assert job.model.serve == Serve(runtime="reference", source=WeightsSource(bundled="demo-f16"))
    assert (job.retries, job.custom) == (0, {"mine": 1})


@pytest.mark.parametrize(
    ("extras", "sentence"),
    [
        ({"retires": 0}, 'custom.evallab.retires: unknown field; did you mean "retries"?'),
        ("text", "custom.evallab: must be a mapping of fields; this key belongs to evallab"),
    ],
)
def test_extras_are_not_lenient(extras: Any, sentence: str) -> None:
    with pytest.raises(InvalidManifest) as caught:
        to_job(JobRequest.model_validate(GOOD | {"custom": {"evallab": extras}}))
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"benchmarks": []}, "minimum one benchmark"),
        ({"collection": {"id": "c"}}, "benchmarks or collection"),
        ({"benchmarks": [{"provider_id": "tiny"}]}, "id"),
        ({"benchmarks": [{"id": "b1"}]}, "provider_id"),
        ({"pass_criteria": {}}, "threshold"),
        ({"queue": {"name": "Q!"}}, "queue.name"),
        ({"exports": {"oci": {"coordinates": {"oci_repository": "a/b"}}}}, "oci_host"),
        ({"hardware_config": {"hardware_profile_name": "p", "cpu": {"request": "1"}}}, "cannot be combined"),
        ({"tags": ["a,b"]}, "tags"),
        ({"name": ""}, "name"),
        ({"model": {"url": "nonsense", "name": "m"}}, "must be a URL"),
        ({"experiment": {"name": " "}}, "experiment.name"),
        ({"benchmarks": [{"id": "b1", "provider_id": "tiny", "weight": "1"}]}, "weight"),
    ],
)
def test_what_evalhub_refuses_is_refused(changes: dict[str, Any], text: str) -> None:
    assert text in refused(**changes)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({}, "one of s3, pvc, git, or hf must be set"),
        ({"hf": {"repo_id": "a"}, "pvc": {"claim_name": "c"}}, "exactly one of"),
        ({"git": {"url": "https://example.org/x", "ref": "main"}, "resolved_sha": "abc"}, "read-only"),
        ({"git": {"url": "http://127.0.0.1/x", "ref": "main"}}, "private or this machine"),
        ({"git": {"url": "http://localhost/x", "ref": "main"}}, "private or this machine"),
        ({"git": {"url": "ssh://example.org/x", "ref": "main"}}, "http:// or https://"),
        ({"git": {"url": "http://example.org/x", "ref": "main", "secret_ref": "s"}}, "needs an https URL"),
    ],
)
def test_wrong_data(data: dict[str, Any], text: str) -> None:
    assert text in refused(benchmarks=[{"id": "b1", "provider_id": "tiny", "test_data_ref": data}])
