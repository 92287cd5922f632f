"""`test_data_ref` and `hardware_config` of a REST job request.

`http`, `path`, `bundled`, `sha256` and `confidential` are evallab's own: EvalHub would ignore them.
"""

from ipaddress import ip_address
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from evallab.api.evalhub.lenient import Body, Label, ReadOnly, Required, Rule
from evallab.api.patterns import SHA256

_SOURCES = ("s3", "pvc", "git", "hf")
_HTTPS_ONLY = "git url with credentials must use https scheme"
_PROFILE_ALONE = "hardware_config: hardware_profile_name cannot be combined with queue, cpu, memory, or gpu"


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
        host = _host(value)
        if not host:
            raise Rule("must be a URL that begins with http:// or https://", ("", "http_url"))
        if _is_private(host):
            raise Rule(f"the host {host} is private or this machine itself", ("", "git_clone_url"))
        return value

    @model_validator(mode="after")
    def _secret_over_https(self) -> Self:
        if self.secret_ref and not self.url.startswith("https://"):
            raise Rule("secret_ref needs an https URL", ("url", "https"), alone=_HTTPS_ONLY)
        return self


def _host(url: str) -> str | None:
    """Return the host of an http URL, None when it is no such URL."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return parts.hostname if parts.scheme in {"http", "https"} else None


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
        given = [self.s3, self.pvc, self.git, self.hf, self.http, self.path, self.bundled]
        count = sum(source is not None for source in given)
        if count != 1:
            sentence = f"test_data_ref: {'exactly ' if count else ''}one of s3, pvc, git, or hf must be set"
            tag = "excluded_with" if count else "required_without_all"
            raise Rule(sentence, *((source, tag) for source in _SOURCES), alone=sentence)
        if self.resolved_sha is not None:
            raise ReadOnly("The field 'resolved_sha' is read-only and must not be set on create.")
        return self


class Gpu(Body):
    """How many of which accelerator."""

    name: str | None = None
    count: Annotated[int, Field(ge=1, lt=2**31)] | None = None


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
            raise Rule(_PROFILE_ALONE, ("hardware_profile_name", "hardware_config_exclusive"), alone=_PROFILE_ALONE)
        return self
