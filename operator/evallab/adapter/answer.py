"""What is asked of an endpoint and what comes back, as values. `payloads` of adapters build requests, `client` asks."""

from dataclasses import dataclass, field, replace
from typing import Any, Self

from evallab.adapter.endpoint import Route
from evallab.api.contract import Json

TOO_LONG = "too_long"
NO_CONTENT = "no_content"
REFUSED = "refused"
UNREACHABLE = "unreachable"
OVERLOADED = "overloaded"  #: 429 or 5xx until patience ended
PASSING = frozenset({UNREACHABLE, OVERLOADED})  #: errors that another attempt may not see


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request. With `scored_from` it asks for log-likelihood: of the prompt's tokens from that position on."""

    route: Route
    payload: Json
    scored_from: int | None = None


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One answer, or the reason why there is none (`error`: a sentence, `error_kind`: for counting)."""

    text: str | None = None
    reasoning: str | None = None
    logprob: float | None = None
    greedy: bool | None = None
    finish_reason: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    latency_ms: float | None = None
    error: str | None = None
    error_kind: str | None = None
    resumed: bool = field(default=False, compare=False)  #: it was kept from an earlier attempt

    @property
    def truncated(self) -> bool:
        """Whether generation stopped because the budget was used up."""
        return self.logprob is None and self.finish_reason == "length"

    def to_json(self) -> Json:
        """Return the form kept in the spool."""
        return {key: value for key, value in vars(self).items() if value is not None and key != "resumed"}

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> Self:
        """Return the answer kept in the spool."""
        return replace(cls(**kept), resumed=True)


def failed(kind: str, sentence: str, **known: Any) -> Answer:
    """Return the absence of an answer."""
    return Answer(error=sentence, error_kind=kind, **known)
