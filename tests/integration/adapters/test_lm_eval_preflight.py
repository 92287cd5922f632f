"""What is found out and refused before the first question: servers that cannot, jobs that cannot work."""

import json
from typing import Any

import pytest
from tests.integration.adapters.conftest import NewAttempt
from tests.integration.adapters.servers import (
    Asked,
    Json,
    Recording,
    chat_only,
    events,
    proxying,
    serving,
    socket_port,
)

from evallab.api.contract import SAMPLES_FILE

pytestmark = pytest.mark.slow


def shifted(asked: Asked, _before: int, body: Json) -> Json:
    """Log-probabilities one position late, as a server has them that forgets that the first token has none."""
    if asked.body.get("echo"):
        logprobs = body["choices"][0]["logprobs"]
        values = logprobs["token_logprobs"]
        logprobs["token_logprobs"] = [None, values[1], *values[1:-1]]
    return body


def early(asked: Asked, _before: int, body: Json) -> Json:
    """Log-probabilities one position early."""
    if asked.body.get("echo"):
        logprobs = body["choices"][0]["logprobs"]
        logprobs["token_logprobs"] = [None, *logprobs["token_logprobs"][2:], -1.0]
    return body


def deaf(asked: Asked, _before: int, body: Json) -> Json:
    """`echo` is ignored, as llama.cpp does."""
    if asked.body.get("echo"):
        choice, sent = body["choices"][0], len(asked.body["prompt"])
        choice["text"] = "x"
        for name in ("tokens", "token_logprobs", "top_logprobs", "text_offset"):
            choice["logprobs"][name] = choice["logprobs"][name][sent:]
    return body


def without_logprobs(asked: Asked, _before: int, body: Json) -> Json:
    """The prompt is echoed, and nothing is said of its tokens."""
    if asked.body.get("echo"):
        body["choices"][0]["logprobs"] = None
    return body


@pytest.mark.parametrize(
    ("lie", "sentence"),
    [
        (shifted, "wrong"),
        (early, "wrong"),
        (deaf, "ignores `echo`"),
        (without_logprobs, "0 log-probabilities"),
    ],
)
def test_a_server_that_scores_prompts_wrongly_is_found_out_before_the_first_question(
    attempt: NewAttempt, reference: str, lie: Any, sentence: str
) -> None:
    with proxying(reference, lie) as proxy:
        ours = attempt("demo_facts", url=proxy.url, limit=10)
        assert ours.run() == 1
        assert sentence in ours.failure()
        assert len(proxy.bodies("/v1/completions")) <= 9
    assert not (ours.root / "artifacts" / SAMPLES_FILE).exists()


def test_a_server_that_leaves_the_generated_token_out_of_the_echo_is_scored_rightly(
    attempt: NewAttempt, reference: str
) -> None:
    def drop(asked: Asked, _before: int, body: Json) -> Json:
        if asked.body.get("echo"):
            logprobs = body["choices"][0]["logprobs"]
            body["choices"][0]["logprobs"] = {
                name: values[: len(asked.body["prompt"])] for name, values in logprobs.items()
            }
        return body

    ours = attempt("demo_facts", limit=10)
    assert ours.run() == 0, ours.output
    right = [each.response for each in ours.samples()]
    with proxying(reference, drop) as proxy:
        ours.url = proxy.url
        (ours.root / "work" / "answers.jsonl").unlink()
        assert ours.run() == 0, ours.output
    assert [each.response for each in ours.samples()] == right


def test_log_likelihood_from_a_chat_only_server_is_refused_in_a_sentence(attempt: NewAttempt) -> None:
    with serving(chat_only) as server:
        ours = attempt("demo_facts", url=server.url, limit=3)
        assert ours.run() == 1
        assert "has no completions endpoint" in ours.failure()
        ours.parameters = {"endpoint": "chat"}
        assert ours.run() == 1
        assert "chat endpoints do not tell them" in ours.failure()
    assert "log-likelihood" in ours.failure()


@pytest.mark.parametrize(
    ("benchmark", "change", "sentence"),
    [
        ("demo_aritth", {}, "Did you mean 'demo_arith'"),
        ("gsm8kk", {}, "'gsm8k'"),
        ("demo_arith", {"parameters": {"num_fewshots": 2}}, "Did you mean 'num_fewshot'?"),
        ("demo_arith", {"parameters": {"limit": -1}}, "'limit' is wrong"),
        ("demo_arith", {"model": {"url": "REFERENCE", "name": "other"}}, "it serves: demo"),
        ("demo_arith", {"model": {"url": "nonsense", "name": "demo"}}, "not an http(s) address"),
        (
            "gsm8k",
            {"parameters": {"limit": 2}},
            "The data set 'openai/gsm8k (main)' of the task 'gsm8k' could not be loaded",
        ),
        ("humaneval", {}, "could not be"),
    ],
)
def test_what_cannot_work_is_said_in_a_sentence(  # noqa: PLR0917 - pytest names them
    attempt: NewAttempt, reference: str, receiver: Recording, benchmark: str, change: Json, sentence: str
) -> None:
    more = json.loads(json.dumps(change).replace("REFERENCE", f"{reference}/v1"))
    ours = attempt(benchmark, more=more)
    assert ours.run() == 1, ours.output
    assert sentence in ours.failure()
    last = events(receiver)[-1]
    assert (last["status"], last["error_message"]["message"]) == ("failed", ours.failure())
    assert last["error_message"]["message_code"] == "adapter_failed"


def test_a_server_that_is_not_there_may_be_there_for_the_next_attempt(attempt: NewAttempt) -> None:
    with socket_port() as port:
        pass
    ours = attempt("demo_arith", url=f"http://127.0.0.1:{port}")
    assert ours.run() == 1
    result = ours.result()
    assert result.error
    assert result.error.message_code == "model_server_failed"
    assert "cannot be reached" in result.error.message
