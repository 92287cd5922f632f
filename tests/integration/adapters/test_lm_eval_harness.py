"""The adapter as a process, in front of the real reference server: what it leaves, survives and refuses."""

import signal
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from tests.integration.adapters.conftest import NewAttempt
from tests.integration.adapters.servers import (
    Asked,
    Json,
    Recording,
    Reply,
    chat_only,
    events,
    proxying,
    serving,
    socket_port,
)

from evallab.api.contract import SAMPLES_FILE, Counts

pytestmark = pytest.mark.slow


def test_an_attempt_tells_its_phases_and_leaves_a_result(attempt: NewAttempt, receiver: Recording) -> None:
    ours = attempt("demo_arith", limit=10)
    assert ours.run() == 0, ours.output
    told = events(receiver)
    assert {each.path for each in receiver.asked} == {"/a/attempt-1/api/v1/evaluations/jobs/job-1/events"}
    assert list(dict.fromkeys(each["phase"] for each in told)) == [
        "initializing",
        "loading_data",
        "running_evaluation",
        "post_processing",
        "persisting_artifacts",
        "completed",
    ]
    progress = [each["progress"] for each in told if "progress" in each]
    assert (progress[-1]["done"], progress[-1]["total"]) == (10, 10)
    assert all(first["done"] <= second["done"] for first, second in pairwise(progress))
    result = ours.result()
    [score] = result.scores
    assert told[-1]["metrics"] == {"exact_match": score.value}
    assert told[-1]["overall_score"] == score.value
    assert (score.metric, score.filter, score.kind, score.primary, score.n) == (
        "exact_match",
        "strict-match",
        "mean",
        True,
        10,
    )
    assert result.counts == Counts(total=10, answered=10)
    assert (result.samples, result.artifacts, result.warnings) == (SAMPLES_FILE, (), ())
    rows = ours.samples()
    assert score.value == sum(each.scores["exact_match,strict-match"] or 0 for each in rows) / 10
    assert all(each.latency_ms and each.prompt_tokens and each.completion_tokens for each in rows)
    assert {each.finish_reason for each in rows} == {"stop"}


def test_what_was_asked_is_the_same_whoever_answers_and_differs_with_the_question(attempt: NewAttempt) -> None:
    ours = attempt("demo_facts", limit=6, num_fewshot=2)
    assert ours.run() == 0, ours.output
    first = ours.result()
    ours.parameters = {"limit": 6, "num_fewshot": 2, "concurrency": 1, "tokenizer": str(TOKENIZER)}
    assert ours.run() == 0, ours.output
    second = ours.result()
    assert second.question == first.question
    assert second.answered_by == first.answered_by
    ours.more = {"evallab": {"seed": 7}}
    assert ours.run() == 0, ours.output
    assert ours.result().question["tasks"][0]["task_hash"] != first.question["tasks"][0]["task_hash"]
    assert first.provenance["preflight"]["echo"] == "proved"


TOKENIZER = (
    Path(__file__).parents[3] / "operator" / "evallab" / "modelserver" / "reference" / "demo" / "hf" / "tokenizer.json"
)


def test_a_killed_attempt_resumes_and_asks_only_what_is_missing(attempt: NewAttempt, reference: str) -> None:
    with proxying(reference, delay=0.1) as proxy:
        ours = attempt("demo_arith", url=proxy.url, limit=120, concurrency=4)
        with ours.start() as process:
            spool = ours.root / "work" / "answers.jsonl"
            _until(lambda: spool.exists() and spool.read_text().count("\n") >= 20)
            process.kill()
            process.communicate()
        kept = spool.read_text().count("\n")
        assert 20 <= kept < 120
        lost = len(_questions(proxy)) - kept
        assert lost <= 60  # what four workers are told in a second, generously
        proxy.asked.clear()
        assert ours.run() == 0, ours.output
        assert len(_questions(proxy)) == 120 - kept
    resumed = ours.result()
    assert resumed.provenance["resumed_answers"] == kept
    spool.unlink()
    ours.url = reference
    assert ours.run() == 0
    assert [each.value for each in ours.result().scores] == [each.value for each in resumed.scores]


def test_sigterm_ends_it_at_once_without_a_result(attempt: NewAttempt, reference: str) -> None:
    with proxying(reference, delay=0.2) as proxy:
        ours = attempt("demo_arith", url=proxy.url, limit=100, concurrency=2)
        with ours.start() as process:
            spool = ours.root / "work" / "answers.jsonl"
            _until(lambda: len(_questions(proxy)) > 4)
            process.send_signal(signal.SIGTERM)
            began = time.monotonic()
            process.communicate(timeout=30)
        assert (process.returncode, (ours.root / "result.json").exists()) == (143, False)
        assert time.monotonic() - began < 5
        assert spool.read_text().count("\n") > 0


def test_infrastructure_errors_are_missing_data_not_wrong_answers(attempt: NewAttempt, reference: str) -> None:
    def fail(asked: Asked, before: int, body: Json) -> Json | Reply:
        lost = asked.path == "/v1/completions" and before in {3, 7}
        return {**body, "choices": [{**body["choices"][0], "text": None}]} if lost else body

    with proxying(reference, fail) as proxy:
        ours = attempt("demo_arith", url=proxy.url, limit=12, concurrency=1)
        assert ours.run() == 0, ours.output
    result, rows = ours.result(), ours.samples()
    assert result.counts == Counts(total=12, answered=10, errors=2)
    lost = [each for each in rows if each.error]
    assert [each.doc_id for each in lost] == [2, 6]  # the first request was the preflight
    assert [(each.scores, each.response, each.filtered) for each in lost] == [({}, None, {})] * 2
    scored = [each.scores["exact_match,strict-match"] or 0.0 for each in rows if not each.error]
    assert (result.scores[0].value, result.scores[0].n) == (sum(scored) / 10, 10)
    assert result.warnings[0].startswith("2 of 12 questions were not answered and are left out of the scores")
    assert (ours.root / "work" / "answers.jsonl").read_text().count("\n") == 10


def test_a_prompt_that_does_not_fit_is_an_error_and_is_never_cut(attempt: NewAttempt, reference: str) -> None:
    with proxying(reference) as proxy:
        ours = attempt("demo_arith", url=proxy.url, limit=12, num_fewshot=2, max_length=140)
        assert ours.run() == 0, ours.output
        sent = {len(body["prompt"]) for body in _questions(proxy)}
    long = [each for each in ours.samples() if each.error]
    assert 0 < len(long) < 12
    assert all("too long" in str(each.error) for each in long)
    assert max(sent) + 48 <= 140
    assert ours.result().provenance["errors"] == {"too_long": len(long)}


def test_a_reasoning_model_is_scored_on_its_answer_and_never_on_an_absent_one(attempt: NewAttempt) -> None:
    with serving(chat_only) as server:
        ours = attempt(
            "demo_arith", url=server.url, limit=30, endpoint="chat", chat_template_kwargs={"enable_thinking": True}
        )
        assert ours.run() == 0, ours.output
        bodies = server.bodies("/v1/chat/completions")
    assert all("stop" not in body and body["chat_template_kwargs"] == {"enable_thinking": True} for body in bodies)
    rows = ours.samples()
    answered = [each for each in rows if not each.error]
    lost = [each for each in rows if each.error]
    assert {(each.response, each.reasoning) for each in answered} == {("#### 7", "Question: is it 7?\n\n#### 6")}
    assert {each.filtered["strict-match"] for each in answered} == {"7"}
    assert lost
    assert all("still reasoning" in str(each.error) and each.reasoning == "It is" for each in lost)
    assert ours.result().counts == Counts(total=30, answered=len(answered), errors=len(lost), truncated=len(lost))
    assert rows[0].prompt == [{"role": "user", "content": rows[0].prompt[0]["content"]}]


def test_a_chat_template_is_rendered_here_for_the_completions_endpoint(attempt: NewAttempt, reference: str) -> None:
    """Through both endpoints the model sees the same tokens, and says the same."""
    ours = attempt("demo_arith", limit=8, num_fewshot=1, endpoint="chat")
    assert ours.run() == 0, ours.output
    chat, chat_result = ours.samples(), ours.result()
    ours.parameters = {"limit": 8, "num_fewshot": 1, "apply_chat_template": True}
    assert ours.run() == 0, ours.output
    rendered = ours.samples()
    assert [each.response for each in rendered] == [each.response for each in chat]
    assert [each.prompt for each in rendered] == [each.prompt for each in chat]
    assert ours.result().question == chat_result.question
    assert [message["role"] for message in chat[0].prompt] == ["user", "assistant", "user"]


def test_a_result_is_kept_when_nobody_takes_events(attempt: NewAttempt) -> None:
    with socket_port() as port:
        pass
    ours = attempt("demo_arith", limit=3)
    ours.callback = f"http://127.0.0.1:{port}"
    assert ours.run() == 0, ours.output
    assert ours.result().counts.answered == 3


def _questions(recording: Recording) -> list[Any]:
    """The bodies of real questions: the preflight generates a single token."""
    return [body for body in recording.bodies("/v1/completions") if body["max_tokens"] != 1]


def _until(condition: Any) -> None:
    for _ in range(600):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it did not happen")
