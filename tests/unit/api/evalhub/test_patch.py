"""Patches: which operations at which paths, and that nothing but a refusal comes out of a bad one."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evallab.api.evalhub.collection import CollectionBody
from evallab.api.evalhub.errors import ApiError
from evallab.api.evalhub.patch import COLLECTION, MAX_OPERATIONS, PROVIDER, patched
from evallab.api.evalhub.provider import ProviderBody
from evallab.api.evalhub.reading import loads, validated

DOCUMENT = {
    "name": "n",
    "tags": ["a", "b"],
    "runtime": {"k8s": {"image": "i", "env": [{"name": "A", "value": "B"}]}, "local": {"command": "true"}},
    "benchmarks": [{"id": "b", "category": "c"}],
}
LIST = {
    "name": "n",
    "category": "c",
    "benchmarks": [{"id": "b", "provider_id": "p"}],
    "pass_criteria": {"threshold": 1},
}


def op(name: str, path: str, value: Any = None) -> dict[str, Any]:
    return {"op": name, "path": path, "value": value}


def refusal(patch: Any, document: dict[str, Any] = DOCUMENT, rules: Any = PROVIDER) -> tuple[str, str]:
    before = json.dumps(document)
    with pytest.raises(ApiError) as caught:
        patched(document, patch, rules)
    assert json.dumps(document) == before
    return caught.value.message_code, caught.value.message


@pytest.mark.parametrize(
    ("operations", "change"),
    [
        ([], {}),
        ([op("replace", "/name", "new"), op("add", "/tags", ["x"])], {"name": "new", "tags": ["x"]}),
        ([op("add", "/tags/-", "c"), op("add", "/tags/0", "z")], {"tags": ["z", "a", "b", "c"]}),
        ([op("remove", "/tags/0"), op("replace", "/tags/0", "y")], {"tags": ["y"]}),
        ([op("add", "/custom/a~1b~0c", 1)], {"custom": {"a/b~c": 1}}),
        ([op("add", "/agent/hints", ["h"])], {"agent": {"hints": ["h"]}}),
        ([op("replace", "/title", "set although it is missing")], {"title": "set although it is missing"}),
        ([op("replace", "/runtime", {"local": None})], {"runtime": {"local": None}}),
        ([op("replace", "/benchmarks/0/category", "d")], {"benchmarks": [{"id": "b", "category": "d"}]}),
        ([{"OP": "replace", "Path": "/name", "Value": "new"}], {"name": "new"}),
    ],
)
def test_operations(operations: list[Any], change: dict[str, Any]) -> None:
    assert patched(DOCUMENT, operations, PROVIDER) == DOCUMENT | change


@pytest.mark.parametrize("path", ["/runtime/k8s/image", "/runtime/k8s/Image", "/runtime/K8s/IMAGE"])
def test_the_runtime_in_any_spelling(path: str) -> None:
    runtime = patched(DOCUMENT, [op("replace", path, "new")], PROVIDER)["runtime"]
    assert runtime["k8s"] == {"image": "new", "env": [{"name": "A", "value": "B"}]}


def test_an_environment_variable_in_any_spelling() -> None:
    runtime = patched(DOCUMENT, [op("replace", "/runtime/k8s/Env/0/Value", "new")], PROVIDER)["runtime"]
    assert runtime["k8s"]["env"] == [{"name": "A", "value": "new"}]


@pytest.mark.parametrize(
    ("patch", "change"),
    [
        ({}, {}),
        ({"name": "new", "tags": ["x"]}, {"name": "new", "tags": ["x"]}),
        ({"Name": "new"}, {"name": "new"}),
        ({"custom": {"a": 1, "b": None}}, {"custom": {"a": 1}}),
        ({"description": None}, {}),
        (
            {"runtime": {"k8s": {"Image": "new"}, "local": None}},
            {"runtime": {"k8s": {"image": "new", "env": [{"name": "A", "value": "B"}]}}},
        ),
    ],
)
def test_merge_objects(patch: dict[str, Any], change: dict[str, Any]) -> None:
    assert patched(DOCUMENT, patch, PROVIDER) == DOCUMENT | change


def test_a_merge_removes_what_is_null() -> None:
    assert patched(DOCUMENT, {"tags": None}, PROVIDER) == {key: DOCUMENT[key] for key in DOCUMENT if key != "tags"}


@pytest.mark.parametrize(
    ("patch", "code", "text"),
    [
        ([op("test", "/name", "x")], "invalid_patch_operation", "Allowed operations are: replace, add, remove."),
        ([op("move", "/name")], "invalid_patch_operation", "The patch operation 'move' is not valid."),
        ([{"path": "/name"}], "invalid_patch_operation", "The patch operation '' is not valid."),
        ([{"op": ["replace"], "path": "/name"}], "invalid_patch_operation", "is not valid"),
        ([op("replace", "/resource/id")], "unallowed_patch", "'replace' is not allowed for the path '/resource/id'."),
        ([op("remove", "/name")], "unallowed_patch", "The operation 'remove' is not allowed for the path '/name'"),
        ([op("add", "/benchmarks/-", {})], "unallowed_patch", "'add' is not allowed for the path '/benchmarks/-'."),
        ([op("add", "/name/x")], "unallowed_patch", "/name/x"),
        ([op("replace", "/name/x")], "unallowed_patch", "/name/x"),
        ([op("replace", "name")], "unallowed_patch", "'name'"),
        ([op("replace", "/Name")], "unallowed_patch", "'/Name'"),
        ([op("replace", "/")], "unallowed_patch", "'/'"),
        ([{"op": "replace", "value": "x"}], "invalid_json_request", "Invalid patch path"),
        ([op("replace", "")], "invalid_json_request", "Invalid patch path"),
        ([{"op": "replace", "path": 5}], "invalid_json_request", "Invalid patch path"),
        ([op("remove", "/description")], "invalid_json_request", "there is no 'description'"),
        ([op("remove", "/tags/2")], "invalid_json_request", "there is no '2'"),
        ([op("add", "/tags/3", "x")], "invalid_json_request", "there is no '3'"),
        ([op("replace", "/tags/-", "x")], "invalid_json_request", "there is no '-'"),
        ([op("replace", "/tags/00", "x")], "invalid_json_request", "there is no '00'"),
        ([op("replace", "/tags/0/x", "x")], "invalid_json_request", "there is no 'x'"),
        ([op("replace", "/benchmarks/1/id", "x")], "invalid_json_request", "there is no '1'"),
        ([5], "invalid_json_request", "cannot unmarshal number"),
        ("x", "invalid_json_request", "cannot unmarshal string into Go value of type api.Patch"),
        (None, "invalid_json_request", "cannot unmarshal null"),
        ({"resource": {"id": "x"}}, "unallowed_patch", "'replace' is not allowed for the path '/resource'."),
        ({"name": None}, "unallowed_patch", "The operation 'remove' is not allowed for the path '/name'."),
        ({"runtime": {"k8s": {"Image": "a", "image": "b"}}}, "request_validation_failed", "must not differ"),
        ([op("add", "/tags", [])] * (MAX_OPERATIONS + 1), "invalid_json_request", "at most 1000 operations"),
    ],
)
def test_what_is_refused(patch: Any, code: str, text: str) -> None:
    found = refusal(patch)
    assert (found[0], text in found[1]) == (code, True), found


@pytest.mark.parametrize(
    ("patch", "code"),
    [
        ([op("replace", "/category", "d")], None),
        ([op("replace", "/pass_criteria/threshold", 2)], None),
        ([op("remove", "/pass_criteria")], None),
        ([op("add", "/description", "d")], None),
        ([op("replace", "/benchmarks", [])], None),
        ([op("add", "/agent", {})], "unallowed_patch"),
        ([op("add", "/title", "t")], "unallowed_patch"),
        ([op("remove", "/category")], "unallowed_patch"),
        ({"derived_from": "x"}, "unallowed_patch"),
    ],
)
def test_paths_of_a_collection(patch: Any, code: str | None) -> None:
    if code is None:
        patched(LIST, patch, COLLECTION)
    else:
        assert refusal(patch, LIST, COLLECTION)[0] == code


def test_a_patch_may_not_dig_deeper_than_a_body() -> None:
    deep: Any = "x"
    for _ in range(40):
        deep = {"a": deep}
    bottom = "/custom" + "/a" * 40
    assert refusal([op("add", "/custom", deep), op("replace", bottom, deep)])[0] == "invalid_json_request"


WORDS = "name title tags custom agent runtime benchmarks category pass_criteria description resource threshold"
OTHERS = ["k8s", "local", "Image", "env", "gpu", "count", "0", "1", "-", "~0", "~1", ""]
NAMES = st.sampled_from([*WORDS.split(), *OTHERS])
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5)
)
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | st.text(max_size=3), inner, max_size=3)
)
PATHS = st.lists(NAMES, max_size=5).map(lambda names: "".join(f"/{name}" for name in names)) | st.text(max_size=8)
OPERATIONS = st.lists(
    st.fixed_dictionaries(
        {}, optional={"op": st.sampled_from(["add", "remove", "replace", "test"]), "path": PATHS | JSON, "value": JSON}
    )
    | JSON,
    max_size=4,
)


@given(patch=OPERATIONS | st.dictionaries(NAMES, JSON, max_size=4) | JSON)
def test_whatever_is_sent_is_applied_or_refused(patch: Any) -> None:
    for document, rules, model in ((DOCUMENT, PROVIDER, ProviderBody), (LIST, COLLECTION, CollectionBody)):
        before = json.dumps(document)
        with suppress(ApiError):
            validated(patched(document, loads(json.dumps(patch).encode()), rules), model, root="X")
        assert json.dumps(document) == before
