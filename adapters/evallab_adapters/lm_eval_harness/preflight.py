"""Proves, before the first question, that the server can answer this kind of question at all. `adapter` runs it.

Log-likelihood through an echoed prompt is easy to get wrong silently: servers ignore `echo`, shift the values by one
position, or leave entries out, and the scores still look like scores. So the server is compared with itself: what it
says a greedy continuation was worth while generating must be what it says when that continuation is echoed.
"""

import logging
import math
from dataclasses import dataclass
from typing import Any

from evallab.adapter.answer import Request
from evallab.adapter.client import OpenAIClient
from evallab.adapter.connection import Reply
from evallab.adapter.failures import classify
from evallab.api.contract import Json
from evallab.api.errors import AdapterFailed, EvallabError, ModelServerFailed
from evallab_adapters.lm_eval_harness.server import Server
from evallab_adapters.lm_eval_harness.tokens import Tokens

_LOG = logging.getLogger("evallab.adapter")

# Texts that no model is sure about, so that neighbouring positions have different values and a shift shows.
_PROBES = ("Lamp seven green, the 41 of river", "Question: why does", "x9 = blue(nine) and then Mara")
_NEW = 4  #: tokens generated after each probe
_TOLERANCE = 0.25  #: nats; generation and echo may run through different kernels, in 16 bit
_OTHERWISE = "Use a server whose /v1/completions supports echo with logprobs (vLLM does), or a generative benchmark."


async def can_generate(client: OpenAIClient, server: Server, request: Request) -> None:
    """Send one tiny request: the endpoint, the model's name and the parameters must be acceptable."""
    reply = await client.connection.insist(client.where.route(request.route), {**request.payload, "max_tokens": 1})
    if reply.ok:
        return
    failure = classify(reply.status, reply.body) if reply.status else None
    if failure and failure.kind == "too_long":
        return
    raise _refusal(reply, client.where.route(request.route), str(request.payload.get("model")), server)


@dataclass(frozen=True)
class EchoProof:
    """The proof that echoed log-probabilities are right."""

    client: OpenAIClient
    server: Server
    tokens: Tokens
    model: str

    async def prove(self) -> Json:
        """Raise what is wrong; return what was found, for the provenance."""
        worst, compared = 0.0, 0
        for probe, ids in zip(_PROBES, await self.tokens.encode(_PROBES), strict=True):
            generated = await self._ask(list(ids), max_tokens=_NEW)
            (await self._echo(list(ids))).check(probe, len(ids))
            difference, count = await self._difference(probe, list(ids), generated)
            worst, compared = max(worst, difference), compared + count
        _judge(worst, compared)
        return {
            "echo": "proved" if compared else "form only",
            "tokens": compared,
            "largest_difference": round(worst, 6),
        }

    async def _difference(self, probe: str, ids: list[int], generated: Json) -> tuple[float, int]:
        """Echo what was generated; return the largest difference and over how many tokens."""
        values = (generated.get("logprobs") or {}).get("token_logprobs") or []
        (encoded,) = await self.tokens.encode([probe + str(generated.get("text") or "")])
        whole, start = list(encoded), len(ids)
        new = len(whole) - start
        if whole[:start] != ids or not 0 < new <= len(values):
            return 0.0, 0  # its text is tokenised differently from how it was generated: this probe says nothing
        echo = await self._echo(whole)
        echo.check(probe, len(whole))
        pairs = zip(values[:new], echo.values[start : len(whole)], strict=True)
        return max(abs(float(said) - float(seen)) for said, seen in pairs), new

    async def _echo(self, ids: list[int]) -> "_Echo":
        return _Echo(await self._ask(ids, max_tokens=1, echo=True))

    async def _ask(self, ids: list[int], **more: Any) -> Json:
        payload = {"model": self.model, "prompt": ids, "temperature": 0, "logprobs": 1, "seed": 1234, **more}
        reply = await _completion(self.client, self.server, payload)
        choices = (reply.json() or {}).get("choices") or [{}]
        return dict(choices[0])


async def can_score(client: OpenAIClient, server: Server, tokens: Tokens | None, model: str) -> Json:
    """Prove that the server scores prompts rightly."""
    if tokens is None:
        await _has_completions(client, server, model)
        raise AdapterFailed(
            "A log-likelihood needs token ids, and the server has no /tokenize.",
            remedy="Name the model's tokenizer.json with the parameter tokenizer.",
        )
    return await EchoProof(client, server, tokens, model).prove()


async def _has_completions(client: OpenAIClient, server: Server, model: str) -> None:
    await _completion(client, server, {"model": model, "prompt": _PROBES[0], "max_tokens": 1})


async def _completion(client: OpenAIClient, server: Server, payload: Json) -> Reply:
    url = client.where.route("completions")
    reply = await client.connection.insist(url, payload)
    if reply.ok:
        return reply
    if reply.status in {404, 405, 501} and "model" not in reply.body.lower():
        raise AdapterFailed(
            "The server has no completions endpoint, and a chat endpoint does not tell log-likelihoods.",
            remedy=_OTHERWISE,
        )
    raise _refusal(reply, url, str(payload["model"]), server)


def _judge(worst: float, compared: int) -> None:
    if not compared:
        _LOG.warning("Echoed log-probabilities could not be compared with generated ones; only their form was checked")
    if worst > _TOLERANCE:
        raise AdapterFailed(
            "The server's echoed log-probabilities are wrong: for its own greedy continuation they differ by "
            f"{worst:.2f} nats from what it said while generating (shifted by one token, or of another prompt).",
            remedy=_OTHERWISE,
        )


class _Echo:
    """The log-probabilities of an echoed prompt."""

    def __init__(self, choice: Json) -> None:
        logprobs = choice.get("logprobs") or {}
        self.text = str(choice.get("text") or "")
        self.values: list[Any] = logprobs.get("token_logprobs") or []
        self.tops: list[Any] = logprobs.get("top_logprobs") or []

    def check(self, probe: str, sent: int) -> None:
        """Check the form: as many as were sent, the first unknown, all others negative, likeliest tokens named."""
        if problem := self._problem(probe, sent):
            raise AdapterFailed(
                f"The server cannot score prompts: {problem}. Log-likelihood benchmarks need that.", remedy=_OTHERWISE
            )

    def _problem(self, probe: str, sent: int) -> str:
        known = self.values[1:sent]
        found = {
            "it ignores `echo` (the prompt is not in the reply)": not self.text.lstrip().startswith(probe[:10].strip()),
            f"it returned {len(self.values)} log-probabilities for {sent} tokens": not sent
            <= len(self.values)
            <= sent + 1,
            "the first token, which follows nothing, has a log-probability": bool(self.values)
            and self.values[0] is not None,
            "not all log-probabilities of the prompt are numbers below zero": not all(map(_is_logprob, known)),
            "it does not name the most likely token of each position (`top_logprobs`)": not all(self.tops[1:sent])
            or len(self.tops) < sent,
        }
        return next((sentence for sentence, wrong in found.items() if wrong), "")


def _is_logprob(value: Any) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value) and value <= 1e-6


def _refusal(reply: Reply, url: str, model: str, server: Server) -> EvallabError:
    if not reply.status:
        return ModelServerFailed(f"The model server does not answer at {url}: {reply.body}.")
    failure = classify(reply.status, reply.body)
    if failure.verdict == "retry":  # overloaded or broken now, perhaps not at the next attempt
        return ModelServerFailed(failure.sentence)
    return AdapterFailed(failure.sentence, remedy=f"The job asks {url} for the model {model!r}; {server.serving()}.")
