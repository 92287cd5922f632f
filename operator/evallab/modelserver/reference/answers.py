"""The bodies that the server sends, in vLLM's shapes; `app` builds every answer and every stream chunk here."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from evallab.modelserver.reference.parts import Part, TokenScore
from evallab.modelserver.reference.vocabulary import Vocabulary

Body = dict[str, Any]


@dataclass(frozen=True)
class Naming:
    """How tokens are called in log-probabilities: by their text, or as `token_id:N`."""

    vocabulary: Vocabulary
    as_ids: bool = False

    def __call__(self, token: int) -> str:
        """Return the token's name."""
        return f"token_id:{token}" if self.as_ids else self.vocabulary.pieces[token]


@dataclass(frozen=True)
class Envelope:
    """What every body of one answer has in common."""

    id: str
    created: int
    model: str

    def body(self, kind: str, choices: list[Body]) -> Body:
        """Return a body of the object type `kind`."""
        return {"id": self.id, "object": kind, "created": self.created, "model": self.model, "choices": choices}


class Shape(Protocol):
    """How one API words its answers."""

    @property
    def prefix(self) -> str:
        """What ids start with."""

    @property
    def whole_kind(self) -> str:
        """The object type of a finished answer."""

    @property
    def chunk_kind(self) -> str:
        """The object type of a stream's chunk."""

    def whole(self, part: Part) -> Body:
        """Return a finished choice."""

    def chunker(self) -> Callable[[Part], list[Body]]:
        """Return what turns each part of one stream, in order, into the choices to send."""


@dataclass(frozen=True)
class CompletionShape:
    """The shape of /v1/completions."""

    name: Naming
    scored: bool
    prefix: str = "cmpl"
    whole_kind: str = "text_completion"
    chunk_kind: str = "text_completion"

    def whole(self, part: Part) -> Body:
        """Return a finished choice."""
        return self._choice(part, 0)

    def chunker(self) -> Callable[[Part], list[Body]]:
        """Count, per choice, how long the names of the tokens sent before are: text_offset goes on from there."""
        offsets: dict[int, int] = {}

        def chunk(part: Part) -> list[Body]:
            offset = offsets.get(part.index, 0)
            offsets[part.index] = offset + sum(len(self.name(score.token)) for score in part.scores)
            return [self._choice(part, offset)]

        return chunk

    def _choice(self, part: Part, offset: int) -> Body:
        scores = completion_logprobs(part.scores, self.name, offset) if self.scored else None
        return {"index": part.index, "text": part.text, "logprobs": scores} | _ending(part)


@dataclass(frozen=True)
class ChatShape:
    """The shape of /v1/chat/completions."""

    name: Naming
    scored: bool
    prefix: str = "chatcmpl"
    whole_kind: str = "chat.completion"
    chunk_kind: str = "chat.completion.chunk"

    def whole(self, part: Part) -> Body:
        """Return a finished choice."""
        return self._choice(part, "message", {"role": "assistant", "content": part.text})

    def chunker(self) -> Callable[[Part], list[Body]]:
        """Send the role once in front of each choice."""
        begun: set[int] = set()

        def chunk(part: Part) -> list[Body]:
            opening = Part(part.index, "")
            role = [] if part.index in begun else [self._choice(opening, "delta", {"role": "assistant", "content": ""})]
            begun.add(part.index)
            return [*role, self._choice(part, "delta", {"content": part.text})]

        return chunk

    def _choice(self, part: Part, key: str, value: Body) -> Body:
        scores = chat_logprobs(part.scores, self.name) if self.scored and part.scores else None
        return {"index": part.index, key: value, "logprobs": scores} | _ending(part)


def _ending(part: Part) -> Body:
    return {"finish_reason": part.finish_reason, "stop_reason": part.stop_reason}


def usage(prompt_tokens: int, generated: int) -> Body:
    """Return the token counts of an answer."""
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": generated,
        "total_tokens": prompt_tokens + generated,
    }


def completion_logprobs(scores: Sequence[TokenScore], name: Naming, offset: int = 0) -> Body:
    """Return log-probabilities in the shape of the completions API (lists side by side)."""
    names = [name(score.token) for score in scores]
    offsets = []
    for each in names:
        offsets.append(offset)
        offset += len(each)
    return {
        "text_offset": offsets,
        "token_logprobs": [score.logprob for score in scores],
        "tokens": names,
        "top_logprobs": [_top(score, name) for score in scores],
    }


def _top(score: TokenScore, name: Naming) -> Mapping[str, float] | None:
    if score.top is None or score.logprob is None:
        return None
    found: dict[str, float] = {}
    for token, logprob in (*score.top, (score.token, score.logprob)):
        found.setdefault(name(token), logprob)  # several ids may decode to one name: the likeliest stays
    return found


def chat_logprobs(scores: Sequence[TokenScore], name: Naming) -> Body:
    """Return log-probabilities in the shape of the chat API (one object per token)."""
    return {"content": [_chat_token(score, name) for score in scores]}


def _chat_token(score: TokenScore, name: Naming) -> Body:
    top = [_chat_item(token, logprob, name) for token, logprob in score.top or ()]
    return _chat_item(score.token, score.logprob, name) | {"top_logprobs": top}


def _chat_item(token: int, logprob: float | None, name: Naming) -> Body:
    return {"token": name(token), "logprob": logprob, "bytes": list(name.vocabulary.pieces[token].encode())}
