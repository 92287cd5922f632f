"""The pieces of an answer: streaming sends them one by one, everything else joins them, so both say the same."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from evallab.modelserver.reference.checkpoint import Array
from evallab.modelserver.reference.engine import Engine
from evallab.modelserver.reference.generation import Prefill, Step, prefill, steps
from evallab.modelserver.reference.sampling import Sampling, most_likely
from evallab.modelserver.reference.vocabulary import Vocabulary


@dataclass(frozen=True)
class TokenScore:
    """A token's log-probability and the most likely alternatives; both None for a prompt's first token."""

    token: int
    logprob: float | None
    top: tuple[tuple[int, float], ...] | None


@dataclass(frozen=True)
class Question:
    """One prompt of a request."""

    ids: list[int]
    text: str


@dataclass(frozen=True)
class Order:
    """Everything about a request that the computation needs."""

    questions: Sequence[Question]
    sampling: Sampling
    choices: int = 1
    echo: bool = False
    top: int | None = None
    """How many alternatives per token; None: no log-probabilities at all."""


@dataclass(frozen=True)
class Part:
    """A piece of the choice `index`; `generated` counts its generated tokens."""

    index: int
    text: str
    scores: tuple[TokenScore, ...] = ()
    generated: int = 0
    finish_reason: str | None = None
    stop_reason: str | int | None = None


def parts(engine: Engine, vocabulary: Vocabulary, order: Order, check: Callable[[], None]) -> Iterator[Part]:
    """Yield the parts of every choice in order; `check` is called before each computation and may raise to end it."""
    index = 0
    for question in order.questions:
        check()
        start = prefill(engine, question.ids, every_row=order.echo and order.top is not None)
        for choice in range(order.choices):
            yield from _opening(index, question, start, order)
            sampling = order.sampling.of_choice(choice)
            for step in steps(engine, vocabulary, start, sampling):
                yield _part(index, step, order.top)
                check()
            index += 1


def join(pieces: Sequence[Part]) -> Part:
    """Return the one part that says what all `pieces` of a choice said."""
    return replace(
        pieces[-1],
        text="".join(piece.text for piece in pieces),
        scores=tuple(score for piece in pieces for score in piece.scores),
        generated=sum(piece.generated for piece in pieces),
    )


def _opening(index: int, question: Question, start: Prefill, order: Order) -> Iterator[Part]:
    """Yield what comes before the first generated token: the echo, and the end where nothing is to be generated."""
    if order.echo:
        yield Part(index, question.text, _prompt_scores(question.ids, start.rows, order.top))
    if order.sampling.max_tokens == 0:
        yield Part(index, "", finish_reason="length")


def _part(index: int, step: Step, top: int | None) -> Part:
    scores = () if top is None else _scores([step.token], step.row[None], top)
    return Part(index, step.text, scores, 1, step.finish_reason, step.stop_reason)


def _prompt_scores(ids: list[int], rows: Array, top: int | None) -> tuple[TokenScore, ...]:
    """Score every prompt token by the row before it; nothing predicts the first."""
    if top is None:
        return ()
    return (TokenScore(ids[0], None, None), *_scores(ids[1:], rows[: len(ids) - 1], top))


def _scores(ids: list[int], rows: Array, top: int) -> tuple[TokenScore, ...]:
    if not ids:
        return ()
    best = most_likely(rows, top)
    logprobs: list[float] = rows[np.arange(len(ids)), ids].tolist()
    values: list[list[float]] = np.take_along_axis(rows, best, axis=-1).tolist()
    pairs = (tuple(zip(numbers, each, strict=True)) for numbers, each in zip(best.tolist(), values, strict=True))
    return tuple(map(TokenScore, ids, logprobs, pairs))
