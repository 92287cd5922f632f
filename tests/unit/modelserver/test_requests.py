"""What the reference server takes and refuses, before anything is computed."""

import json
from typing import Any

import pytest

from evallab.modelserver.reference.api import ChatRequest, CompletionRequest, parse
from evallab.modelserver.reference.errors import Refused


def completion(**fields: Any) -> CompletionRequest:
    return parse(CompletionRequest, json.dumps({"prompt": "a"} | fields).encode())


@pytest.mark.parametrize(
    ("prompt", "prompts"),
    [
        ("a", ["a"]),
        ([1, 2], [[1, 2]]),
        (["a", "b"], ["a", "b"]),
        ([[1], [2, 3]], [[1], [2, 3]]),
    ],
)
def test_every_form_of_prompt_is_a_list(prompt: Any, prompts: Any) -> None:
    assert completion(prompt=prompt).prompts == prompts


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"max_tokens": -3}, "max_tokens"),
        ({"max_tokens": 2.5}, "max_tokens"),
        ({"max_tokens": "5"}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"prompt": []}, "prompt"),
        ({"prompt": [[]]}, "prompt"),
        ({"prompt": None}, "prompt"),
        ({"prompt": ["a", 1]}, "prompt"),
        ({"prompt": {"a": 1}}, "prompt"),
        ({"n": 0}, "n"),
        ({"n": 129}, "n"),
        ({"temperature": -0.1}, "temperature"),
        ({"temperature": 2.1}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
        ({"top_p": 0}, "top_p"),
        ({"top_p": 1.5}, "top_p"),
        ({"seed": -1}, "seed"),
        ({"logprobs": -1}, "logprobs"),
        ({"stop": ""}, "stop"),
        ({"stop": ["a", 3]}, "stop"),
        ({"echo": "yes"}, "echo"),
        ({"stream_options": {"include_usage": 3}}, "stream_options"),
    ],
)
def test_a_wrong_value_is_refused_by_name(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(Refused) as caught:
        completion(**fields)
    assert (caught.value.param, caught.value.status) == (param, 400)


@pytest.mark.parametrize(
    "fields",
    [
        {"presence_penalty": 0.5},
        {"logit_bias": {"5": 1}},
        {"best_of": 2},
        {"response_format": {"type": "json_object"}},
        {"suffix": "x"},
        {"min_tokens": 3},
    ],
)
def test_what_the_engine_does_not_do_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(Refused, match=f"{next(iter(fields))} is not supported by this server"):
        completion(**fields)


def test_neutral_and_unknown_fields_are_fine() -> None:
    asked = completion(presence_penalty=0, frequency_penalty=0.0, logit_bias=None, best_of=1, user="me", brand_new=1)
    assert asked == completion()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "The body is not valid JSON"),
        (b"{", "The body is not valid JSON"),
        (b"\xff", "The body is not valid JSON"),
        (b"[" * 100_000, "The body is not valid JSON"),
        (b"[1]", "The body must be a JSON object"),
        (b"{}", "prompt: Field required"),
    ],
)
def test_a_broken_body_is_refused(body: bytes, message: str) -> None:
    with pytest.raises(Refused, match=message):
        parse(CompletionRequest, body)


def test_a_chat_message_in_parts_is_one_text() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    body = {"messages": [{"role": "user", "content": parts}], "chat_template_kwargs": {"enable_thinking": False}}
    asked = parse(ChatRequest, json.dumps(body).encode())
    assert [each.pair for each in asked.messages] == [("user", "ab")]


@pytest.mark.parametrize("content", [[{"type": "image_url", "image_url": {"url": "x"}}], 3])
def test_a_message_without_text_is_refused(content: Any) -> None:
    body = {"messages": [{"role": "user", "content": content}]}
    with pytest.raises(Refused):
        parse(ChatRequest, json.dumps(body).encode())


def test_the_error_body() -> None:
    assert Refused("No.", param="n").body() == {
        "error": {"message": "No.", "type": "BadRequestError", "param": "n", "code": 400}
    }
    assert Refused("Slow.", status=504).body() == {
        "error": {"message": "Slow.", "type": "TimeoutError", "param": None, "code": 504}
    }
