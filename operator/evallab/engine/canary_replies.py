"""Bodies of OpenAI-compatible replies to the answers that the canary compares. Pure; used by `canary_asking`."""

from collections.abc import Sequence
from math import isfinite
from typing import Any

import httpx

from evallab.adapter.endpoint import Route
from evallab.planning.canary_passes import Answer


def content(reply: httpx.Response) -> Any:
    """Return the decoded body, or None when it is not JSON."""
    try:
        return reply.json()
    except ValueError:
        return None


def answer(route: Route, body: Any) -> Answer | None:
    """Return the answer in a successful reply, None where there is none."""
    try:
        choice = body["choices"][0]
        text = _said(choice["message"]) if route == "chat" else choice["text"]
        usage = body.get("usage") or {}
        tokens, logprobs, gaps = _scored(choice.get("logprobs"))
    except (KeyError, IndexError, TypeError, AttributeError, ValueError):
        return None
    return Answer(
        text=text or "",
        tokens=tokens,
        logprobs=logprobs,
        gaps=gaps,
        finish=choice.get("finish_reason"),
        prompt_tokens=usage.get("prompt_tokens"),
    )


def context(body: Any, model: str) -> int | None:
    """Return how many tokens a model takes, from GET /v1/models."""
    cards = body.get("data") if isinstance(body, dict) else None
    cards = [each for each in cards if isinstance(each, dict)] if isinstance(cards, list) else []
    card = next((each for each in cards if each.get("id") == model), cards[0] if cards else {})
    found = card.get("max_model_len")
    return found if isinstance(found, int) and found > 0 else None


def _said(message: dict[str, Any]) -> str:
    reasoning = message.get("reasoning_content") or message.get("reasoning") or ""
    return f"{reasoning}{message.get('content') or ''}"


Scored = tuple[tuple[str, ...] | None, tuple[float | None, ...] | None, tuple[float | None, ...] | None]


def _scored(said: Any) -> Scored:
    """Read log-probabilities in either shape: one object per token, or lists side by side."""
    if not said:
        return None, None, None
    if isinstance(said.get("content"), list):
        each = said["content"]
        tops = [[float(top["logprob"]) for top in token.get("top_logprobs") or ()] for token in each]
        return tuple(str(token["token"]) for token in each), _finite([t["logprob"] for t in each]), _gaps(tops)
    tops = [list(map(float, top.values())) if top else [] for top in said.get("top_logprobs") or ()]
    return tuple(map(str, said["tokens"])), _finite(said.get("token_logprobs") or ()), _gaps(tops)


def _finite(values: Sequence[Any]) -> tuple[float | None, ...]:
    return tuple(float(value) if value is not None and isfinite(value) else None for value in values)


def _gaps(tops: Sequence[list[float]]) -> tuple[float | None, ...]:
    """Return how far the likeliest token was ahead of the next."""
    ordered = (sorted(top, reverse=True)[:2] for top in tops)
    return _finite([top[0] - top[1] if len(top) == 2 else None for top in ordered])
