"""The harness's view of a model: three kinds of requests, answered through our client. `adapter` owns one.

`replies` says of each request what came back, errors included; the three methods that the harness knows wrap it and
refuse to pass an error off as an answer.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from lm_eval.api.instance import Instance
from lm_eval.api.model import LM

from evallab.adapter.answer import Answer
from evallab.adapter.client import OnAnswer
from evallab.api.contract import Json
from evallab.api.errors import AdapterFailed
from evallab_adapters.lm_eval_harness.asker import Asker, Generation
from evallab_adapters.lm_eval_harness.prompts import ChatPrompt, ChatTemplate


@dataclass(frozen=True)
class Asked:
    """One request of the harness, the `repeat`-th time."""

    instance: Any
    repeat: int = 0


class Answering(Protocol):
    """What the questions of a benchmark are put to: a model behind an endpoint, or one that the harness loaded."""

    @property
    def tokenizer_name(self) -> str:
        """Return what identifies tokenizer and template, for the harness's own caches."""

    def apply_chat_template(self, chat_history: list[Json], add_generation_prompt: bool = True) -> ChatPrompt:  # noqa: FBT001
        """Make a prompt of messages."""

    def replies(self, kind: str, asked: Sequence[Asked], on_answer: OnAnswer) -> list[Answer]:
        """Answer requests of one kind; raises only when nothing at all can be answered."""


class EvallabLM(LM):  # type: ignore[misc]  # the harness is untyped
    """A model behind an OpenAI-compatible endpoint."""

    def __init__(self, asker: Asker, runner: asyncio.Runner, template: ChatTemplate | None, tokenizer: str) -> None:
        """Ask through `asker` on `runner`'s loop; without a `template` the server has its own."""
        super().__init__()
        self._asker = asker
        self._runner = runner
        self._template = template
        self._tokenizer = tokenizer

    @property
    def tokenizer_name(self) -> str:
        """Return what identifies tokenizer and template, for the harness's own caches."""
        return self._tokenizer

    def apply_chat_template(self, chat_history: list[Json], add_generation_prompt: bool = True) -> ChatPrompt:  # noqa: FBT001
        """Make a prompt of messages."""
        if self._template is None:
            return ChatPrompt.of(chat_history)
        return self._template(chat_history, add_generation_prompt=add_generation_prompt)

    def replies(self, kind: str, asked: Sequence[Asked], on_answer: OnAnswer) -> list[Answer]:
        """Answer requests of one kind; raises only when nothing at all can be answered."""
        arguments = [each.instance.args for each in asked]
        if kind == "generate_until":
            wanted = [
                Generation(prompt=prompt, gen_kwargs=dict(gen_kwargs), repeat=each.repeat)
                for each, (prompt, gen_kwargs, *_) in zip(asked, arguments, strict=True)
            ]
            return self._runner.run(self._asker.generate(wanted, on_answer))
        if kind == "loglikelihood":
            return self._runner.run(
                self._asker.score([(str(first), str(second)) for first, second in arguments], on_answer)
            )
        if kind == "loglikelihood_rolling":
            return self._runner.run(self._asker.roll([str(first) for (first,) in arguments], on_answer))
        raise AdapterFailed(f"The harness asks for {kind!r}, which this adapter does not know.")

    def generate_until(self, requests: list[Instance]) -> list[str]:
        """Generate texts."""
        return self._required("generate_until", requests)

    def loglikelihood(self, requests: list[Instance]) -> list[tuple[float, bool]]:
        """Score continuations."""
        return self._required("loglikelihood", requests)

    def loglikelihood_rolling(self, requests: list[Instance]) -> list[float]:
        """Score whole texts."""
        return self._required("loglikelihood_rolling", requests)

    def _required(self, kind: str, requests: list[Instance]) -> list[Any]:
        answers = self.replies(kind, [Asked(request) for request in requests], lambda *_: None)
        if missing := next((answer for answer in answers if answer.error), None):
            raise AdapterFailed(str(missing.error))
        return [value(kind, answer) for answer in answers]


def value(kind: str, answer: Answer) -> Any:
    """Return what the harness scores: the text, (log-likelihood, greedy), or the log-likelihood of a whole text."""
    if kind == "generate_until":
        return answer.text
    return answer.logprob if kind == "loglikelihood_rolling" else (answer.logprob, bool(answer.greedy))
