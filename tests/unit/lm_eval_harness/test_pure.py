"""The pure parts: payloads, answers, prompts, pairs, the primary metric, the index of tasks."""

import hashlib
import json
import subprocess
import sys
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from evallab.adapter.answer import Answer
from evallab.api.contract import Json
from evallab.api.errors import AdapterFailed
from evallab_adapters.lm_eval_harness import payloads, task_index
from evallab_adapters.lm_eval_harness.answers import cut, scored_text
from evallab_adapters.lm_eval_harness.pairs import encode_pairs
from evallab_adapters.lm_eval_harness.payloads import Asking
from evallab_adapters.lm_eval_harness.primary import Primary, choose
from evallab_adapters.lm_eval_harness.prompts import ChatPrompt, ChatTemplate, asked, pick_template

ASKING = Asking(model="m", eos="</s>")
GREEDY: Json = {"until": ["Q:"], "max_gen_toks": 48, "temperature": 0.0, "do_sample": False}
MESSAGES = [{"role": "user", "content": "Hi"}]
TEMPLATE = (
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}</>{% endfor %}{% if add_generation_prompt %}<a>{% endif %}"
)


def test_a_completion_is_what_the_stock_harness_sends_one_at_a_time() -> None:
    assert payloads.completion(ASKING, array("I", [1, 2]), GREEDY).payload == {
        "prompt": [1, 2], "model": "m", "max_tokens": 48, "temperature": 0.0, "stop": ["Q:", "</s>"], "seed": 1234,
    }  # fmt: skip


def test_chat_gets_as_many_stops_as_every_server_takes() -> None:
    many = {**GREEDY, "until": list("abcdef")}
    request = payloads.chat(Asking(model="m", seed=7), MESSAGES, many, repeat=2)
    assert request.payload == {
        "messages": MESSAGES, "model": "m", "max_tokens": 48, "temperature": 0.0, "stop": list("abcd"), "seed": 9,
    }  # fmt: skip
    answer = scored_text(Asking(model="m"), Answer(text="12e4f"), many, chat=True)
    assert answer.text == "12"  # the fifth stop string is applied here


def test_an_answer_that_was_begun_is_continued() -> None:
    begun = [*MESSAGES, {"role": "assistant", "content": "The answer is"}]
    payload = payloads.chat(ASKING, begun, GREEDY).payload
    assert (payload["add_generation_prompt"], payload["continue_final_message"]) == (False, True)


def test_a_log_likelihood_is_asked_through_the_echo() -> None:
    request = payloads.scoring(ASKING, array("I", [1, 2]), array("I", [3]))
    assert request.scored_from == 2
    assert request.payload == {
        "model": "m", "prompt": [1, 2, 3], "temperature": 0, "max_tokens": 1, "logprobs": 1, "seed": 1234, "echo": True,
    }  # fmt: skip


def test_further_generation_parameters_are_passed_on() -> None:
    payload = payloads.completion(ASKING, "x", {"until": "a", "max_tokens": 5, "top_p": 0.9}).payload
    assert (payload["top_p"], payload["max_tokens"], payload["stop"], payload["temperature"]) == (
        0.9,
        5,
        ["a", "</s>"],
        0,
    )


THINKING = Asking(model="m", think_end_token="</think>")


@pytest.mark.parametrize(
    ("text", "finish", "scored", "reasoning"),
    [
        ("Q: hm\n</think>\n\n4 Q: more", "stop", "4 ", "Q: hm\n"),
        ("a</think>b</think>c", "stop", "c", "a</think>b"),
        ("4 Q: more", "stop", "4 ", None),
    ],
)
def test_reasoning_in_the_text_is_cut_off_and_kept(text: str, finish: str, scored: str, reasoning: str | None) -> None:
    answer = scored_text(THINKING, Answer(text=text, finish_reason=finish), GREEDY, chat=False)
    assert (answer.text, answer.reasoning, answer.error) == (scored, reasoning, None)


def test_reasoning_without_end_is_no_answer() -> None:
    answer = scored_text(THINKING, Answer(text="hm", finish_reason="length"), GREEDY, chat=False)
    assert (answer.text, answer.reasoning) == (None, "hm")
    assert "still reasoning" in str(answer.error)
    assert "stop" not in payloads.completion(THINKING, "x", GREEDY).payload
    assert cut("abc", ["", "c"]) == "ab"


def test_a_prompt_remembers_its_messages() -> None:
    sent = ChatPrompt.of(MESSAGES)
    assert str(sent) == '[{"role": "user", "content": "Hi"}]'
    rendered = ChatTemplate(TEMPLATE, {}, {})(MESSAGES)
    assert (str(rendered), asked(rendered), asked("text")) == ("<user>Hi</><a>", MESSAGES, "text")


def test_an_answer_that_was_begun_is_left_open_in_the_template() -> None:
    begun = [*MESSAGES, {"role": "assistant", "content": "It is"}]
    rendered = ChatTemplate(TEMPLATE, {}, {})(begun, add_generation_prompt=False)
    assert str(rendered) == "<user>Hi</><assistant>It is"


def test_the_named_template_is_picked() -> None:
    both = [{"name": "default", "template": "a"}, {"name": "rag", "template": "b"}]
    assert [pick_template(both, name=name) for name in (True, "rag")] == ["a", "b"]
    assert pick_template("only", name="rag") == "only"
    for unknown in (None, "", both):
        with pytest.raises(AdapterFailed, match="is not known"):
            pick_template(unknown, name="other")


class Letters:
    """A tokenizer whose tokens are letters, except that a space joins the letter after it."""

    def __init__(self) -> None:
        self.special: Json = {}

    async def encode(self, texts: Sequence[str]) -> list["array[int]"]:
        return [array("I", _letters(text)) for text in texts]


def _letters(text: str) -> list[int]:
    ids: list[int] = []
    for letter in text:
        ids = [*ids[:-1], ord(letter) + 1000] if ids and ids[-1] == ord(" ") else [*ids, ord(letter)]
    return ids


async def test_pairs_are_cut_where_the_stock_harness_cuts_them() -> None:
    pairs = [("ab", " c"), ("ab ", "c"), ("", "cd"), ("", "!c")]
    joined = ord("c") + 1000
    expected = [([97, 98], [joined]), ([97, 98], [joined]), ([33], [99, 100]), ([33], [99])]
    found = await encode_pairs(Letters(), pairs, prefix=33, bos=None)
    assert [(list(context), list(continuation)) for context, continuation in found] == expected
    first = (await encode_pairs(Letters(), pairs[:1], prefix=33, bos=1))[0]
    assert list(first[0]) == [1, 97, 98]
    with pytest.raises(AdapterFailed, match="beginning- or end-of-text"):
        await encode_pairs(Letters(), [("", "x")], prefix=None, bos=None)


@pytest.mark.parametrize(
    ("benchmark", "available", "asked_for", "expected"),
    [
        ("gsm8k", [("exact_match", "strict-match"), ("exact_match", "flexible-extract")], None,
         ("exact_match", "strict-match", "registry")),
        ("gsm8k", [("exact_match", "strict-match"), ("exact_match", "flexible-extract")],
         "exact_match,flexible-extract", ("exact_match", "flexible-extract", "job")),
        ("gsm8k", [("exact_match", "flexible-extract"), ("exact_match", "strict-match")], "exact_match",
         ("exact_match", "strict-match", "job")),
        ("arc_easy", [("acc", "none"), ("acc_norm", "none")], None, ("acc_norm", "none", "registry")),
        ("arc_easy", [("acc", "none"), ("acc_norm", "none")], "acc", ("acc", "none", "job")),
        ("mmlu_anatomy", [("acc", "none")], None, ("acc", "none", "registry")),
        ("own", [("a", "x"), ("b", "x")], None, ("a", "x", "inferred")),
        ("own", [("a", "x")], "missing", ("a", "x", "inferred")),
        ("minerva_math", [("exact_match", "none")], None, ("exact_match", "none", "inferred")),
    ],
)  # fmt: skip
def test_one_metric_speaks(benchmark: str, available: Any, asked_for: str | None, expected: Any) -> None:
    assert choose(benchmark, available, asked_for) == Primary(*expected)


def test_nothing_measured_has_no_primary_metric() -> None:
    assert choose("own", [], "acc") is None


def test_a_name_leads_to_its_folders() -> None:
    assert task_index.folders(["gsm8k"]) == ("gsm8k",)
    assert task_index.folders(["mmlu", "no such task"]) == ("mmlu/default",)
    assert len(task_index.folders(["gpqa"])) > 1
    assert task_index.matches_installed()
    assert {"hellaswag", "bbh", "ai2_arc"} < set(task_index.known_names())


@pytest.mark.slow
def test_the_index_is_that_of_the_installed_harness() -> None:
    script = Path(__file__).parents[3] / "scripts" / "generate_task_index.py"
    done = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_prompts_of_messages_hash_as_the_stock_harness_hashes_them() -> None:
    content = "Zürich"
    prompt = ChatPrompt.of([{"role": "user", "content": content}])
    stock = json.dumps([{"role": "user", "content": content}], ensure_ascii=False)
    assert hashlib.sha256(prompt.encode()).hexdigest() == hashlib.sha256(stock.encode()).hexdigest()
