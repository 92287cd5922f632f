"""The parameters of a benchmark of this provider: names, types, defaults. `adapter` reads them before anything slow."""

from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from evallab.api.contract import JobSpec, Json
from evallab.api.errors import AdapterFailed


class Parameters(BaseModel):
    """`spec.benchmarks[].parameters`; what stands here is what the reference page documents."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    num_fewshot: int | None = Field(default=None, ge=0)
    limit: float | None = Field(default=None, gt=0)
    include_path: tuple[str, ...] = ()
    apply_chat_template: bool | str = False
    fewshot_as_multiturn: bool = True
    system_instruction: str | None = None
    gen_kwargs: Json = Field(default_factory=dict)
    max_gen_toks: int | None = Field(default=None, ge=1, validation_alias=AliasChoices("max_gen_toks", "max_tokens"))
    endpoint: Literal["completions", "chat"] = "completions"
    chat_template_kwargs: Json = Field(default_factory=dict)
    think_end_token: str | None = None
    add_bos_token: bool = False
    tokenizer: str | None = None
    max_length: int | None = Field(default=None, ge=2)
    concurrency: int = Field(default=8, ge=1, le=1024)
    max_concurrency: int | None = Field(default=None, ge=1, le=1024)
    timeout: float = Field(default=600.0, gt=0)
    request_timeout: float = Field(default=1800.0, gt=0)
    max_retries: int = Field(default=6, ge=0, le=100)
    give_up_after: int = Field(default=16, ge=1)
    metadata: Json = Field(default_factory=dict)
    cluster: str | None = None
    dataset_path: str | None = None
    dataset_name: str | None = None
    dataset_kwargs: Json = Field(default_factory=dict)

    @field_validator("include_path", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value or ()

    @field_validator("gen_kwargs", mode="before")
    @classmethod
    def _pairs(cls, value: Any) -> Any:
        return parse_pairs(value) if isinstance(value, str) else value or {}

    @model_validator(mode="before")
    @classmethod
    def _chat_needs_a_template(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("endpoint") == "chat" and "apply_chat_template" not in values:
            return {**values, "apply_chat_template": True}
        return values

    @model_validator(mode="after")
    def _chat_is_templated(self) -> Self:
        if self.endpoint == "chat" and not self.apply_chat_template:
            raise ValueError(
                "endpoint: chat always applies the server's chat template; drop apply_chat_template: false"
            )
        return self


def parse_parameters(spec: JobSpec) -> Parameters:
    """Return the parameters of the job, or say which one is wrong."""
    given = dict(spec.parameters)
    if spec.num_examples is not None:
        given.setdefault("limit", spec.num_examples)
    try:
        return Parameters.model_validate(given)
    except ValidationError as error:
        raise AdapterFailed(
            " ".join(_sentence(problem) for problem in error.errors()), remedy="Correct the benchmark's parameters."
        ) from error


def resolve(path: str, spec: JobSpec) -> Path:
    """Return a path of the manifest: relative ones start where the manifest lies."""
    return Path(spec.evallab.manifest_dir or ".").absolute().joinpath(Path(path).expanduser())


def parse_pairs(text: str) -> Json:
    """Parse `temperature=0.6,do_sample=true,until=a` as the harness's command line does."""
    pairs: Json = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        key, equals, value = part.partition("=")
        if not equals:
            raise ValueError(f"{part!r} is not of the form name=value")
        pairs[key.strip()] = _scalar(value.strip())
    return pairs


def _scalar(text: str) -> bool | int | float | str | None:
    if text.lower() in {"true", "false"}:
        return text.lower() == "true"
    if text.lower() in {"none", "null"}:
        return None
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _sentence(problem: Any) -> str:
    name = str(problem["loc"][0]) if problem["loc"] else ""
    if problem["type"] != "extra_forbidden":
        return f"The parameter {name!r} is wrong: {problem['msg']}." if name else f"{problem['msg']}."
    known = [*Parameters.model_fields, "max_tokens"]
    near = get_close_matches(name, known, n=1, cutoff=0.5)
    guess = f" Did you mean {near[0]!r}?" if near else f" Known: {', '.join(known)}."
    return f"There is no parameter {name!r}.{guess}"
