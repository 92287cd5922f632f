"""Bodies of collections over REST: what is read, what is refused, what is written; clones."""

import json
from typing import Any

import pytest

from evallab.api.evalhub.collection import (
    ROOT,
    CloneBody,
    CollectionBody,
    clone,
    patchable,
    resource,
    stored,
    to_collection,
)
from evallab.api.evalhub.errors import ApiError
from evallab.api.evalhub.provider import Identity
from evallab.api.evalhub.reading import read
from evallab.api.provider import Collection, CollectionBenchmark, Metric, Threshold

IDENTITY = Identity(id="x", created_at="t1", updated_at="t2")
ENTRY = {"id": "b", "provider_id": "p"}
SMALL = {"name": "n", "category": "c", "benchmarks": [ENTRY]}
SOURCE = Collection(
    id="source",
    name="S",
    category="c",
    tags=("t",),
    curation_order=7,
    pass_criteria=Threshold(threshold=1),
    benchmarks=(CollectionBenchmark(id="b", provider_id="p", weight=2, primary_score=Metric(metric="acc")),),
)


def collection(body: Any) -> Collection:
    return to_collection(read(json.dumps(body).encode(), CollectionBody, root=ROOT), "x")


def refusal(body: Any) -> tuple[str, str]:
    with pytest.raises(ApiError) as caught:
        collection(body)
    return caught.value.message_code, caught.value.message


def test_what_the_sdk_sends() -> None:
    entry = {"weight": 1.0, "parameters": {}, "primary_score": None, "pass_criteria": None, "url": "http://mine"}
    body: dict[str, Any] = SMALL | {
        "description": "",
        "tags": [],
        "benchmarks": [ENTRY | entry],
        "pass_criteria": None,
        "custom": {},
    }
    assert resource(collection(body), IDENTITY, urls={("p", "b"): "http://theirs"}) == {
        "resource": {"id": "x", "created_at": "t1", "updated_at": "t2"},
        "name": "n",
        "category": "c",
        "custom": {},
        "benchmarks": [{"id": "b", "provider_id": "p", "url": "http://theirs", "weight": 1.0}],
    }


def test_numbers_stay_as_they_were_sent() -> None:
    sent = ENTRY | {"weight": 2, "pass_criteria": {"threshold": 0}, "parameters": {"x": 0.9, "n": None}}
    made = collection(SMALL | {"benchmarks": [sent], "pass_criteria": {"threshold": 0.9}})
    answer = json.dumps(resource(made, IDENTITY, urls={}), separators=(",", ":"))
    assert '"weight":2,"pass_criteria":{"threshold":0},"parameters":{"x":0.9,"n":null}}' in answer
    assert '"pass_criteria":{"threshold":0.9}' in answer


def test_what_was_answered_can_be_put_back_and_stored() -> None:
    made = collection(
        SMALL
        | {
            "custom": {"k": [1, {"deep": None}]},
            "benchmarks": [
                ENTRY | {"test_data_ref": {"hf": {"repo_id": "r"}}, "hardware_config": {"gpu": {"count": 1}}}
            ],
            "domains": ["law"],
            "curation_order": 2,
        }
    )
    assert collection(resource(made, IDENTITY, urls={})) == made
    assert Collection.model_validate({**stored(made), "id": "x"}) == made


def cloned(body: Any) -> Collection:
    return clone(SOURCE, read(json.dumps(body).encode(), CloneBody, root=ROOT), "x")


def test_a_clone_is_a_copy() -> None:
    assert cloned({}) == SOURCE.model_copy(update={"id": "x", "derived_from": "source", "curation_order": 0})


def test_a_clone_says_what_it_is_made_of() -> None:
    answer = resource(cloned({"name": "cl", "tags": ["q"], "curation_order": 3}), IDENTITY, urls={}, problems=["p"])
    assert answer == {
        "resource": {"id": "x", "created_at": "t1", "updated_at": "t2"},
        "derived_from": "source",
        "name": "cl",
        "category": "c",
        "tags": ["q"],
        "pass_criteria": {"threshold": 1},
        "benchmarks": [{"id": "b", "provider_id": "p", "weight": 2, "primary_score": {"metric": "acc"}}],
        "status": {},
        "problems": ["p"],
    }


def test_a_clone_with_other_benchmarks() -> None:
    assert cloned({"benchmarks": [ENTRY], "description": "d"}).benchmarks == (
        CollectionBenchmark(id="b", provider_id="p"),
    )
    with pytest.raises(ApiError, match="failed on the 'min' tag"):
        cloned({"benchmarks": []})


def test_a_patch_sees_no_more_than_a_body_holds() -> None:
    assert patchable(cloned({})) == {
        "name": "S",
        "category": "c",
        "tags": ["t"],
        "benchmarks": [{"id": "b", "provider_id": "p", "weight": 2, "primary_score": {"metric": "acc"}}],
        "pass_criteria": {"threshold": 1},
    }


@pytest.mark.parametrize(
    ("change", "code", "text"),
    [
        ({"benchmarks": []}, "request_validation_failed", "'CollectionConfig.benchmarks' Error:Field validation for "),
        ({"benchmarks": []}, "request_validation_failed", "failed on the 'min' tag"),
        ({"benchmarks": None}, "request_validation_failed", "failed on the 'required' tag"),
        ({"category": None}, "request_validation_failed", "Key: 'CollectionConfig.category' Error:Field validation"),
        ({"category": "x" * 129}, "request_validation_failed", "failed on the 'max' tag"),
        ({"name": ""}, "request_validation_failed", "Key: 'CollectionConfig.name'"),
        ({"benchmarks": [{"id": "b"}]}, "request_validation_failed", "CollectionConfig.benchmarks[0].provider_id"),
        ({"benchmarks": [ENTRY | {"weight": -1}]}, "request_validation_failed", "benchmarks[0].weight"),
        ({"benchmarks": [ENTRY | {"weight": "1"}]}, "invalid_json_request", "benchmarks[0].weight"),
        ({"benchmarks": [ENTRY | {"test_data_ref": {}}]}, "request_validation_failed", "one of s3, pvc, git, or hf"),
    ],
)
def test_what_cannot_work_is_refused(change: dict[str, Any], code: str, text: str) -> None:
    found = refusal(SMALL | change)
    assert (found[0], text in found[1]) == (code, True), found
