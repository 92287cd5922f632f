"""The bodies of requests, as the stock harness would send them one at a time. Pure; used by `model`.

Two differences to the stock harness, on purpose: the end-of-text string is in the stop list whatever the concurrency,
and repeats of one question get seeds of their own (the same seed would give the same answer again).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from evallab.adapter.answer import Request
from evallab.api.contract import Json

DEFAULT_MAX_GEN_TOKS = 256
CHAT_STOPS = 4  #: that many stop strings a chat endpoint must accept


@dataclass(frozen=True, kw_only=True)
class Asking:
    """What is the same in every request of an attempt."""

    model: str
    seed: int = 1234
    eos: str | None = None
    chat_template_kwargs: Json = field(default_factory=dict)
    think_end_token: str | None = None

    @property
    def stops_here(self) -> bool:
        """Whether stop strings are applied to the answer here; sent along, they would cut off the reasoning."""
        thinks = any(self.chat_template_kwargs.get(name) for name in ("enable_thinking", "thinking"))
        return thinks or self.think_end_token is not None


def budget(gen_kwargs: Json) -> int:
    """Return how many tokens may be generated."""
    return int(gen_kwargs.get("max_tokens") or gen_kwargs.get("max_gen_toks") or DEFAULT_MAX_GEN_TOKS)


def stops(gen_kwargs: Json, eos: str | None) -> list[str]:
    """Return the stop strings of a task, the end-of-text string among them."""
    until = gen_kwargs.get("until") or []
    listed = [until] if isinstance(until, str) else list(until)
    return [*listed, eos] if eos and eos not in listed else listed


def completion(asking: Asking, prompt: str | Sequence[int], gen_kwargs: Json, repeat: int = 0) -> Request:
    """Ask the completions endpoint to continue a prompt (text or token ids)."""
    payload = {
        "prompt": prompt if isinstance(prompt, str) else list(prompt),
        "model": asking.model,
        **_generation(asking, gen_kwargs, repeat),
    }
    if not asking.stops_here:
        payload["stop"] = stops(gen_kwargs, asking.eos)
    return Request(route="completions", payload=payload)


def chat(asking: Asking, messages: Sequence[Json], gen_kwargs: Json, repeat: int = 0) -> Request:
    """Ask the chat endpoint to answer messages; a last message of the assistant is continued, not answered."""
    payload = {"messages": list(messages), "model": asking.model, **_generation(asking, gen_kwargs, repeat)}
    if not asking.stops_here:
        payload["stop"] = stops(gen_kwargs, asking.eos)[:CHAT_STOPS]
    if asking.chat_template_kwargs:
        payload["chat_template_kwargs"] = asking.chat_template_kwargs
    if messages and messages[-1].get("role") == "assistant":
        payload |= {"add_generation_prompt": False, "continue_final_message": True}
    return Request(route="chat", payload=payload)


def scoring(asking: Asking, context: Sequence[int], continuation: Sequence[int]) -> Request:
    """Ask for the log-probability of a continuation through the echo of the prompt."""
    payload = {
        "model": asking.model,
        "prompt": [*context, *continuation],
        "temperature": 0,
        "max_tokens": 1,
        "logprobs": 1,
        "seed": asking.seed,
        "echo": True,
    }
    return Request(route="completions", payload=payload, scored_from=len(context))


def _generation(asking: Asking, gen_kwargs: Json, repeat: int) -> Json:
    """Everything but the prompt and the stop list; what the harness does not know is passed on."""
    known = {"do_sample", "until", "max_tokens", "max_gen_toks", "temperature"}
    rest = {key: value for key, value in gen_kwargs.items() if key not in known}
    return {
        "max_tokens": budget(gen_kwargs),
        "temperature": gen_kwargs.get("temperature", 0),
        "seed": asking.seed + repeat,
        **rest,
    }
