"""Bodies of new jobs: as lenient as EvalHub's decoder, refused in the words of its validator."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evallab.api.evalhub.errors import ApiError
from evallab.api.evalhub.reading import read, validated
from evallab.api.evalhub.request import JobRequest

ROOT = "EvaluationJobConfig"
MODEL = {"url": "http://127.0.0.1:9/v1", "name": "m"}
BENCHMARK = {"id": "b1", "provider_id": "tiny"}
GOOD: dict[str, Any] = {"name": "x", "model": MODEL, "benchmarks": [BENCHMARK]}


def refused(body: Any) -> tuple[str, str]:
    with pytest.raises(ApiError) as caught:
        read(json.dumps(body).encode(), JobRequest, root=ROOT)
    text = caught.value.message.partition(": '")[2].removesuffix("'. Please check the request and try again.")
    return caught.value.message_code, text.replace(ROOT, "…")


def line(key: str, tag: str) -> str:
    return f"Key: '….{key}' Error:Field validation for '{key.rpartition('.')[2]}' failed on the '{tag}' tag"


def benchmark(**changes: Any) -> dict[str, Any]:
    return {"benchmarks": [BENCHMARK | changes]}


def data(**said: Any) -> dict[str, Any]:
    return benchmark(test_data_ref=said)


EXCLUSIVE = "hardware_config: hardware_profile_name cannot be combined with queue, cpu, memory, or gpu"
ONE = "test_data_ref: one of s3, pvc, git, or hf must be set"
RULES: list[tuple[dict[str, Any], tuple[str, ...]]] = [
    ({"name": ""}, (line("name", "required"),)),
    ({"model": None}, (line("model", "required"),)),
    ({"model": {}}, (line("model.name", "required"),)),
    ({"model": MODEL | {"url": "nonsense"}}, (line("model.url", "url"),)),
    ({"model": MODEL | {"url": "http://a b/"}}, (line("model.url", "url"),)),
    ({"model": MODEL | {"url": "http://[::1"}}, (line("model.url", "url"),)),
    ({"model": MODEL | {"auth": {}}}, (line("model.auth.secret_ref", "required"),)),
    ({"benchmarks": []}, (line("benchmarks", "minimum one benchmark"),)),
    ({"benchmarks": None}, (line("benchmarks", "minimum one benchmark"),)),
    ({"collection": {"id": "c"}}, (line("benchmarks", "benchmarks or collection"),)),
    ({"collection": {}}, (line("collection.id", "required"),)),
    (
        {"benchmarks": None, "collection": {}},
        (line("collection.id", "required"), line("benchmarks", "minimum one benchmark")),
    ),
    (
        {"name": "", "collection": {"id": "c"}},
        (line("name", "required"), line("benchmarks", "benchmarks or collection")),
    ),
    (
        {"benchmarks": [None]},
        (line("benchmarks[0].Ref.id", "required"), line("benchmarks[0].provider_id", "required")),
    ),
    (
        {"benchmarks": None, "collection": {"id": "c", "benchmarks": [{"provider_id": "p", "weight": -1}]}},
        (line("collection.benchmarks[0].Ref.id", "required"), line("collection.benchmarks[0].weight", "min")),
    ),
    ({"tags": ["ok", "a,b"]}, (line("tags[1]", "tagname"),)),
    ({"tags": ["", "x" * 129]}, (line("tags[0]", "tagname"), line("tags[1]", "tagname"))),
    ({"pass_criteria": {}}, (line("pass_criteria.threshold", "required"),)),
    (benchmark(primary_score={}), (line("benchmarks[0].primary_score.metric", "required"),)),
    ({"experiment": {"name": " "}}, (line("experiment.name", "notblank"),)),
    ({"experiment": {}}, (line("experiment.name", "notblank"),)),
    (
        {"experiment": {"name": "e", "tags": [{"key": "k" * 251, "value": ""}]}},
        (line("experiment.tags[0].key", "max"), line("experiment.tags[0].value", "required")),
    ),
    ({"experiment": {"name": "e", "tags": [{"key": "k", "value": "v"}] * 21}}, (line("experiment.tags", "max"),)),
    ({"exports": {"oci": {}}}, (line("exports.oci.coordinates", "required"),)),
    ({"queue": {"name": "Q!"}}, (line("queue.name", "rfc1123_dns_label"),)),
    ({"queue": {"name": "q" * 64}}, (line("queue.name", "rfc1123_dns_label"),)),
    ({"queue": {}}, (line("queue.name", "required"),)),
    ({"queue": {"name": "q", "kind": "zz"}}, ("kind must be one of: kueue",)),
    ({"name": "", "queue": {"name": "q", "kind": "z"}}, (line("name", "required"), line("queue.kind", "oneof"))),
    ({"hardware_config": {"hardware_profile_name": "p", "cpu": {}}}, (EXCLUSIVE,)),
    (
        {"name": "", "hardware_config": {"hardware_profile_name": "p", "queue": {"name": "q"}}},
        (line("name", "required"), line("hardware_config.hardware_profile_name", "hardware_config_exclusive")),
    ),
    (data(), (ONE,)),
    (data(resolved_sha="abc"), (ONE,)),
    (
        data(hf={"repo_id": "a"}, pvc={"claim_name": "c"}),
        ("test_data_ref: exactly one of s3, pvc, git, or hf must be set",),
    ),
    (
        {"name": ""} | data(),
        (
            line("name", "required"),
            *(
                line(f"benchmarks[0].test_data_ref.{each}", "required_without_all")
                for each in ("s3", "pvc", "git", "hf")
            ),
        ),
    ),
    (data(hf={}), (line("benchmarks[0].test_data_ref.hf.repo_id", "notblank"),)),
    (data(hf={"repo_id": "a"}, type="zz"), ("type must be one of: data_set, pre_recorded_data",)),
    (data(pvc={"claim_name": "C!"}), (line("benchmarks[0].test_data_ref.pvc.claim_name", "rfc1123_dns_label"),)),
    (data(git={"url": "ssh://a/b", "ref": "m"}), (line("benchmarks[0].test_data_ref.git.url", "http_url"),)),
    (data(git={"url": "http://[::1", "ref": "m"}), (line("benchmarks[0].test_data_ref.git.url", "http_url"),)),
    (
        data(git={"url": "http://10.0.0.1/b", "ref": "m"}),
        (line("benchmarks[0].test_data_ref.git.url", "git_clone_url"),),
    ),
    (
        data(git={"url": "http://example.org/b", "ref": "m", "secret_ref": "s"}),
        ("git url with credentials must use https scheme",),
    ),
]


@pytest.mark.parametrize(("changes", "lines"), RULES)
def test_broken_rules(changes: dict[str, Any], lines: tuple[str, ...]) -> None:
    assert refused(GOOD | changes) == ("request_validation_failed", "\n".join(lines))


def test_nothing_at_all() -> None:
    lines = (line("name", "required"), line("model", "required"), line("benchmarks", "minimum one benchmark"))
    assert refused({}) == ("request_validation_failed", "\n".join(lines))


GIT = {"git": {"url": "https://example.org/x", "ref": "main"}, "resolved_sha": "abcdef1"}


def test_a_read_only_field_is_told_last() -> None:
    with pytest.raises(ApiError) as caught:
        validated(GOOD | data(**GIT), JobRequest, root=ROOT)
    assert caught.value.message_code == "resolved_sha_read_only"
    assert refused(GOOD | {"name": ""} | data(**GIT)) == ("request_validation_failed", line("name", "required"))


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"name": 5}, "number into Go struct field ….name of type string"),
        ({"tags": "a"}, "string into Go struct field ….tags of type list"),
        ({"tags": [5]}, "number into Go struct field ….tags[0] of type string"),
        ({"benchmarks": ["x"]}, "string into Go struct field ….benchmarks[0] of type object"),
        (benchmark(weight="1"), "string into Go struct field ….benchmarks[0].weight of type float"),
        (benchmark(parameters=5), "number into Go struct field ….benchmarks[0].parameters of type object"),
        ({"model": MODEL | {"auth": ""}}, "string into Go struct field ….model.auth of type object"),
        (
            {"hardware_config": {"gpu": {"count": 1.5}}},
            "number 1.5 into Go struct field ….hardware_config.gpu.count of type int",
        ),
        ({"pass_criteria": {"threshold": True}}, "bool into Go struct field ….pass_criteria.threshold of type float"),
    ],
)
def test_wrong_types_win_over_broken_rules(changes: dict[str, Any], text: str) -> None:
    for body in (GOOD | changes, GOOD | {"description": "d", "experiment": {"name": ""}} | changes):
        assert refused(body) == ("invalid_json_request", f"json: cannot unmarshal {text}")


@pytest.mark.parametrize(
    ("body", "kind"), [([], "array"), ("x", "string"), (5, "number"), (True, "bool"), (None, "null")]
)
def test_a_body_is_an_object(body: Any, kind: str) -> None:
    assert refused(body) == ("invalid_json_request", f"json: cannot unmarshal {kind} into Go value of type …")


def test_letters_null_and_nothing_do_not_matter() -> None:
    body = {
        "NAME": "x",
        "Model": {"URL": MODEL["url"], "nAme": "m", "card_url": "", "auth": None},
        "benchmarkſ": [
            {"ID": "b1", "Provider_Id": "tiny", "test_data_ref": None, "parameters": {"Name": None, "": ""}}
        ],
        "description": "",
        "tags": None,
        "queue": {"name": "q", "kind": ""},
        "unknown": {"name": 5},
    }
    assert validated(body, JobRequest, root=ROOT) == JobRequest.model_validate(
        GOOD | benchmark(parameters={"Name": None, "": ""}) | {"queue": {"name": "q"}}
    )


@pytest.mark.parametrize("body", [{"NAME": "b", **GOOD}, {**GOOD, "NAME": "b"}])
def test_the_exact_key_wins(body: dict[str, Any]) -> None:
    assert validated(body, JobRequest, root=ROOT) == JobRequest.model_validate(GOOD)


def test_more_than_anybody_means_is_refused_before_it_is_looked_at() -> None:
    assert refused(GOOD | {"tags": [""] * 10_001}) == ("request_validation_failed", line("tags", "max"))
    notes = {str(each): each for each in range(10_001)}
    coordinates = {"oci_host": "h", "oci_repository": "r", "annotations": notes}
    assert refused(GOOD | {"exports": {"oci": {"coordinates": coordinates}}}) == (
        "request_validation_failed",
        line("exports.oci.coordinates.annotations", "max"),
    )
    assert validated(GOOD | {"custom": notes}, JobRequest, root=ROOT).custom == notes


def test_of_many_problems_the_first_are_told() -> None:
    code, text = refused(GOOD | {"tags": [""] * 1_000})
    assert (code, text.splitlines()) == (
        "request_validation_failed",
        [line(f"tags[{index}]", "tagname") for index in range(50)],
    )


NAMES = st.sampled_from(
    ["name", "Model", "url", "benchmarks", "id", "provider_id", "queue", "tags", "test_data_ref", "hf"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5),
)


@given(st.dictionaries(NAMES, VALUES, max_size=8))
def test_whatever_comes_is_a_request_or_a_refusal(body: dict[str, Any]) -> None:
    codes = {"invalid_json_request", "request_validation_failed", "resolved_sha_read_only"}
    assert outcome(GOOD | body) in {"taken", *codes}


def outcome(body: dict[str, Any]) -> str:
    try:
        validated(body, JobRequest, root=ROOT)
    except ApiError as error:
        return error.message_code
    return "taken"
