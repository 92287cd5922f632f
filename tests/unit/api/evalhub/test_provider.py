"""Bodies of providers over REST: what is read, what is refused, what is written."""

import json
from typing import Any

import pytest

from evallab.api.evalhub.errors import ApiError
from evallab.api.evalhub.provider import ROOT, Identity, ProviderBody, resource, stored, to_provider
from evallab.api.evalhub.reading import read
from evallab.api.provider import (
    EnvVar,
    GpuRequest,
    K8sRuntime,
    LocalRuntime,
    Provider,
    ProviderBenchmark,
    ProviderRuntime,
)

IDENTITY = Identity(id="x", created_at="t1", updated_at="t2", tenant="a", owner="me")


def provider(body: Any) -> Provider:
    return to_provider(read(json.dumps(body).encode(), ProviderBody, root=ROOT), "x")


def refusal(body: Any) -> tuple[str, str]:
    with pytest.raises(ApiError) as caught:
        provider(body)
    return caught.value.message_code, caught.value.message


def test_nothing_is_needed_and_nothing_is_null() -> None:
    assert provider({}) == Provider(id="x")
    assert resource(provider({}), IDENTITY) == {
        "resource": {"id": "x", "tenant": "a", "created_at": "t1", "updated_at": "t2", "owner": "me"},
        "name": "",
        "title": "",
        "benchmarks": [],
    }


def test_the_id_in_a_body_is_ignored() -> None:
    assert provider({"id": "mine", "resource": {"id": "mine"}, "name": "n"}) == Provider(id="x", name="n")


@pytest.mark.parametrize(
    "k8s",
    [
        {"image": "i", "cpu_request": "1", "memory_limit": "2Gi", "env": [{"name": "A", "value": "B"}]},
        {"Image": "i", "CPURequest": "1", "MemoryLimit": "2Gi", "Env": [{"Name": "A", "Value": "B"}]},
        {"IMAGE": "i", "cpurequest": "1", "Memory_Limit": "2Gi", "env": [{"NAME": "A", "VALUE": "B"}]},
    ],
)
def test_the_runtime_in_a_cluster_in_every_spelling(k8s: dict[str, Any]) -> None:
    runtime = provider({"runtime": {"k8s": {**k8s, "gpu": {"count": 1}, "image_pull_policy": "Always"}}}).runtime
    assert runtime == ProviderRuntime(
        k8s=K8sRuntime(
            image="i",
            cpu_request="1",
            memory_limit="2Gi",
            gpu=GpuRequest(count=1),
            env=(EnvVar(name="A", value="B"),),
            image_pull_policy="always",
        )
    )


def test_a_field_in_two_spellings_must_say_one_thing() -> None:
    code, message = refusal({"runtime": {"k8s": {"Image": "old", "image": "new"}}})
    assert code == "request_validation_failed"
    assert "ProviderConfig.runtime.k8s: Image and image are the same field and must not differ" in message


def test_what_was_answered_can_be_put_back() -> None:
    made = provider(
        {
            "name": "n",
            "runtime": {
                "k8s": {"image": "i", "entrypoint": ["e"], "cpu_request": "1", "env": [{"name": "A", "value": "B"}]},
                "local": {"command": "true", "env": [{"name": "A"}]},
            },
            "benchmarks": [{"id": "b", "pass_criteria": {"threshold": 2}}],
            "custom": {},
        }
    )
    assert provider(resource(made, IDENTITY)) == made


def test_what_is_stored_is_what_was_made() -> None:
    made = provider({"name": "n", "custom": {}, "benchmarks": [{"id": "b", "pass_criteria": {"threshold": 2}}]})
    assert stored(made) == {"name": "n", "custom": {}, "benchmarks": [{"id": "b", "pass_criteria": {"threshold": 2}}]}
    assert Provider.model_validate({**stored(made), "id": "x"}) == made


def test_a_list_without_benchmarks() -> None:
    made = Provider(id="x", benchmarks=(ProviderBenchmark(id="b"),))
    assert resource(made, IDENTITY, benchmarks=False)["benchmarks"] == []
    assert resource(made, IDENTITY)["benchmarks"] == [
        {"id": "b", "name": "", "category": "", "num_few_shot": 0, "dataset_size": 0}
    ]


def test_a_local_runtime() -> None:
    assert provider({"runtime": {"local": {"command": "true"}, "k8s": None}}).runtime == ProviderRuntime(
        local=LocalRuntime(command="true")
    )


@pytest.mark.parametrize(
    ("body", "code", "text"),
    [
        (
            {"benchmarks": [{"name": "B"}]},
            "request_validation_failed",
            "Key: 'ProviderConfig.benchmarks[0].Ref.id' Error:Field validation for 'id' failed on the 'required' tag",
        ),
        ({"benchmarks": [{"id": "b"}, {"id": "b"}]}, "request_validation_failed", "the id 'b' is given twice"),
        ({"description": "x" * 1025}, "request_validation_failed", "failed on the 'max' tag"),
        ({"agent": {"target_type": "human"}}, "request_validation_failed", "target_type must be one of"),
        ({"runtime": {"local": {}}}, "request_validation_failed", "ProviderConfig.runtime.local.command"),
        ({"runtime": {"k8s": {"image_pull_policy": "never"}}}, "request_validation_failed", "image_pull_policy"),
        ({"name": 5}, "invalid_json_request", "cannot unmarshal number"),
        ({"benchmarks": [{"id": "b", "dataset_size": "5"}]}, "invalid_json_request", "cannot unmarshal string"),
        ([], "invalid_json_request", "cannot unmarshal array into Go value of type ProviderConfig"),
    ],
)
def test_what_cannot_work_is_refused(body: Any, code: str, text: str) -> None:
    assert (refusal(body)[0], text in refusal(body)[1]) == (code, True), refusal(body)
