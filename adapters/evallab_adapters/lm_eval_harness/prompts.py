"""Prompts that remember their messages: the harness hands them on as strings, and both are needed. For `model`."""

import json
from collections.abc import Sequence
from typing import Any, Self

from evallab.api.contract import Json
from evallab.api.errors import AdapterFailed


class ChatPrompt(str):
    """The text of a prompt made from messages: what is sent, or the messages as JSON for a chat endpoint."""

    __slots__ = ("messages",)
    messages: tuple[Json, ...]

    @classmethod
    def of(cls, messages: Sequence[Json], text: str | None = None) -> Self:
        """Make a prompt of messages; without a rendered text the text is their JSON."""
        prompt = cls(messages_json(messages) if text is None else text)
        prompt.messages = tuple(dict(message) for message in messages)
        return prompt


def messages_json(messages: Sequence[Json]) -> str:
    """Return messages as JSON, exactly as the stock harness writes them before hashing."""
    return json.dumps(list(messages), ensure_ascii=False)


def asked(prompt: str) -> str | list[Json]:
    """Return a prompt before templating: its messages, or the text."""
    return list(prompt.messages) if isinstance(prompt, ChatPrompt) else str(prompt)


class ChatTemplate:
    """A model's own chat template, rendered here for the completions endpoint as servers render it for chat."""

    def __init__(self, source: str, tokens: Json, extra: Json) -> None:
        """Compile; `tokens` are bos_token and eos_token, `extra` the job's chat_template_kwargs."""
        self.source = source
        self._variables = {**tokens, **extra}
        self._template = _environment().from_string(source)

    def __call__(self, messages: Sequence[Json], *, add_generation_prompt: bool = True) -> ChatPrompt:
        """Render; without a generation prompt the last message is left open, to be continued."""
        text = self._template.render(
            messages=list(messages), add_generation_prompt=add_generation_prompt, **self._variables
        )
        if not add_generation_prompt and messages:
            text = _left_open(text, str(messages[-1]["content"]))
        return ChatPrompt.of(messages, text)


def pick_template(templates: Any, *, name: bool | str) -> str:
    """Return the template: the only one, or the named one of several."""
    if isinstance(templates, str) and templates:
        return templates
    if isinstance(templates, list):
        templates = {entry["name"]: entry["template"] for entry in templates}
    wanted = name if isinstance(name, str) else "default"
    if isinstance(templates, dict) and wanted in templates:
        return str(templates[wanted])
    named = f" {wanted!r} (known: {', '.join(sorted(templates))})" if isinstance(templates, dict) and templates else ""
    raise AdapterFailed(
        f"The chat template{named} of the model is not known, so it cannot be applied for the completions endpoint.",
        remedy="Use endpoint: chat, or name the model's tokenizer directory with the parameter tokenizer.",
    )


def _left_open(text: str, content: str) -> str:
    end = text.rindex(content.strip()) + len(content.strip())
    return text[:end]


def _environment() -> Any:
    """The Jinja environment that chat templates are written for."""
    from jinja2.ext import loopcontrols
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    def raise_exception(message: str) -> None:
        raise AdapterFailed(f"The chat template refuses these messages: {message}")

    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
    environment.filters["tojson"] = lambda value, **_options: json.dumps(value, ensure_ascii=False)
    environment.globals["raise_exception"] = raise_exception
    return environment
