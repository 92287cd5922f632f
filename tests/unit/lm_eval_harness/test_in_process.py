"""A model that lm-eval loads itself: answers in the order of the questions, each told once, nothing cut silently."""

from types import SimpleNamespace
from typing import Any

import pytest

from evallab.adapter.answer import TOO_LONG, Answer, failed
from evallab.api.contract import InProcessSpec, JobSpec, JobSpecModel
from evallab.api.errors import AdapterFailed
from evallab_adapters.lm_eval_harness import in_process
from evallab_adapters.lm_eval_harness.adapter import quiet
from evallab_adapters.lm_eval_harness.in_process import InProcessModel
from evallab_adapters.lm_eval_harness.model import Asked
from evallab_adapters.lm_eval_harness.parameters import parse_parameters


class Backend:
    """A back end whose tokens are characters; it answers the longest first, as lm-eval's own do."""

    max_length = 20
    device = "cpu"

    def __init__(self, template: str | None = None) -> None:
        self.tokenizer = SimpleNamespace(encode=lambda text, **_: list(text.encode()))
        self._template = template

    def set_cache_hook(self, hook: Any) -> None:
        self.hook = hook

    def tok_encode(self, text: str) -> list[int]:
        return [1] * len(text)

    def chat_template(self, _name: bool | str) -> str | None:
        return self._template

    def apply_chat_template(self, messages: list[dict[str, Any]], add_generation_prompt: bool) -> str:
        return "".join(f"<{each['content']}>" for each in messages) + "!" * add_generation_prompt

    def generate_until(self, requests: list[Any]) -> list[str]:
        for each in sorted(requests, key=lambda request: -len(request.args[0])):
            self.hook.add_partial("generate_until", each.args, "")
        return [f"{each.args[0]}?" for each in requests]

    def loglikelihood(self, requests: list[Any]) -> list[tuple[float, bool]]:
        return [(-float(len(each.args[1])), True) for each in requests]  # tells nobody

    def loglikelihood_rolling(self, requests: list[Any]) -> list[float]:
        return [-2.0 for _ in requests]


def model(monkeypatch: pytest.MonkeyPatch, backend: Backend, **parameters: Any) -> InProcessModel:
    monkeypatch.setattr(in_process, "_loaded", lambda *_: backend)
    asked = InProcessSpec(backend="hf", pretrained="/weights", args={"dtype": "float32"})
    spec = JobSpec(
        id="j",
        provider_id="lm_evaluation_harness",
        benchmark_id="b",
        benchmark_index=0,
        model=JobSpecModel(name="m"),
        parameters=parameters,
        callback_url="",
    )
    return InProcessModel(spec, asked, parse_parameters(spec))


def asked_of(*arguments: tuple[Any, ...]) -> list[Asked]:
    return [Asked(SimpleNamespace(args=each)) for each in arguments]


def test_texts_come_in_the_order_of_the_questions_and_each_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []
    few = {"max_gen_toks": 5}
    asked = asked_of(("ab", few), ("x" * 16, few), ("abcd", few), ("ab", few))
    answers = model(monkeypatch, Backend()).replies("generate_until", asked, lambda position, _: told.append(position))
    sentence = "The prompt is too long: 16 tokens and 5 to generate, the context holds 20."
    assert answers == [
        Answer(text="ab?", prompt_tokens=2),
        failed(TOO_LONG, sentence, prompt_tokens=16),
        Answer(text="abcd?", prompt_tokens=4),
        Answer(text="ab?", prompt_tokens=2),
    ]
    assert (told[:2], sorted(told)) == ([1, 2], [0, 1, 2, 3])


def test_likelihoods_are_told_at_the_end_by_a_back_end_that_tells_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []
    loaded = model(monkeypatch, Backend())
    scored = loaded.replies("loglikelihood", asked_of(("q", " a"), ("q", "x" * 30)), lambda *at: told.append(at[0]))
    assert (scored[0], scored[1].error_kind) == (Answer(logprob=-2.0, greedy=True, prompt_tokens=3), TOO_LONG)
    assert sorted(told) == [0, 1]
    whole = loaded.replies("loglikelihood_rolling", asked_of(("a long text of many tokens",)), lambda *_: None)
    assert whole == [Answer(logprob=-2.0)]


def test_a_chat_template_is_the_models_own(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = model(monkeypatch, Backend("{{ messages }}"), apply_chat_template=True)
    prompt = loaded.apply_chat_template([{"role": "user", "content": "hi"}])
    assert (str(prompt), prompt.messages) == ("<hi>!", ({"role": "user", "content": "hi"},))
    assert loaded.answered_by["chat_template_sha256"] is not None
    with pytest.raises(AdapterFailed, match="The model has no chat template"):
        model(monkeypatch, Backend(), apply_chat_template=True)


def test_what_answered_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = model(monkeypatch, Backend()).answered_by
    assert facts["served"].pop("packages")["lm-eval"]
    assert (facts["endpoint"], facts["max_model_len"], facts["served"]) == (
        "in process",
        20,
        {"backend": "hf", "device": "cpu", "dtype": "float32", "args": {"dtype": "float32"}},
    )


def test_without_the_packages_of_the_back_end_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    with pytest.raises(AdapterFailed, match="lm-eval's back end 'hf' could not load the model") as raised:
        in_process._loaded(InProcessSpec(backend="hf", pretrained="/weights"), 1)
    assert raised.value.remedy.startswith("Check spec.model.inProcess.parameters")


def test_vllm_keeps_its_progress_bar_because_it_divides_by_the_time_on_it() -> None:
    assert [("TQDM_DISABLE" in quiet(backend)) for backend in (None, "hf", "vllm")] == [True, True, False]
