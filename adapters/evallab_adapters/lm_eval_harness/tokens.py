"""Texts to token ids: with a tokenizer file next to us, or by asking the server. Used by `model` and `preflight`.

Log-likelihood needs ids, to know where the context ends. The server is asked concurrently and once per text.
"""

import hashlib
import json
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from evallab.adapter.client import OpenAIClient
from evallab.adapter.concurrently import each
from evallab.api.contract import Json
from evallab.api.errors import AdapterFailed, ModelServerFailed
from evallab_adapters.lm_eval_harness.server import Server

Ids: TypeAlias = "array[int]"  #: of type code I: a tenth of a list's memory
PROBES = ("The quick brown fox jumps over 13 lazy dogs.\n\n  def f(x):\n\treturn x**2", "Zürich, 東京 🙂", "")


class Tokens(Protocol):
    """A tokenizer that adds no special tokens by itself."""

    special: Json  #: bos_token, eos_token, chat_template as far as known

    async def encode(self, texts: Sequence[str]) -> list[Ids]:
        """Return the ids of each text."""


class LocalTokens:
    """A `tokenizer.json` next to us."""

    def __init__(self, path: Path) -> None:
        """Read a tokenizer file, or the directory that holds one."""
        from tokenizers import Tokenizer

        file = path / "tokenizer.json" if path.is_dir() else path
        if not file.is_file():
            raise AdapterFailed(
                f"There is no tokenizer at {path}.", remedy="Name a tokenizer.json or the directory that holds one."
            )
        self._tokenizer = Tokenizer.from_file(str(file))
        self.special = _special(_config(file.parent))

    async def encode(self, texts: Sequence[str]) -> list[Ids]:
        """Return the ids of each text."""
        encoded = self._tokenizer.encode_batch(list(texts), add_special_tokens=False)
        return [array("I", encoding.ids) for encoding in encoded]


class RemoteTokens:
    """The server's /tokenize."""

    def __init__(self, client: OpenAIClient, model: str, info: Json | None) -> None:
        """Use the server's own tokenizer; `info` is its /tokenizer_info."""
        self._client = client
        self._model = model
        self._known: dict[str, Ids] = {}
        self.special = _special(info or {})

    async def encode(self, texts: Sequence[str]) -> list[Ids]:
        """Return the ids of each text; each distinct text is asked once."""
        self._known = {text: self._known[text] for text in texts if text in self._known}
        new = list(dict.fromkeys(text for text in texts if text not in self._known))
        await each(new, self._ask, at_once=self._client.connection.patience.widest)
        return [self._known[text] for text in texts]

    async def _ask(self, text: str) -> None:
        payload = {"model": self._model, "prompt": text, "add_special_tokens": False}
        reply = await self._client.connection.insist(self._client.where.server("/tokenize"), payload)
        tokens = (reply.json() or {}).get("tokens") if reply.ok else None
        if not reply.status or reply.status >= 500:  # it answered before: the server died, and may be back for a retry
            raise ModelServerFailed(f"The model server's /tokenize stopped answering: {reply.body[:300]}")
        if not isinstance(tokens, list):
            raise AdapterFailed(
                f"The server's /tokenize failed (HTTP {reply.status}).",
                remedy="Name a local tokenizer with the parameter tokenizer.",
            )
        self._known[text] = array("I", tokens)


def choose(client: OpenAIClient, model: str, server: Server, file: Path | None) -> Tokens | None:
    """Return the tokenizer: the named file, else the server's, else none."""
    if file is not None:
        return LocalTokens(file)
    return RemoteTokens(client, model, server.tokenizer) if server.tokenizes else None


async def fingerprint(tokens: Tokens) -> str:
    """Return what identifies a tokenizer wherever it runs: a hash of the ids of fixed texts."""
    ids = [list(encoded) for encoded in await tokens.encode(PROBES)]
    return hashlib.sha256(json.dumps(ids).encode()).hexdigest()


def _config(directory: Path) -> Json:
    file = directory / "tokenizer_config.json"
    config = json.loads(file.read_text()) if file.is_file() else {}
    template = directory / "chat_template.jinja"
    return {**({"chat_template": template.read_text()} if template.is_file() else {}), **config}


def _special(config: Json) -> Json:
    """Return the special tokens as strings; tokenizer files may wrap them."""

    def text(value: Any) -> str | None:
        return value.get("content") if isinstance(value, dict) else value

    special = {name: text(config.get(name)) for name in ("bos_token", "eos_token")}
    return {**special, "chat_template": config.get("chat_template")}
