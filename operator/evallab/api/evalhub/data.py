"""`test_data_ref` and `hardware_config` of a REST job request.

`http`, `path`, `bundled`, `sha256` and `confidential` are evallab's own: EvalHub would ignore them.
"""

from ipaddress import ip_address
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from evallab.api.evalhub.lenient import Body, Label, Required
from evallab.api.patterns import SHA256


class HubData(Body):
    """A dataset on the Hugging Face hub."""

    repo_id: Required
    revision: str | None = None
    sub_path: str | None = None
    secret_ref: str | None = None


class BucketData(Body):
    """An object in an S3 bucket."""

    bucket: Required
    key: Required
    secret_ref: Required


class ClaimData(Body):
    """A persistent volume claim."""

    claim_name: Label
    sub_path: str | None = None


class GitData(Body):
    """A git repository that is not on this machine or network."""

    url: Required
    ref: Required
    sub_path: str | None = None
    secret_ref: str | None = None

    @field_validator("url")
    @classmethod
    def _public_host(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("must be a URL that begins with http:// or https://")
        if _is_private(parts.hostname):
            raise ValueError(f"the host {parts.hostname} is private or this machine itself")
        return value

    @model_validator(mode="after")
    def _secret_over_https(self) -> Self:
        if self.secret_ref and not self.url.startswith("https://"):
            raise ValueError("secret_ref needs an https URL")
        return self


def _is_private(host: str) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    return not address.is_global


class TestDataRef(Body):
    """Where a benchmark's data comes from: exactly one source."""

    __test__ = False

    hf: HubData | None = None
    s3: BucketData | None = None
    pvc: ClaimData | None = None
    git: GitData | None = None
    http: str | None = None
    path: str | None = None
    bundled: str | None = None
    type: Literal["data_set", "pre_recorded_data"] | None = None
    sha256: Annotated[str, Field(pattern=SHA256)] | None = None
    confidential: bool = False
    resolved_sha: str | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.resolved_sha is not None:
            raise ValueError("The field 'resolved_sha' is read-only and must not be set on create.")
        given = [self.s3, self.pvc, self.git, self.hf, self.http, self.path, self.bundled]
        count = sum(source is not None for source in given)
        if count != 1:
            exactly = "exactly " if count else ""
            raise ValueError(f"test_data_ref: {exactly}one of s3, pvc, git, or hf must be set")
        return self


class Gpu(Body):
    """How many of which accelerator."""

    name: str | None = None
    count: Annotated[int, Field(ge=1)] | None = None


class Resource(Body):
    """Request and limit of cpu or memory."""

    request: str | None = None
    limit: str | None = None


class Queue(Body):
    """The queue that admits the job; surrounding white space is dropped."""

    name: Label
    kind: Literal["kueue"] | None = None

    @field_validator("name", "kind", mode="before")
    @classmethod
    def _trimmed(cls, value: object) -> object:
        return value.strip() or None if isinstance(value, str) else value


class HardwareConfig(Body):
    """Hardware of a benchmark's adapter: a profile, or the fields themselves."""

    hardware_profile_name: Label | None = None
    gpu: Gpu | None = None
    cpu: Resource | None = None
    memory: Resource | None = None
    queue: Queue | None = None

    @model_validator(mode="after")
    def _profile_stands_alone(self) -> Self:
        if self.hardware_profile_name and (self.gpu or self.cpu or self.memory or self.queue):
            raise ValueError(
                "hardware_config: hardware_profile_name cannot be combined with queue, cpu, memory, or gpu"
            )
        return self
