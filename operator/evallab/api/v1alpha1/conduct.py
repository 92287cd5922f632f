"""How a job is conducted, compared and exported: `sampling`, `compare`, `validity`, `determinism`, `exports`."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from evallab.api.v1alpha1.face import Face, Text


def _off(value: Any) -> Any:
    """YAML 1.1 reads a bare Off as false."""
    return "Off" if value is False else value


# kubectl reads a bare Off like that too, and a structural schema has no choice of types but this one.
_BARE_OFF: dict[str, Any] = {
    "enum": ["Enforce", "Warn", "Off", False],
    "x-kubernetes-preserve-unknown-fields": True,
}


class Sampling(Face):
    """How answers are sampled."""

    temperature: Annotated[float, Field(ge=0, le=10)] | None = Field(None, description="Default: each task's own.")
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = Field(None, description="Default: 1234.")
    repeats: Annotated[int, Field(ge=1, le=1000)] | None = Field(None, description="Answers per question. Default: 1.")


class Compare(Face):
    """What the job is compared with."""

    against: Text | None = Field(
        None,
        description="`previous`, `baseline`, or a reference to a job (an id, a name, `name~1`). Default: `previous`.",
    )
    fail_on: Literal["regression", "inconclusive", "never"] | None = Field(
        None, description="Which verdict fails the command. Default: `never`."
    )
    margin: Annotated[float, Field(ge=0, le=1e12)] | None = Field(
        None, description="The smallest loss that matters, in the metric's unit."
    )


class Validity(Face):
    """When heat, throttling and company on a GPU speak against the numbers."""

    policy: Literal["Strict", "Lenient"] | None = Field(
        None,
        description="What a slowed GPU invalidates: scores and throughput, or throughput alone. Default: `Strict`.",
    )
    max_temperature_celsius: Annotated[float, Field(ge=1, le=200)] | None = Field(
        None, description="A GPU above it is hot, °C. Default: 82."
    )
    max_seconds_hot: Annotated[float, Field(ge=1, le=86_400)] | None = Field(
        None, description="Hot for so long without a break makes invalid. Default: 60."
    )
    max_throttled_percent: Annotated[float, Field(ge=0, le=100)] | None = Field(
        None, description="Slowed by heat for more of the time makes invalid. Default: 1."
    )


class Determinism(Face):
    """What is done about drift."""

    canary: Annotated[Literal["Enforce", "Warn", "Off"] | None, BeforeValidator(_off)] = Field(
        None,
        description="What happens when fixed prompts are answered differently than before. Default: Enforce.",
        json_schema_extra=_BARE_OFF,
    )


class OciCoordinates(Face):
    """Where in an OCI registry."""

    oci_host: Text = Field(description="Host and port of the registry.")
    oci_repository: Text = Field(description="Repository in it.")
    oci_tag: Annotated[str, Field(max_length=128)] | None = Field(None, description="Tag.")
    oci_subject: Text | None = Field(None, description="What the artifact refers to.")
    annotations: Annotated[dict[str, Annotated[str, Field(max_length=4096)]], Field(max_length=64)] = Field(
        default_factory=dict, description="Annotations of the artifact."
    )


class OciConnection(Face):
    """Credentials of the registry in a cluster."""

    connection: Text = Field(description="Name of the Secret (`.dockerconfigjson`).")


class OciExport(Face):
    """Results as an OCI artifact."""

    coordinates: OciCoordinates = Field(description="Where to push.")
    k8s: OciConnection | None = Field(None, alias="k8s", description="Credentials.")


class Exports(Face):
    """Where results are copied to when the job has finished."""

    oci: OciExport | None = Field(None, description="An OCI registry.")
