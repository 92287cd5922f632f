"""The requests that the server takes, and what it refuses in them; `app` validates every body here first.

A field that the engine does not implement is refused unless it asks for nothing, never ignored silently. Fields that
are unknown altogether are ignored, as vLLM does.
"""

import json
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from evallab.modelserver.reference.errors import Refused

MAX_CHOICES = 128
MAX_STOPS = 16
_Count = Annotated[int, Field(ge=0, le=2**31)]
_Ids = Annotated[list[int], Field(min_length=1)]

# What this engine does not do, and the values that do not ask for it.
_NEUTRAL: dict[str, tuple[object, ...]] = {
    "suffix": (None, ""),
    "best_of": (None, 1),
    "presence_penalty": (None, 0),
    "frequency_penalty": (None, 0),
    "repetition_penalty": (None, 1),
    "min_p": (None, 0),
    "min_tokens": (None, 0),
    "logit_bias": (None, {}),
    "bad_words": (None, []),
    "use_beam_search": (None, False),
    "prompt_logprobs": (None,),
    "guided_json": (None,),
    "guided_regex": (None,),
    "guided_choice": (None,),
    "guided_grammar": (None,),
    "structured_outputs": (None,),
    "response_format": (None, {"type": "text"}),
    "tools": (None, []),
    "tool_choice": (None, "none", "auto"),
}


class _Request(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", allow_inf_nan=False)


class StreamOptions(_Request):
    """Options of a stream."""

    include_usage: bool = False


class _Generate(_Request):
    model: str | None = None
    max_tokens: _Count | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    top_k: Annotated[int, Field(ge=-1)] | None = None
    n: Annotated[int, Field(ge=1, le=MAX_CHOICES)] | None = None
    seed: Annotated[int, Field(ge=0, le=2**63 - 1)] | None = None
    stop: Annotated[str, Field(min_length=1)] | list[Annotated[str, Field(min_length=1)]] | None = None
    stop_token_ids: list[int] | None = None
    ignore_eos: bool = False
    include_stop_str_in_output: bool = False
    return_tokens_as_token_ids: bool | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None

    @model_validator(mode="before")
    @classmethod
    def _only_what_the_engine_does(cls, body: Any) -> Any:
        for name, neutral in _NEUTRAL.items():
            if isinstance(body, dict) and body.get(name) not in neutral:
                raise Refused(f"{name} is not supported by this server.", param=name)
        return body

    @property
    def stops(self) -> tuple[str, ...]:
        """The stop strings as a tuple."""
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())

    @property
    def include_usage(self) -> bool:
        """Whether a stream ends with the usage."""
        return bool(self.stream_options and self.stream_options.include_usage)


class CompletionRequest(_Generate):
    """The body of POST /v1/completions."""

    prompt: str | _Ids | Annotated[list[str], Field(min_length=1)] | Annotated[list[_Ids], Field(min_length=1)]
    echo: bool = False
    logprobs: Annotated[int, Field(ge=0)] | None = None
    add_special_tokens: bool = True

    @property
    def prompts(self) -> list[str | list[int]]:
        """The prompts, one or many, as a list."""
        prompt = self.prompt
        if isinstance(prompt, str):
            return [prompt]
        if isinstance(prompt[0], int):
            return [[each for each in prompt if isinstance(each, int)]]
        return [each for each in prompt if not isinstance(each, int)]


class TextPart(_Request):
    """A part of a message; text is the only kind that the engine reads."""

    type: str = "text"
    text: str


class Message(_Request):
    """One turn of a conversation."""

    role: Annotated[str, Field(pattern=r"^[a-z]{1,32}$")]
    content: str | list[TextPart] | None = None

    @property
    def pair(self) -> tuple[str, str]:
        """The role and the whole text."""
        content = self.content
        return self.role, content if isinstance(content, str) else "".join(part.text for part in content or ())


class ChatRequest(_Generate):
    """The body of POST /v1/chat/completions."""

    messages: Annotated[list[Message], Field(min_length=1)]
    max_completion_tokens: _Count | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    add_generation_prompt: bool = True
    chat_template_kwargs: dict[str, Any] | None = None
    """Taken, because clients send it to every server; the one template that exists here reads none of it."""


class TokenizeRequest(_Request):
    """The body of POST /tokenize: a prompt or a conversation."""

    prompt: str | None = None
    messages: Annotated[list[Message], Field(min_length=1)] | None = None
    add_special_tokens: bool = True
    add_generation_prompt: bool = True
    return_token_strs: bool | None = None


class DetokenizeRequest(_Request):
    """The body of POST /detokenize."""

    tokens: list[int]


_Any = TypeVar("_Any", bound=_Request)


def parse(kind: type[_Any], body: bytes) -> _Any:
    """Return the request in `body`, or raise Refused with the first problem and where it is."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refused(f"The body is not valid JSON: {error}.") from None
    if not isinstance(content, dict):
        raise Refused("The body must be a JSON object.")
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        raise _refusal(error) from None


def _refusal(error: ValidationError) -> Refused:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    param = str(first["loc"][0]) if first["loc"] else None
    where = ".".join(str(each) for each in first["loc"] if isinstance(each, int) or each.isidentifier())
    return Refused(f"{where}: {first['msg']}.", param=param)
