"""The pure parts of the client: addresses, verdicts on failures, bodies of replies."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from evallab.adapter.answer import Answer, Request
from evallab.adapter.credentials import api_key
from evallab.adapter.endpoint import Endpoint, endpoint
from evallab.adapter.failures import classify, retry_after, server_words
from evallab.adapter.parsing import parse
from evallab.api.contract import JobSpecModel
from evallab.api.errors import AdapterFailed


@pytest.mark.parametrize(
    ("url", "api", "root"),
    [
        ("http://h:1", "http://h:1/v1", "http://h:1"),
        ("http://h:1/", "http://h:1/v1", "http://h:1"),
        ("http://h:1/v1", "http://h:1/v1", "http://h:1"),
        ("http://h:1/v1/", "http://h:1/v1", "http://h:1"),
        ("http://h:1/v1/completions", "http://h:1/v1", "http://h:1"),
        ("http://h:1/v1/chat/completions", "http://h:1/v1", "http://h:1"),
        ("https://h/openai/v1", "https://h/openai/v1", "https://h/openai"),
        ("https://h/api/paas/v4", "https://h/api/paas/v4", "https://h/api/paas/v4"),
    ],
)
def test_every_form_of_a_url_is_one_endpoint(url: str, api: str, root: str) -> None:
    assert endpoint(url) == Endpoint(api=api, root=root)
    assert endpoint(url).route("chat") == f"{api}/chat/completions"


@pytest.mark.parametrize("url", ["", "localhost:8000/v1", "ftp://h/v1", "/v1"])
def test_what_is_not_a_url_is_refused(url: str) -> None:
    with pytest.raises(AdapterFailed, match="is not an http"):
        endpoint(url)


@pytest.mark.parametrize(
    ("status", "body", "verdict", "kind"),
    [
        (429, "", "retry", "overloaded"),
        (500, "", "retry", "overloaded"),
        (401, "", "fatal", "http_401"),
        (404, "", "fatal", "http_404"),
        (400, '{"error": {"message": "maximum context length is 8"}}', "sample", "too_long"),
        (400, '{"message": "the request exceeds the available context size"}', "sample", "too_long"),
        (413, "prompt too long", "sample", "too_long"),
        (400, '{"error": "bad"}', "sample", "refused"),
        (422, '{"detail": [{"msg": "x"}]}', "sample", "refused"),
    ],
)
def test_statuses_are_judged(status: int, body: str, verdict: str, kind: str) -> None:
    failure = classify(status, body)
    assert (failure.verdict, failure.kind) == (verdict, kind)


def test_the_servers_words_are_found_wherever_they_are() -> None:
    found = [
        server_words(body)
        for body in (
            '{"error": {"message": "a"}}',
            '{"error": "b"}',
            '{"detail": "c"}',
            "d",
            "",
            '{"object": "error", "message": "e"}',
        )
    ]
    assert found == ["a", "b", "c", "d", "(no message)", "e"]


def test_retry_after_is_a_number_or_a_date_and_has_a_limit() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    assert [retry_after(value) for value in (None, "", "2", "0.5", "-3", "9999", "soon")] == [
        None, None, 2.0, 0.5, 0.0, 120.0, None,
    ]  # fmt: skip
    assert 25 < (retry_after(soon) or 0) <= 30


def scored(values: list[Any], tops: list[Any], *, start: int = 1, sent: int = 3) -> Answer:
    request = Request(route="completions", payload={"prompt": list(range(sent))}, scored_from=start)
    return parse(request, {"choices": [{"logprobs": {"token_logprobs": values, "top_logprobs": tops}}]}, 1.0)


@pytest.mark.parametrize("extra", [[], [-9.0]])  # with and without the generated token
def test_log_likelihood_is_summed_by_position(extra: list[float]) -> None:
    tops = [None, {"a": -0.5}, {"b": -0.25, "c": -2.0}, *({"x": each} for each in extra)]
    answer = scored([None, -0.5, -2.0, *extra], tops)
    assert (answer.logprob, answer.greedy, answer.error) == (-2.5, False, None)
    assert scored([None, -0.5, -0.25, *extra], tops).greedy is True
    assert scored([None, -0.5, -2.0, *extra], tops, start=2).logprob == -2.0


@pytest.mark.parametrize("values", [[], [None, -1.0], [None, -1.0, None], [None, None, None]])
def test_a_prompt_that_was_not_scored_whole_is_not_scored(values: list[Any]) -> None:
    answer = scored(values, [])
    assert answer.logprob is None
    assert "did not score the whole prompt" in str(answer.error)


def test_reasoning_is_kept_apart_under_both_names() -> None:
    request = Request(route="chat", payload={})
    for name in ("reasoning_content", "reasoning"):
        message = {"content": "4", name: "2 + 2"}
        answer = parse(request, {"choices": [{"message": message, "finish_reason": "stop"}]}, 1.0)
        assert (answer.text, answer.reasoning) == ("4", "2 + 2")


def test_an_answer_survives_the_spool() -> None:
    answer = Answer(logprob=-0.1 - 0.2, greedy=False, prompt_tokens=3, latency_ms=1.5)
    assert Answer.from_json(answer.to_json()) == answer
    assert Answer.from_json(answer.to_json()).resumed


def test_the_key_is_read_from_the_secrets_directory(tmp_path: Path) -> None:
    (tmp_path / "api-key").write_text("sk-1\n")
    model = JobSpecModel(name="m", auth={"secret_ref": tmp_path.as_uri()})
    assert api_key(model) == "sk-1"
    assert api_key(JobSpecModel(name="m")) is None
    (tmp_path / "api-key").unlink()
    with pytest.raises(AdapterFailed, match="no file 'api-key'"):
        api_key(model)
