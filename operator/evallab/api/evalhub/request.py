"""The body of `POST /api/v1/evaluations/jobs`; `conversion` turns it into an EvalJob."""

from collections.abc import Mapping
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from evallab.api.evalhub.data import HardwareConfig, Queue, TestDataRef
from evallab.api.evalhub.lenient import Body, Json, Required, Rule


class Auth(Body):
    """Credentials of the endpoint."""

    secret_ref: Required


class Model(Body):
    """What is evaluated; an empty url means that there is no endpoint."""

    name: Required
    url: str = ""
    auth: Auth | None = None
    parameters: Json = Field(default_factory=dict)
    card_url: str | None = None

    @field_validator("url")
    @classmethod
    def _is_url(cls, value: str) -> str:
        if value and not _has_scheme_and_host(value):
            raise Rule("must be a URL", ("", "url"))
        return value


def _has_scheme_and_host(url: str) -> bool:
    if any(character <= " " for character in url):
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return bool(parts.scheme and parts.netloc)


class PrimaryScore(Body):
    """Which metric of a benchmark speaks for it."""

    metric: Required
    lower_is_better: bool = False


class PassCriteria(Body):
    """The score that passes; zero is a threshold too."""

    threshold: float


class Benchmark(Body):
    """One thing to measure."""

    id: Required
    provider_id: Required
    weight: Annotated[float, Field(ge=0)] | None = None
    primary_score: PrimaryScore | None = None
    pass_criteria: PassCriteria | None = None
    hardware_config: HardwareConfig | None = None
    parameters: Json = Field(default_factory=dict)
    test_data_ref: TestDataRef | None = None


Benchmarks = Annotated[tuple[Benchmark, ...], Field(strict=False)]


class CollectionRef(Body):
    """A collection, with overrides."""

    id: Required
    benchmarks: Benchmarks = ()


class ExperimentTag(Body):
    """A tag of an MLflow experiment."""

    key: Annotated[str, Field(min_length=1, max_length=250)]
    value: Annotated[str, Field(min_length=1, max_length=5000)]


class Experiment(Body):
    """The MLflow experiment that results are logged to."""

    name: Annotated[str, Field(pattern=r"\S")]
    tags: Annotated[tuple[ExperimentTag, ...], Field(strict=False, max_length=20)] = ()
    artifact_location: str | None = None


class OciCoordinates(Body):
    """Where in an OCI registry."""

    oci_host: Required
    oci_repository: Required
    oci_tag: str | None = None
    oci_subject: str | None = None
    annotations: dict[str, str] = Field(default_factory=dict)


class OciConnection(Body):
    """Credentials of the registry in a cluster."""

    connection: Required


class OciExport(Body):
    """Results as an OCI artifact."""

    coordinates: OciCoordinates
    k8s: OciConnection | None = None


class Exports(Body):
    """Where results are copied to."""

    oci: OciExport | None = None


Tag = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^,|]+$")]


class JobRequest(Body):
    """What a client posts to start a job. `custom.evallab` holds what EvalHub has no field for (see `extras`)."""

    name: Required
    description: str | None = None
    tags: Annotated[tuple[Tag, ...], Field(strict=False)] = ()
    model: Model
    pass_criteria: PassCriteria | None = None
    benchmarks: Benchmarks = ()
    collection: CollectionRef | None = None
    experiment: Experiment | None = None
    custom: Json = Field(default_factory=dict)
    exports: Exports | None = None
    hardware_config: HardwareConfig | None = None
    queue: Queue | None = None

    @classmethod
    def rule_of_the_whole(cls, fields: Mapping[str, Any]) -> Rule | None:
        """Say what is wrong with the fields together; `reading` asks when single fields are wrong, too."""
        benchmarks, collection = fields.get("benchmarks"), fields.get("collection")
        named = isinstance(collection, Mapping) and bool(collection.get("id"))
        if benchmarks and named:
            return Rule("benchmarks or collection: give only one of them", ("benchmarks", "benchmarks or collection"))
        if not benchmarks and not named:
            return Rule("benchmarks: minimum one benchmark, or a collection", ("benchmarks", "minimum one benchmark"))
        return None

    @model_validator(mode="after")
    def _one_list(self) -> Self:
        collection = {"id": self.collection.id} if self.collection else None
        rule = self.rule_of_the_whole({"benchmarks": self.benchmarks, "collection": collection})
        if rule:
            raise rule
        return self
