"""What a refusal of a model server means: ask again, missing for this sample, or the end. Pure; for `client`."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal

from evallab.adapter.answer import OVERLOADED, REFUSED, TOO_LONG

_RETRIED = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
_FATAL = frozenset({401, 403, 404, 405})
_LENGTH_WORDS = (
    "context length",
    "context window",
    "maximum context",
    "context size",
    "max_model_len",
    "too long",
    "too many tokens",
    "exceeds the model",
    "longer than the maximum",
)


@dataclass(frozen=True)
class Failure:
    """What to do about a status, and the server's own words."""

    verdict: Literal["retry", "sample", "fatal"]
    kind: str
    sentence: str


def classify(status: int, body: str) -> Failure:
    """Judge a reply that is not a success."""
    words = server_words(body)
    if status in _RETRIED:
        return Failure("retry", OVERLOADED, f"The model server answered HTTP {status}: {words}")
    if status in _FATAL:
        return Failure("fatal", f"http_{status}", _fatal_sentence(status, words))
    if any(word in words.lower() for word in _LENGTH_WORDS):
        return Failure("sample", TOO_LONG, f"The prompt is too long for the model: {words}")
    return Failure("sample", REFUSED, f"The model server refused the request (HTTP {status}): {words}")


def server_words(body: str) -> str:
    """Return the message inside an error body, shortened."""
    try:
        content = json.loads(body)
    except ValueError:
        return body.strip()[:300] or "(no message)"
    error = content.get("error", content) if isinstance(content, dict) else content
    if isinstance(error, dict):
        error = error.get("message") or error.get("detail") or error
    return (error if isinstance(error, str) else json.dumps(error))[:300]


def retry_after(header: str | None, *, longest: float = 120.0) -> float | None:
    """Return the seconds that a Retry-After header asks for (a number or a date), at most `longest`."""
    if not header:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return None
    return min(max(seconds, 0.0), longest)


def _fatal_sentence(status: int, words: str) -> str:
    if status in {401, 403}:
        return f"The model server refused the credentials (HTTP {status}): {words}"
    return f"The model server does not know this endpoint or this model (HTTP {status}): {words}"
