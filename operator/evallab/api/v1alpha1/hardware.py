"""`hardwareConfig` and the placement fields of v1alpha1: what the cluster gives whatever holds the model."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from evallab.api.v1alpha1.face import Face, Label, Quantity, Text


def _digits(value: Any) -> Any:
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value


_COUNT: dict[str, Any] = {
    "x-kubernetes-int-or-string": True,
    "minimum": 0,
    "maximum": 1024,
    "maxLength": 4,
    "pattern": "^[0-9]+$",
}


class Gpu(Face):
    """How many of which accelerator."""

    name: Text | None = Field(None, description="Resource name. Default: `nvidia.com/gpu`.")
    count: Annotated[int, BeforeValidator(_digits), Field(ge=0, le=1024)] | None = Field(
        None, description="How many.", json_schema_extra=_COUNT
    )


class Resource(Face):
    """Request and limit of cpu or memory."""

    request: Quantity | None = Field(None, description="What is reserved.")
    limit: Quantity | None = Field(None, description="What may be used at most.")


class Queue(Face):
    """The queue that admits the job."""

    name: Label = Field(description="Name of the queue (Kueue: a LocalQueue in the namespace of the job).")
    kind: Literal["kueue"] | None = Field(None, description="Kind of queue. Default: `kueue`.")


class HardwareConfig(Face):
    """Hardware of whatever holds the model: a profile, or the fields themselves. On one computer only `gpu`."""

    profile: Label | None = Field(None, alias="hardwareProfileName", description="A named hardware profile.")
    gpu: Gpu | None = Field(None, description="Accelerators.")
    cpu: Resource | None = Field(None, description="CPU.")
    memory: Resource | None = Field(None, description="Memory.")
    queue: Queue | None = Field(None, description="Queue.")

    @model_validator(mode="after")
    def _profile_stands_alone(self) -> Self:
        if self.profile and (self.gpu or self.cpu or self.memory or self.queue):
            raise ValueError("hardwareProfileName cannot be combined with gpu, cpu, memory or queue")
        return self


class Toleration(Face):
    """A Kubernetes toleration."""

    key: Text | None = Field(None, description="Taint key; none matches every key.")
    operator: Literal["Exists", "Equal"] | None = Field(None, description="Default: `Equal`.")
    value: Annotated[str, Field(max_length=63)] | None = Field(None, description="Taint value.")
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = Field(
        None, description="None matches every effect."
    )
    toleration_seconds: int | None = Field(None, description="How long `NoExecute` is tolerated.")
