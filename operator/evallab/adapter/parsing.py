"""Bodies of OpenAI-compatible replies to answers. Pure; used by `client` and by preflight checks.

Null or missing text is an error of that request, never an empty (and therefore wrong) answer. An empty text that the
model ended by itself is an answer.
"""

from typing import Any

from evallab.adapter.answer import NO_CONTENT, REFUSED, Answer, Request, failed
from evallab.api.contract import Json


def parse(request: Request, body: Json, latency_ms: float) -> Answer:
    """Return the answer in a successful reply."""
    usage = body.get("usage") or {}
    known = {
        "prompt_tokens": usage.get("prompt_tokens"),
        "completion_tokens": usage.get("completion_tokens"),
        "latency_ms": round(latency_ms, 2),
    }
    choices = body.get("choices") or []
    if not choices or not isinstance(choices[0], dict):
        return failed(NO_CONTENT, "The server's reply has no choices.", **known)
    choice = choices[0]
    known["finish_reason"] = choice.get("finish_reason")
    if request.scored_from is not None:
        return _scored(request, choice, known)
    return _generated(request, choice, known)


def _generated(request: Request, choice: Json, known: Json) -> Answer:
    message = (choice.get("message") or {}) if request.route == "chat" else choice
    text = message.get("content" if request.route == "chat" else "text")
    reasoning = message.get("reasoning_content") or message.get("reasoning") or None
    if known["finish_reason"] == "content_filter":
        return failed(REFUSED, "The server's content filter withheld the answer.", reasoning=reasoning, **known)
    if not isinstance(text, str) or (text == "" and not _ended_by_itself(reasoning, known)):
        return failed(NO_CONTENT, _absence(reasoning, known), reasoning=reasoning, **known)
    return Answer(text=text, reasoning=reasoning, **known)


def _ended_by_itself(reasoning: str | None, known: Json) -> bool:
    return known["finish_reason"] == "stop" or (known["finish_reason"] == "length" and not reasoning)


def _absence(reasoning: str | None, known: Json) -> str:
    if known["finish_reason"] == "length":
        used = " while the model was still reasoning" if reasoning else ""
        return f"No answer: the token budget was used up{used} (raise max_gen_toks)."
    return f"The server returned no text (finish_reason {known['finish_reason']!r})."


def _scored(request: Request, choice: Json, known: Json) -> Answer:
    """Sum by position, not by distance from the end: whether the generated token is echoed too makes no difference."""
    sent, start = len(request.payload["prompt"]), request.scored_from or 0
    logprobs = choice.get("logprobs") or {}
    values = (logprobs.get("token_logprobs") or [])[:sent]
    tops = (logprobs.get("top_logprobs") or [])[:sent]
    span = values[start:]
    if len(values) < sent or not span or any(not isinstance(value, (int, float)) for value in span):
        missing = f"{len(values)} log-probabilities for {sent} tokens"
        return failed(NO_CONTENT, f"The server did not score the whole prompt ({missing}).", **known)
    return Answer(logprob=sum(span), greedy=_greedy(span, tops[start:]), **known)


def _greedy(values: list[float], tops: list[dict[str, Any] | None]) -> bool:
    """Whether every token is its position's most likely one, as the stock harness decides it."""
    best = (max(top.values()) if top else None for top in tops)
    return len(tops) == len(values) and all(value == top for value, top in zip(values, best, strict=True))
