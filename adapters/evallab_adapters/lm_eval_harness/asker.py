"""Turns the harness's three kinds of requests into requests to the endpoint, and answers back. Used by `model`.

What cannot be asked (too long for the context) becomes an error of its sample without a request. Requests are made as
they are drawn: ids lie in arrays until then, so a big benchmark fits into memory.
"""

from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import overload

from evallab.adapter.answer import TOO_LONG, Answer, Request, failed
from evallab.adapter.client import OnAnswer, OpenAIClient
from evallab.adapter.spool import Spool
from evallab.api.contract import Json
from evallab_adapters.lm_eval_harness import payloads
from evallab_adapters.lm_eval_harness.answers import scored_text
from evallab_adapters.lm_eval_harness.pairs import IdPair, Pair, encode_pairs, prefix_required, windows
from evallab_adapters.lm_eval_harness.prompts import ChatPrompt
from evallab_adapters.lm_eval_harness.tokens import Ids, Tokens

Plan = Callable[[], Request] | Answer
_AT_ONCE = 1024


@dataclass(frozen=True, kw_only=True)
class Generation:
    """One text to be generated; `repeat` counts the times the same question is asked."""

    prompt: str
    gen_kwargs: Json
    repeat: int = 0


@dataclass(frozen=True, kw_only=True)
class Asker:
    """Everything that asking needs; `max_length` is the model's context, `bos` is put first when asked for."""

    client: OpenAIClient
    spool: Spool
    asking: payloads.Asking
    tokens: Tokens | None
    chat: bool = False
    max_length: int | None = None
    prefix: int | None = None
    bos: int | None = None

    async def generate(self, wanted: Sequence[Generation], on_answer: OnAnswer) -> list[Answer]:
        """Generate; the answers hold the text that is scored, the reasoning apart."""
        plans = await self.plan_generation(wanted)
        answers = await self._ask(plans, on_answer)
        return [
            scored_text(self.asking, answer, each.gen_kwargs, chat=self.chat)
            for answer, each in zip(answers, wanted, strict=True)
        ]

    async def plan_generation(self, wanted: Sequence[Generation]) -> list[Plan]:
        """Return what would be asked."""
        if self.chat:
            return [partial(self._chat, each) for each in wanted]
        if self.tokens is None:
            return [partial(self._completion, each, str(each.prompt)) for each in wanted]
        plans: list[Plan] = []
        for start in range(0, len(wanted), _AT_ONCE):
            chunk = wanted[start : start + _AT_ONCE]
            encoded = await self.tokens.encode([str(each.prompt) for each in chunk])
            plans += [self._sized(each, ids) for each, ids in zip(chunk, encoded, strict=True)]
        return plans

    async def score(self, wanted: Sequence[Pair], on_answer: OnAnswer) -> list[Answer]:
        """Score continuations after contexts."""
        return await self._ask(await self._plan_scoring(await self._encoded(wanted)), on_answer)

    async def roll(self, texts: Sequence[str], on_answer: OnAnswer) -> list[Answer]:
        """Score whole texts; a text longer than the context is scored window by window."""
        prefix = prefix_required(self.prefix)
        encoded = await self.tokens.encode(texts) if self.tokens else []
        longest = (self.max_length or 2048) - 2
        pieces = [list(windows(ids, prefix=prefix, longest=longest)) for ids in encoded]
        flat = await self._ask(await self._plan_scoring([pair for piece in pieces for pair in piece]), lambda *_: None)
        answers, found = [], iter(flat)
        for position, piece in enumerate(pieces):
            answers.append(_summed([next(found) for _ in piece]))
            on_answer(position, answers[-1])
        return answers

    async def _encoded(self, wanted: Sequence[Pair]) -> list[IdPair]:
        if self.tokens is None:
            raise RuntimeError("Scoring was not preflighted.")
        return await encode_pairs(self.tokens, wanted, prefix=self.prefix, bos=self.bos)

    async def _plan_scoring(self, pairs: Sequence[IdPair]) -> list[Plan]:
        return [
            self._too_long(len(context) + len(continuation), 1)
            or partial(payloads.scoring, self.asking, context, continuation)
            for context, continuation in pairs
        ]

    async def _ask(self, plans: Sequence[Plan], on_answer: OnAnswer) -> list[Answer]:
        answers = [plan if isinstance(plan, Answer) else None for plan in plans]
        for position, answer in enumerate(answers):
            if answer is not None:
                on_answer(position, answer)
        asked = [(position, plan) for position, plan in enumerate(plans) if not isinstance(plan, Answer)]

        def tell(index: int, answer: Answer) -> None:
            answers[asked[index][0]] = answer
            on_answer(asked[index][0], answer)

        await self.client.ask_all(_Made([plan for _, plan in asked]), spool=self.spool, on_answer=tell)
        return [answer for answer in answers if answer is not None]

    def _chat(self, wanted: Generation) -> Request:
        messages = wanted.prompt.messages if isinstance(wanted.prompt, ChatPrompt) else ()
        return payloads.chat(self.asking, messages, wanted.gen_kwargs, wanted.repeat)

    def _completion(self, wanted: Generation, prompt: "str | Ids") -> Request:
        return payloads.completion(self.asking, prompt, wanted.gen_kwargs, wanted.repeat)

    def _sized(self, wanted: Generation, ids: Ids) -> Plan:
        if self.bos is not None and (not ids or ids[0] != self.bos):
            ids = array("I", [self.bos]) + ids
        return self._too_long(len(ids), payloads.budget(wanted.gen_kwargs)) or partial(self._completion, wanted, ids)

    def _too_long(self, prompt: int, new: int) -> Answer | None:
        if self.max_length is None or prompt + new <= self.max_length:
            return None
        sentence = (
            f"The prompt is too long: {prompt} tokens and {new} to generate, the context holds {self.max_length}."
        )
        return failed(TOO_LONG, sentence, prompt_tokens=prompt)


class _Made(Sequence[Request]):
    """Requests that are made when they are drawn."""

    def __init__(self, makers: Sequence[Callable[[], Request]]) -> None:
        self._makers = makers

    def __len__(self) -> int:
        return len(self._makers)

    @overload
    def __getitem__(self, index: int) -> Request: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Request]: ...

    def __getitem__(self, index: int | slice) -> Request | Sequence[Request]:
        return _Made(self._makers[index]) if isinstance(index, slice) else self._makers[index]()

    def __iter__(self) -> Iterator[Request]:
        return (make() for make in self._makers)


def _summed(parts: Sequence[Answer]) -> Answer:
    """Return one answer for the windows of a text: the first error, or the sum."""
    if not parts:
        return failed(TOO_LONG, "The text has no tokens.")
    if missing := next((part for part in parts if part.error is not None), None):
        return missing
    return replace(
        parts[0],
        logprob=sum(part.logprob or 0.0 for part in parts),
        greedy=all(part.greedy for part in parts),
        prompt_tokens=sum(part.prompt_tokens or 0 for part in parts),
        completion_tokens=sum(part.completion_tokens or 0 for part in parts),
        latency_ms=sum(part.latency_ms or 0.0 for part in parts),
    )
