"""From a prompt to an answer, token by token, with the rules that end it; `parts` turns the steps into API answers."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from evallab.modelserver.reference.checkpoint import Array
from evallab.modelserver.reference.engine import Engine
from evallab.modelserver.reference.sampling import Sampling, choose
from evallab.modelserver.reference.vocabulary import Vocabulary

_UNFINISHED = "�"  # what half of a multi-byte character decodes to


@dataclass(frozen=True)
class Prefill:
    """A prompt that went through the model: answers start from it, any number of them."""

    ids: list[int]
    rows: Array
    """Log-probabilities after each prompt token, or after the last one only."""
    cache: list[Array]


@dataclass(frozen=True)
class Step:
    """One generated token; `row` is what it was chosen from, `text` what may be shown now."""

    token: int
    row: Array
    text: str
    finish_reason: str | None = None
    stop_reason: str | int | None = None


def prefill(engine: Engine, ids: list[int], *, every_row: bool) -> Prefill:
    """Run the prompt through the model."""
    cache = engine.new_cache()
    return Prefill(ids, engine.forward(ids, cache, 0, last_only=not every_row), cache)


def steps(engine: Engine, vocabulary: Vocabulary, start: Prefill, sampling: Sampling) -> Iterator[Step]:
    """Yield the answer's tokens; the last step has a finish_reason.

    The token that ends the answer is a step too, with its log-probability, as in vLLM: lm-evaluation-harness drops
    the last entry of what it gets, and without the end token that would be a token of the continuation.
    """
    random = np.random.default_rng(sampling.seed)
    shown = _Shown(vocabulary, sampling)
    row, position = start.rows[-1], len(start.ids)
    for left in reversed(range(min(sampling.max_tokens, engine.context - len(start.ids)))):
        token = choose(row, sampling, random)
        step = shown.step(token, row, last=left == 0)
        yield step
        if step.finish_reason:
            return
        row = engine.forward([token], start.cache, position)[0]
        position += 1


class _Shown:
    """The text of the tokens so far, released as soon as no stop string can still take it back."""

    def __init__(self, vocabulary: Vocabulary, sampling: Sampling) -> None:
        self._vocabulary, self._sampling = vocabulary, sampling
        self._ids: list[int] = []
        self._released = 0
        self._held = max((len(stop) for stop in sampling.stop), default=1) - 1

    def step(self, token: int, row: Array, *, last: bool) -> Step:
        self._ids.append(token)
        sampling = self._sampling
        if token in self._vocabulary.end_ids and not sampling.ignore_eos:
            return Step(token, row, self._release(self._text()), "stop")
        if token in sampling.stop_token_ids:
            return Step(token, row, self._release(self._text()), "stop", token)
        text = self._text()
        found = min(((text.index(stop), stop) for stop in sampling.stop if stop in text), default=None)
        if found:
            end = found[0] + (len(found[1]) if sampling.include_stop else 0)
            return Step(token, row, self._release(text[:end]), "stop", found[1])
        if last:
            return Step(token, row, self._release(text), "length")
        return Step(token, row, self._release(text.rstrip(_UNFINISHED), self._held))

    def _text(self) -> str:
        return self._vocabulary.decode(self._ids)

    def _release(self, text: str, held: int = 0) -> str:
        end = max(self._released, len(text) - held)
        fresh, self._released = text[self._released : end], end
        return fresh
