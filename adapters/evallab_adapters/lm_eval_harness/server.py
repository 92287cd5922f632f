"""What a model server says of itself: names, version, context length, tokenizer. `adapter` looks once, before it asks.

What stays the same between two looks goes into `answered_by` (and so into the setup key); dates and ids do not.
"""

import asyncio
from dataclasses import dataclass

from evallab.adapter.client import OpenAIClient
from evallab.adapter.connection import Reply
from evallab.api.contract import Json
from evallab.api.errors import ModelServerFailed

_STABLE = ("id", "root", "parent", "owned_by", "max_model_len", "meta")
_TRIES = 5


@dataclass(frozen=True, kw_only=True)
class Server:
    """The facts. `tokenizer` is /tokenizer_info where there is one; `tokenizes` whether /tokenize works."""

    names: tuple[str, ...] = ()
    model: Json | None = None
    version: Json | None = None
    tokenizer: Json | None = None
    tokenizes: bool = False

    @property
    def max_model_len(self) -> int | None:
        """The context length, if the server tells."""
        value = (self.model or {}).get("max_model_len") or (self.model or {}).get("max_context_length")
        return int(value) if isinstance(value, int) else None

    def serving(self) -> str:
        """Return a half sentence on what is served, for messages."""
        return f"it serves: {', '.join(self.names)}" if self.names else "it does not list its models"


async def look(client: OpenAIClient, name: str) -> Server:
    """Ask the server about itself; only that it is there is required."""
    models = await _reached(client)
    where, connection = client.where, client.connection
    entries = [entry for entry in _data(models) if isinstance(entry, dict) and "id" in entry]
    mine = next((entry for entry in entries if entry["id"] == name), None)
    tokenized = await connection.post(
        where.server("/tokenize"), {"model": name, "prompt": "a", "add_special_tokens": False}
    )
    return Server(
        names=tuple(str(entry["id"]) for entry in entries),
        model={key: mine[key] for key in _STABLE if key in mine} if mine else None,
        version=_object(await connection.get(where.server("/version"))),
        tokenizer=_object(await connection.get(where.server("/tokenizer_info"))),
        tokenizes=tokenized.ok and _some((tokenized.json() or {}).get("tokens")),
    )


async def _reached(client: OpenAIClient) -> Reply:
    """List the models; a server that cannot be reached at all gets a few seconds."""
    for attempt in range(_TRIES):
        reply = await client.connection.get(client.where.models)
        if reply.status:
            return reply
        if attempt + 1 < _TRIES:
            await asyncio.sleep(0.5 * 2.0**attempt)
    raise ModelServerFailed(
        f"The model server at {client.where.api} cannot be reached: {reply.body}.",
        remedy="Check model.url, and that the server runs and can be reached from here.",
    )


def _data(reply: Reply) -> list[object]:
    body = reply.json() if reply.ok else None
    data = body.get("data") if isinstance(body, dict) else None
    return data if isinstance(data, list) else []


def _some(tokens: object) -> bool:
    """Say whether these are tokens: llama.cpp has another /tokenize, which answers this question with none."""
    return isinstance(tokens, list) and bool(tokens)


def _object(reply: Reply) -> Json | None:
    body = reply.json() if reply.ok else None
    return body if isinstance(body, dict) else None
