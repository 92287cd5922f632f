"""`spec.model` of v1alpha1: what is evaluated and how it is reached."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from evallab.api.v1alpha1.face import Face, FreeForm, LongText, Seconds, Text, Url, only_one
from evallab.api.v1alpha1.source import SecretRef, WeightsSource

Runtime = Literal["vllm", "llamacpp", "reference", "custom"]


class Lineage(Face):
    """Where a model comes from; jobs of one family can be compared with each other."""

    family: Text | None = Field(None, description="What the model is a variant of.")
    parent: Text | None = Field(None, description="Name of the model it was made from.")
    change: LongText | None = Field(None, description="What was changed, in words, such as `AWQ int4`.")


class Auth(Face):
    """Credentials of the endpoint."""

    secret_ref: SecretRef = Field(description="Where the API key is; never written into the job itself.")


class Serve(Face):
    """A model server that evallab starts for the job; all benchmarks share it."""

    runtime: Runtime = Field(description="The inference engine.")
    version: Text | None = Field(None, description="Version of the engine. Default: what is installed.")
    source: WeightsSource | None = Field(None, description="Where the weights are.")
    args: Annotated[tuple[LongText, ...], Field(strict=False, max_length=256)] = Field(
        (), description="Further arguments of the engine."
    )
    command: LongText | None = Field(
        None, description="`custom` only: the shell command that serves on `$PORT`; the weights are in `$MODEL`."
    )
    image: Text | None = Field(None, description="Image to use in a cluster, best by digest.")
    port: Annotated[int, Field(ge=1, le=65535)] | None = Field(
        None, description="`custom` only: the port, where the command does not use `$PORT`."
    )
    health_path: Annotated[str, Field(max_length=253, pattern="^/")] | None = Field(
        None, description="`custom` only: the path that answers 200 when the server is ready."
    )
    ready_timeout_seconds: Seconds | None = Field(None, description="How long the server may take to become ready.")
    batch_invariant: bool | None = Field(
        None, description="`vllm` only: answers do not depend on what else is computed at the same time; slower."
    )


class InProcess(Face):
    """The harness itself loads the model, on one computer; only `lm_evaluation_harness` does."""

    backend: Text = Field(description="The back end of lm-eval: `hf` or `vllm`.")
    args: FreeForm = Field(
        default_factory=dict,
        alias="parameters",
        description="Arguments of the back end; `pretrained` (a repository, with `revision`, or a path) is required.",
    )


class Model(Face):
    """What is evaluated. At most one of url, serve and inProcess; one is needed unless all data is pre-recorded."""

    name: Text = Field(description="What scores are filed under; for `url` also the name the endpoint knows.")
    lineage: Lineage | None = Field(None, description="Where the model comes from.")
    url: Url | None = Field(None, description="Base URL of an OpenAI-compatible endpoint, ending in `/v1` as a rule.")
    auth: Auth | None = Field(None, description="Credentials for `url`.")
    serve: Serve | None = Field(None, description="A model server that evallab starts.")
    in_process: InProcess | None = Field(None, description="The adapter loads the model.")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        only_one(self, ("url", "serve", "in_process"), needed=False)
        return self
