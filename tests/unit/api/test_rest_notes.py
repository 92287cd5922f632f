"""What a job over REST carries in annotations comes back, whatever its name and however long its request."""

from typing import Any

import pytest

from evallab.api.v1alpha1 import rest_notes
from evallab.api.v1alpha1.annotations import read as read_annotations
from evallab.api.v1alpha1.rest_notes import MOST_BYTES, RestNotes, object_name

REQUEST: dict[str, Any] = {"name": "ü", "deep": {"a": [1, None, "x" * 20_000]}}


def written(notes: RestNotes, *, name: str = "n-1", job_name: str = "N", **more: str) -> dict[str, Any]:
    return rest_notes.write({"labels": {"l": "1"}, "annotations": more}, notes, name=name, job_name=job_name)


@pytest.mark.parametrize("request_", [None, {}, {"name": "x"}, REQUEST])
def test_notes_come_back(request_: dict[str, Any] | None) -> None:
    notes = RestNotes(request=request_, key="k", digest="d", owner="o")
    metadata = written(notes, mine="kept")
    assert rest_notes.read(metadata["annotations"], "n-1") == notes
    assert (metadata["name"], metadata["labels"], metadata["annotations"]["mine"]) == ("n-1", {"l": "1"}, "kept")
    assert notes.fields() == {"request": request_, "idempotency_key": "k", "request_hash": "d", "owner": "o"}


def test_the_name_is_kept_where_the_object_has_another() -> None:
    said = read_annotations(written(RestNotes())["annotations"])
    assert said == {"name": "N", "name-of": "n-1"}
    assert written(RestNotes(), name="n", job_name="n")["annotations"] == {"evallab.dev/name-of": "n"}


def test_a_copy_under_another_name_carries_nothing() -> None:
    annotations = written(RestNotes(request={}, key="k", digest="d", owner="o"))["annotations"]
    assert rest_notes.read(annotations, "n-2") == RestNotes()


def test_a_request_that_does_not_fit_is_left_out() -> None:
    full = written(RestNotes(request={"a": "b"}, key="k"), other="x" * MOST_BYTES)
    assert rest_notes.read(full["annotations"], "n-1") == RestNotes(key="k")


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "x", "eJw=", "e" * 100, "{" * 100_000])
def test_nothing_malformed_is_an_error(text: str) -> None:
    assert rest_notes.read({"evallab.dev/rest-request": text, "evallab.dev/name-of": "n"}, "n") == RestNotes()


@pytest.mark.parametrize("key", ["Deploy 17", "x" * 300, "-", "f47ac10b-58cc-4372-a567-0e02b2c3d479", "ключ"])
def test_names_of_objects_are_labels_and_their_own(key: str) -> None:
    name = object_name(key, of=key)
    assert name == object_name(key, of=key)
    assert len(name) <= 63
    assert name.replace("-", "").isalnum()
    assert name == name.lower()
    assert name != object_name(key, of=key + " ")
