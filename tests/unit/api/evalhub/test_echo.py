"""What a request said comes back as it was sent, and only what is known."""

from evallab.api.evalhub.echo import echo
from evallab.api.evalhub.request import JobRequest


def test_known_fields_come_back_in_order_and_as_they_were() -> None:
    sent = {
        "benchmarks": [{"provider_id": "p", "id": "b", "weight": 2, "parameters": {"z": None, "a": [1, 2.50]}, "x": 1}],
        "unknown": {"a": 1},
        "model": {"name": "m", "url": "http://h/v1", "auth": None, "parameters": {}},
        "name": "n",
        "tags": [],
        "pass_criteria": {"threshold": 0},
        "description": "",
    }
    back = echo(sent, JobRequest)
    assert back == {
        "name": "n",
        "model": {"name": "m", "url": "http://h/v1"},
        "pass_criteria": {"threshold": 0},
        "benchmarks": [{"id": "b", "provider_id": "p", "weight": 2, "parameters": {"z": None, "a": [1, 2.50]}}],
    }
    assert list(back) == ["name", "model", "pass_criteria", "benchmarks"]
    assert repr(back["benchmarks"][0]["weight"]) == "2"


def test_keys_match_whatever_their_case_and_an_exact_one_wins() -> None:
    back = echo({"NAME": "other", "name": "n", "Model": {"Name": "m"}}, JobRequest)
    assert (back["name"], back["model"]) == ("n", {"name": "m"})


def test_what_is_false_or_zero_is_left_out_as_by_go() -> None:
    score = {"metric": "acc", "lower_is_better": False}
    back = echo({"benchmarks": [{"id": "b", "provider_id": "p", "weight": 0, "primary_score": score}]}, JobRequest)
    assert back["benchmarks"] == [{"id": "b", "provider_id": "p", "primary_score": {"metric": "acc"}}]
