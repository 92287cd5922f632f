"""The blocks of `config.yaml` that this server acts on: EvalHub's with EvalHub's defaults, and `evallab` of our own.

`config` puts them together. Every field and default here is listed in docs/reference/server-configuration.md; a
contract test compares them. In EvalHub's blocks unknown names are ignored and reported; in `evallab` they are errors.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from evallab.api.patterns import DNS_LABEL
from evallab.planning.rest_conditions import Allowed
from evallab.server.config_values import YEAR, Directory, Duration, HostName, Origin, Patience, Size, is_default

MIB = 1024 * 1024
_ZERO_IS_DEFAULT = (
    "read_timeout",
    "write_timeout",
    "idle_timeout",
    "read_header_timeout",
    "log_stream_timeout",
    "max_header_bytes",
    "max_request_body_bytes",
    "max_log_response_bytes",
)
#: What EvalHub's file may say and what means nothing here.
NO_EFFECT = (
    "service.termination_file",
    "service.eval_init_image",
    "database.max_open_conns",
    "database.max_idle_conns",
    "database.conn_max_lifetime",
    "prometheus.host",
    "prometheus.port",
    "mlflow",
    "otel",
    "sidecar",
)
ONLY_LOCAL = ("parallel", "rest", "callbacks", "adapter_limits")
ONLY_CLUSTER = ("auth", "dataset_secrets")
TenantName = Annotated[str, Field(min_length=1, max_length=63, pattern=DNS_LABEL)]


class Block(BaseModel):
    """A part of EvalHub's configuration; what it does not know is left to `config` to report."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class OwnBlock(Block):
    """A part of our own: a misspelt name is an error."""

    model_config = ConfigDict(extra="forbid")


class Service(Block):
    """Where the server listens, and how much it takes."""

    host: str = Field("127.0.0.1", min_length=1)
    port: int = Field(8080, ge=0, le=65_535)
    tls_cert_file: str | None = None
    tls_key_file: str | None = None
    read_timeout: Duration = 15.0
    write_timeout: Duration = 15.0
    idle_timeout: Patience = 60.0
    read_header_timeout: Duration = 15.0
    max_header_bytes: Size = MIB
    max_request_body_bytes: Size = 10 * MIB
    max_log_response_bytes: Size = 50 * MIB
    log_stream_timeout: Duration = 300.0

    @model_validator(mode="before")
    @classmethod
    def _zero_is_the_default(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {name: item for name, item in value.items() if name not in _ZERO_IS_DEFAULT or not is_default(item)}

    @model_validator(mode="after")
    def _certificate_and_key(self) -> Self:
        if bool(self.tls_cert_file) != bool(self.tls_key_file):
            raise ValueError("tls_cert_file and tls_key_file belong together; give both or none")
        return self


class Database(Block):
    """The Postgres that keeps everything; `sqlite` means the embedded one."""

    driver: str | None = None
    url: str | None = Field(None, repr=False)
    password: str | None = Field(None, repr=False)


class Prometheus(Block):
    """Metrics for Prometheus, on the port of the API."""

    enabled: bool = False


class Jobs(OwnBlock):
    """What a job made over REST has when it does not say it, and how many may wait."""

    timeout_seconds: int = Field(14_400, ge=1, le=YEAR)
    retries: int = Field(2, ge=0, le=100)
    pending_deadline_seconds: int = Field(86_400, ge=1, le=YEAR)
    max_queued: int = Field(10_000, ge=1)


class Rest(OwnBlock):
    """What requests may name on this machine; see docs/explanation/threat-model.md."""

    local_commands: bool = False
    roots: tuple[Directory, ...] = ()
    secret_roots: tuple[Directory, ...] = ()
    task_code: bool = False

    def allowed(self) -> Allowed:
        """Return the same for `planning.rest_conditions`."""
        return Allowed(**dict(self))


class Callbacks(OwnBlock):
    """How adapters prove who they are when they report."""

    require_token: bool = False


class Auth(OwnBlock):
    """Who may ask what of a server in a cluster."""

    mode: Literal["kubernetes", "none"] = "kubernetes"
    default_tenant: TenantName | None = None


class AdapterLimits(OwnBlock):
    """Resource limits of adapters (`ulimit`): bytes for core and as, counts for nofile and nproc; null: as here."""

    core: int | None = Field(0, ge=0)
    address_space: Annotated[int | None, Field(ge=1, alias="as")] = None
    nofile: int | None = Field(None, ge=16)
    nproc: int | None = Field(None, ge=1)

    def rlimits(self) -> Mapping[str, int]:
        """Return those that are set, by the names that the local runtime knows."""
        return self.model_dump(by_alias=True, exclude_none=True)


class Evallab(OwnBlock):
    """What EvalHub's configuration has no place for."""

    parallel: int = Field(8, ge=1, le=10_000)
    builtin: bool = True
    jobs: Jobs = Jobs()
    rest: Rest = Rest()
    hosts: tuple[HostName, ...] = ()
    origins: tuple[Origin, ...] = ()
    callbacks: Callbacks = Callbacks()
    auth: Auth = Auth()
    dataset_secrets: Directory | None = None
    adapter_limits: AdapterLimits = AdapterLimits()

    def secrets_dir(self) -> Path | None:
        """Return where credentials of test data are, as <namespace>/<name>/."""
        return Path(self.dataset_secrets) if self.dataset_secrets else None
