"""What will answer: the server's facts, tokenizer, template and context length, put together once. For `evaluation`."""

import asyncio
from dataclasses import dataclass

from evallab.adapter.client import OpenAIClient
from evallab.adapter.spool import Spool
from evallab.api.contract import JobSpec, Json
from evallab_adapters.lm_eval_harness import tokens as tokenizers
from evallab_adapters.lm_eval_harness.asker import Asker
from evallab_adapters.lm_eval_harness.model import EvallabLM
from evallab_adapters.lm_eval_harness.parameters import Parameters, resolve
from evallab_adapters.lm_eval_harness.payloads import Asking
from evallab_adapters.lm_eval_harness.prompts import ChatTemplate, pick_template
from evallab_adapters.lm_eval_harness.rows import sha256
from evallab_adapters.lm_eval_harness.server import Server, look
from evallab_adapters.lm_eval_harness.tokens import Tokens


@dataclass(frozen=True, kw_only=True)
class Respondent:
    """The model at its endpoint, as far as asking it needs to know."""

    server: Server
    asker: Asker
    template: ChatTemplate | None
    answered_by: Json

    def lm(self, runner: asyncio.Runner) -> EvallabLM:
        """Return the harness's view of it."""
        return EvallabLM(self.asker, runner, self.template, str(self.answered_by["tokenizer_sha256"] or "server"))


async def meet(client: OpenAIClient, spool: Spool, spec: JobSpec, parameters: Parameters) -> Respondent:
    """Look at the server and decide how it is asked."""
    server = await look(client, spec.model.name)
    file = resolve(parameters.tokenizer, spec) if parameters.tokenizer else None
    tokens = tokenizers.choose(client, spec.model.name, server, file)
    chat = parameters.endpoint == "chat"
    special: Json = tokens.special if tokens else {}
    template = _template(special, server, parameters) if parameters.apply_chat_template and not chat else None
    max_length = parameters.max_length or spec.evallab.max_model_len or server.max_model_len
    asker = Asker(
        client=client,
        spool=spool,
        asking=_asking(spec, parameters, None if chat else special.get("eos_token")),
        tokens=tokens,
        chat=chat,
        max_length=max_length,
        prefix=await _prefix(tokens),
        bos=await _id(tokens, special.get("bos_token")) if parameters.add_bos_token else None,
    )
    facts = await _facts(server, asker, template, parameters)
    return Respondent(server=server, asker=asker, template=template, answered_by=facts)


async def _facts(server: Server, asker: Asker, template: ChatTemplate | None, parameters: Parameters) -> Json:
    """Return what is recorded of what answered; it enters the setup key, so it is the same in the next run."""
    tokens = asker.tokens
    return {
        "endpoint": parameters.endpoint,
        "model": asker.asking.model,
        "served": server.model,
        "server_version": server.version,
        "max_model_len": asker.max_length,
        "tokenizer_sha256": await tokenizers.fingerprint(tokens) if tokens else None,
        "prompts_as": "messages" if asker.chat else "tokens" if tokens else "text",
        "add_bos_token": parameters.add_bos_token,
        "chat_template_sha256": sha256(template.source) if template else _server_template(server, parameters),
        "chat_template_kwargs": parameters.chat_template_kwargs,
        "think_end_token": parameters.think_end_token,
    }


def _asking(spec: JobSpec, parameters: Parameters, eos: str | None) -> Asking:
    return Asking(
        model=spec.model.name,
        seed=spec.evallab.seed,
        eos=eos,
        chat_template_kwargs=parameters.chat_template_kwargs,
        think_end_token=parameters.think_end_token,
    )


def _template(special: Json, server: Server, parameters: Parameters) -> ChatTemplate:
    templates = special.get("chat_template") or (server.tokenizer or {}).get("chat_template")
    variables = {name: special.get(name) or "" for name in ("bos_token", "eos_token")}
    return ChatTemplate(
        pick_template(templates, name=parameters.apply_chat_template), variables, parameters.chat_template_kwargs
    )


def _server_template(server: Server, parameters: Parameters) -> str | None:
    template = (server.tokenizer or {}).get("chat_template")
    return sha256(template) if isinstance(template, str) and parameters.apply_chat_template else None


async def _prefix(tokens: Tokens | None) -> int | None:
    """Return what stands before a text without context: beginning of text, else end of text, as in the harness."""
    special: Json = tokens.special if tokens else {}
    return await _id(tokens, special.get("bos_token") or special.get("eos_token"))


async def _id(tokens: Tokens | None, token: str | None) -> int | None:
    if tokens is None or not token:
        return None
    (ids,) = await tokens.encode([token])
    return ids[0] if ids else None
