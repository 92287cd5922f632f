"""Providers over REST: the body of a request, and the resource that answers it. Pure; the server's routes call it.

EvalHub asks for no field at all and then serves rows that its own SDK cannot read. Here a missing field is its empty
value, and what cannot work (a benchmark without an id, an id twice) is refused.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import AliasChoices, Field, field_validator, model_validator

from evallab.api import provider as internal
from evallab.api.evalhub.lenient import Body, Json, Required
from evallab.api.evalhub.masking import masked
from evallab.api.evalhub.request import PrimaryScore
from evallab.api.provider import K8S_NAMES, Number, Provider, ProviderBenchmark

ROOT = "ProviderConfig"
Strings = Annotated[tuple[str, ...], Field(strict=False)]
Text = Annotated[str, Field(max_length=1024)]
Whole = Annotated[int, Field(ge=-(2**63), lt=2**63)]
_NOTHING: tuple[Any, ...] = (None, "", [], {}, ())
_PASCAL = ("Image", "Entrypoint", "CPURequest", "MemoryRequest", "CPULimit", "MemoryLimit")
_QUANTITIES = ("cpu_request", "memory_request", "cpu_limit", "memory_limit")


def _also(name: str, evalhubs: str) -> Any:
    """Take a field in our spelling and in that of EvalHub's server, whatever the case of the letters."""
    return Field(validation_alias=AliasChoices(name, evalhubs))


class PassCriteria(Body):
    """The score that passes; zero is a threshold too."""

    threshold: Number


class EnvVar(Body):
    """An environment variable of an adapter."""

    name: Annotated[Required, _also("name", "Name")]
    value: Annotated[str, _also("value", "Value")] = ""

    @model_validator(mode="before")
    @classmethod
    def _any_spelling(cls, value: Any) -> Any:
        return internal.spelled(value, internal.ENV_NAMES)


Env = Annotated[tuple[EnvVar, ...], Field(strict=False)]


class LocalRuntime(Body):
    """How the adapter runs as a process of the server."""

    command: Required
    env: Env = ()


class GpuRequest(Body):
    """The accelerators of an adapter's pod."""

    resource: str = ""
    count: Annotated[int, Field(ge=0, lt=2**63)] = 0
    node_selector: dict[str, str] = Field(default_factory=dict)


class K8sRuntime(Body):
    """How the adapter runs in a pod; `cpu_request` and EvalHub's `CPURequest` are the same field."""

    image: Annotated[str, _also("image", "Image")] = ""
    entrypoint: Annotated[Strings, _also("entrypoint", "Entrypoint")] = ()
    cpu_request: Annotated[str, _also("cpu_request", "CPURequest")] = ""
    memory_request: Annotated[str, _also("memory_request", "MemoryRequest")] = ""
    cpu_limit: Annotated[str, _also("cpu_limit", "CPULimit")] = ""
    memory_limit: Annotated[str, _also("memory_limit", "MemoryLimit")] = ""
    gpu: GpuRequest | None = None
    env: Annotated[Env, _also("env", "Env")] = ()
    image_pull_policy: Literal["if_not_present", "always"] | None = None

    @model_validator(mode="before")
    @classmethod
    def _any_spelling(cls, value: Any) -> Any:
        return internal.spelled(value, K8S_NAMES)

    @field_validator("image_pull_policy", mode="before")
    @classmethod
    def _any_case(cls, value: Any) -> Any:
        return internal.pull_policy(value)


class Runtime(Body):
    """How the adapter runs."""

    local: LocalRuntime | None = None
    k8s: K8sRuntime | None = None


class Agent(Body):
    """What an AI agent is told about a provider or collection."""

    evaluates: Strings = ()
    recommended_when: Strings = ()
    target_type: Literal["", "model", "agent", "inference_server"] = ""
    summary: Annotated[str, Field(max_length=200)] = ""
    complements: Strings = ()
    hints: Strings = ()
    result_interpretation: Strings = ()


class ScoreRange(Body):
    """What scores of a range mean."""

    range: Required
    meaning: Required


class BenchmarkAgent(Body):
    """What an AI agent is told about a benchmark."""

    result_interpretation: str = ""
    score_ranges: Annotated[tuple[ScoreRange, ...], Field(strict=False)] = ()


class Benchmark(Body):
    """One benchmark that the provider can run."""

    id: Annotated[Required, Field(max_length=500)]
    name: str = ""
    description: Text = ""
    category: str = ""
    metrics: Strings = ()
    num_few_shot: Whole = 0
    dataset_size: Whole = 0
    tags: Strings = ()
    url: str | None = None
    primary_score: PrimaryScore | None = None
    pass_criteria: PassCriteria | None = None
    agent: BenchmarkAgent | None = None
    domains: Strings = ()
    tasks: Strings = ()
    modalities: Strings = ()
    evaluation_targets: Strings = ()


class ProviderBody(Body):
    """What a client posts or puts; an id in it is ignored."""

    name: str = ""
    title: str = ""
    description: Text = ""
    tags: Strings = ()
    agent: Agent | None = None
    custom: Json | None = None
    runtime: Runtime | None = None
    benchmarks: Annotated[tuple[Benchmark, ...], Field(strict=False)] = ()

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        counted = Counter(each.id for each in self.benchmarks)
        if twice := next((each for each, times in counted.items() if times > 1), None):
            raise ValueError(f"benchmarks: the id '{twice}' is given twice")
        return self


@dataclass(frozen=True, kw_only=True)
class Identity:
    """The `resource` block: whose it is, and since when; times as they are written."""

    id: str
    created_at: str
    updated_at: str
    tenant: str | None = None
    owner: str | None = None

    def block(self) -> Json:
        """Return it in EvalHub's order."""
        tenant = {"tenant": self.tenant} if self.tenant else {}
        owner = {"owner": self.owner} if self.owner else {}
        return {"id": self.id, **tenant, "created_at": self.created_at, "updated_at": self.updated_at, **owner}


def to_provider(body: ProviderBody, provider_id: str) -> Provider:
    """Convert a request to the internal model."""
    return Provider.model_validate({**body.model_dump(), "id": provider_id})


def stored(provider: Provider) -> Json:
    """Return what is kept of a provider that was made over REST, and what a patch is applied to."""
    return provider.model_dump(mode="json", exclude_defaults=True, exclude={"id"})


def resource(provider: Provider, identity: Identity, *, benchmarks: bool = True) -> Json:
    """Return a provider as EvalHub writes it: lists are never null, a category is always there."""
    shown = provider.benchmarks if benchmarks else ()
    return {
        "resource": identity.block(),
        "name": provider.name,
        **said(description=provider.description),
        "title": provider.title,
        **said(tags=list(provider.tags)),
        "benchmarks": [_benchmark(each) for each in shown],
        **({"runtime": _runtime(provider.runtime)} if provider.runtime else {}),
        **said(agent=plain(provider.agent)),
        **({"custom": provider.custom} if provider.custom is not None else {}),
    }


def said(**fields: Any) -> Json:
    """Leave out what is empty, as Go's `omitempty` does with texts, lists and maps; zero stays."""
    return {name: value for name, value in fields.items() if value not in _NOTHING}


def plain(value: Any) -> Json | None:
    """Return a part without what is at its default."""
    return value.model_dump(mode="json", exclude_defaults=True) if value is not None else None


def _benchmark(benchmark: ProviderBenchmark) -> Json:
    return {
        "id": benchmark.id,
        **said(url=benchmark.url),
        "name": benchmark.name,
        **said(description=benchmark.description),
        "category": benchmark.category,
        **said(metrics=list(benchmark.metrics)),
        "num_few_shot": benchmark.num_few_shot,
        "dataset_size": benchmark.dataset_size,
        **said(
            tags=list(benchmark.tags),
            primary_score=plain(benchmark.primary_score),
            pass_criteria=plain(benchmark.pass_criteria),
            agent=plain(benchmark.agent),
            domains=list(benchmark.domains),
            tasks=list(benchmark.tasks),
            modalities=list(benchmark.modalities),
            evaluation_targets=list(benchmark.evaluation_targets),
        ),
    }


def _runtime(runtime: internal.ProviderRuntime) -> Json:
    k8s = {"k8s": _k8s(runtime.k8s)} if runtime.k8s is not None else {}
    return {**k8s, "local": _local(runtime.local)} if runtime.local is not None else k8s


def _local(local: internal.LocalRuntime) -> Json:
    return {"command": local.command, **said(env=[_env(each) for each in local.env])}


def _env(variable: internal.EnvVar) -> Json:
    """Write both spellings: EvalHub's server writes the first, its dashboard and API description know the second."""
    value = masked(variable)
    return {"Name": variable.name, "Value": value, "name": variable.name, "value": value}


def _k8s(k8s: internal.K8sRuntime) -> Json:
    """Write both spellings, EvalHub's own order first."""
    env = [_env(each) for each in k8s.env]
    ours = {name: getattr(k8s, name) for name in ("image", "entrypoint", *_QUANTITIES)}
    ours["entrypoint"] = list(k8s.entrypoint)
    return {
        **dict(zip(_PASCAL, ours.values(), strict=True)),
        **said(gpu=plain(k8s.gpu)),
        "Env": env,
        **said(image_pull_policy=k8s.image_pull_policy),
        **ours,
        "env": env,
    }
