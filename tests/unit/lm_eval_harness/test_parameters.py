"""Parameters of a benchmark: what is accepted, and what is said of the rest."""

from pathlib import Path
from typing import Any

import pytest

from evallab.api.contract import JobSpec, JobSpecExtras, JobSpecModel
from evallab.api.errors import AdapterFailed
from evallab_adapters.lm_eval_harness.parameters import Parameters, parse_pairs, parse_parameters, resolve

DOCUMENTED = Path(__file__).parents[3] / "docs" / "reference" / "lm-evaluation-harness.md"


def spec(**more: Any) -> JobSpec:
    known = {
        "id": "j", "provider_id": "p", "benchmark_id": "b", "benchmark_index": 0, "model": JobSpecModel(name="m"),
        "parameters": {}, "callback_url": "http://h",
    }  # fmt: skip
    return JobSpec(**{**known, **more})


def test_nothing_said_is_the_stock_harness() -> None:
    parameters = parse_parameters(spec())
    assert parameters == Parameters()
    assert (parameters.fewshot_as_multiturn, parameters.apply_chat_template, parameters.endpoint) == (
        True,
        False,
        "completions",
    )


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"gen_kwargs": "temperature=0.6,do_sample=true,top_k=5,stop=a"},
         {"gen_kwargs": {"temperature": 0.6, "do_sample": True, "top_k": 5, "stop": "a"}}),
        ({"gen_kwargs": {"temperature": 1}}, {"gen_kwargs": {"temperature": 1}}),
        ({"include_path": "tasks"}, {"include_path": ("tasks",)}),
        ({"include_path": ["a", "b"]}, {"include_path": ("a", "b")}),
        ({"max_tokens": 9}, {"max_gen_toks": 9}),
        ({"endpoint": "chat"}, {"endpoint": "chat", "apply_chat_template": True}),
        ({"apply_chat_template": "tool_use"}, {"apply_chat_template": "tool_use"}),
        ({"limit": 0.1}, {"limit": 0.1}),
    ],
)  # fmt: skip
def test_every_form_is_understood(given: dict[str, Any], expected: dict[str, Any]) -> None:
    assert parse_parameters(spec(parameters=given)).model_dump(exclude_defaults=True) == expected


def test_the_number_of_examples_of_the_job_is_a_limit_unless_there_is_one() -> None:
    assert parse_parameters(spec(num_examples=7)).limit == 7
    assert parse_parameters(spec(num_examples=7, parameters={"limit": 3})).limit == 3


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"num_fewshots": 1}, "There is no parameter 'num_fewshots'. Did you mean 'num_fewshot'?"),
        ({"max_token": 1}, "Did you mean 'max_tokens'?"),
        ({"zzz": 1}, "Known: num_fewshot"),
        ({"num_fewshot": -1}, "The parameter 'num_fewshot' is wrong"),
        ({"concurrency": 0}, "The parameter 'concurrency' is wrong"),
        ({"endpoint": "chats"}, "The parameter 'endpoint' is wrong"),
        ({"gen_kwargs": "temperature"}, "'temperature' is not of the form name=value"),
        ({"endpoint": "chat", "apply_chat_template": False}, "drop apply_chat_template: false"),
    ],
)
def test_what_is_wrong_is_named(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(AdapterFailed) as failure:
        parse_parameters(spec(parameters=given))
    assert sentence in str(failure.value)


def test_pairs_are_read_as_on_the_command_line() -> None:
    assert parse_pairs("a=1, b=1.5,c=None,d=x=y,") == {"a": 1, "b": 1.5, "c": None, "d": "x=y"}


def test_paths_start_where_the_manifest_lies(tmp_path: Path) -> None:
    there = spec(evallab=JobSpecExtras(manifest_dir=str(tmp_path)))
    assert resolve("tasks", there) == tmp_path / "tasks"
    assert resolve("/abs", there) == Path("/abs")


def test_every_parameter_is_documented() -> None:
    text = DOCUMENTED.read_text()
    assert [name for name in Parameters.model_fields if f"`{name}`" not in text] == []
