"""Everything that the server is told from outside, read once, as one frozen value.

`main` calls `load` with the configuration directory, the environment and the flags; what there is to say stands in
docs/reference/server-configuration.md. `config.yaml` may be EvalHub's own: what has no effect here is reported, never
an error (with `--strict` it is). A broken file is an InvalidManifest that names file and line.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from evallab.api.errors import InvalidManifest, UsageError
from evallab.api.read import Origins
from evallab.api.sentences import Problem, problems
from evallab.server.config_blocks import (
    NO_EFFECT,
    ONLY_CLUSTER,
    ONLY_LOCAL,
    Database,
    Evallab,
    OwnBlock,
    Prometheus,
    Service,
)
from evallab.server.config_layers import FROM_SECRET, Layers, layered
from evallab.server.flags import Flags
from evallab.settings import CONFIG_FILE, SQLITE, postgres_url

_READ_ELSEWHERE = frozenset({"env_mappings", "secrets"})
EVERYWHERE = "0.0.0.0"  # noqa: S104 - of a pod: who may ask is said by Kubernetes
_EMBEDDED = "database.driver sqlite means the embedded Postgres here, which keeps everything"


class ServerConfig(BaseModel):
    """The settings of one server. `database_url` None is the embedded Postgres."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    service: Service = Service()
    database: Database = Database()
    prometheus: Prometheus = Prometheus()
    evallab: Evallab = Evallab()
    config_dir: Path | None = None
    database_url: str | None = Field(None, repr=False)
    strict: bool = False


def load(config_dir: Path | None, environ: Mapping[str, str], *, flags: Flags) -> tuple[ServerConfig, tuple[str, ...]]:
    """Return the settings, and notes that belong into the log. Raises InvalidManifest or UsageError."""
    if config_dir is not None and not config_dir.is_dir():
        raise UsageError(f"The configuration directory {config_dir} does not exist.")
    layers = layered(config_dir / CONFIG_FILE if config_dir else None, flags.config_path, environ)
    config = _validated(layers)
    _certificates(config.service)
    unheard = (*_unheard(layers.said), *_of_the_other_mode(layers.said, local=flags.local))
    if flags.strict and unheard:
        raise InvalidManifest(unheard, file=layers.file, remedy="Remove what has no effect, or leave out --strict.")
    database = environ.get("EVALLAB_DATABASE_URL") or _database(config, layers)
    return _told(config, flags, config_dir, database), (*unheard, *_notes(config, config_dir, database))


def _validated(layers: Layers) -> ServerConfig:
    said = {name: value for name, value in layers.said.items() if name in _BLOCKS}
    try:
        return ServerConfig.model_validate(said)
    except ValidationError as error:
        origins = Origins(layers.file, layers.places)
        found = [origins.sentence(each.path, _told_of(each, origins)) for each in problems(error, ServerConfig)]
        raise InvalidManifest(found) from None


def _told_of(problem: Problem, origins: Origins) -> str:
    """Say what is wrong with a setting; what may be a secret is not repeated."""
    secret = problem.path[:1] == ("database",) or origins.of(problem.path).startswith(FROM_SECRET)
    return "is not what this setting takes; the value is not shown" if secret else problem.text


def _certificates(service: Service) -> None:
    """Refuse a certificate or key that is not there, before anything starts."""
    files = {"tls_cert_file": service.tls_cert_file, "tls_key_file": service.tls_key_file}
    missing = [f'service.{name}: there is no file "{file}"' for name, file in files.items() if _is_missing(file)]
    if missing:
        raise InvalidManifest(missing)


def _is_missing(file: str | None) -> bool:
    return bool(file) and not Path(file or "").is_file()


def _told(config: ServerConfig, flags: Flags, config_dir: Path | None, database: str | None) -> ServerConfig:
    """Return the settings with what the command line says."""
    host = flags.host or (None if flags.local or "host" in config.service.model_fields_set else EVERYWHERE)
    where = {name: value for name, value in (("host", host), ("port", flags.port)) if value is not None}
    ours = {} if flags.parallel is None else {"parallel": flags.parallel}
    update = {
        "service": config.service.model_copy(update=where),
        "evallab": config.evallab.model_copy(update=ours),
        "config_dir": config_dir,
        "database_url": database,
        "strict": flags.strict,
    }
    return config.model_copy(update=update)


def _database(config: ServerConfig, layers: Layers) -> str | None:
    try:
        return postgres_url(config.database.model_dump())
    except ValueError as error:
        origins = Origins(layers.file, layers.places)
        raise InvalidManifest([origins.sentence(("database",), str(error))]) from None


def _notes(config: ServerConfig, config_dir: Path | None, database: str | None) -> Iterator[str]:
    if config_dir is not None and not (config_dir / CONFIG_FILE).is_file():
        yield f"there is no {CONFIG_FILE} in {config_dir}: every setting has its default"
    said = config.database
    if database is None and (said.driver in SQLITE or said.url):
        shown = "what database.url names" if "@" in (said.url or "") else said.url or "a file"
        yield f"{_EMBEDDED}; nothing is read from or written to {shown}"


def _unheard(said: Mapping[str, Any]) -> Iterator[str]:
    """Yield what was said in vain, as sentences."""
    names = sorted(_unknown({key: value for key, value in said.items() if key not in _READ_ELSEWHERE}))
    evalhubs = [name for name in names if any(f"{name}.".startswith(f"{known}.") for known in NO_EFFECT)]
    others = [name for name in names if name not in evalhubs]
    if evalhubs:
        yield f"settings of EvalHub that have no effect here: {', '.join(evalhubs)}"
    if others:
        yield f"unknown settings, ignored: {', '.join(others)}"


def _of_the_other_mode(said: Mapping[str, Any], *, local: bool) -> Iterator[str]:
    """Yield what counts only with, or only without, --local."""
    ours = said.get("evallab") or {}
    names = sorted(f"evallab.{name}" for name in (ONLY_CLUSTER if local else ONLY_LOCAL) if name in ours)
    if names:
        yield f"settings that have no effect {'with' if local else 'without'} --local: {', '.join(names)}"


def _unknown(said: Mapping[str, Any], model: type[BaseModel] | None = None, prefix: str = "") -> Iterator[str]:
    """Yield the dotted names of what no block knows."""
    known = {info.alias or name: info.annotation for name, info in model.model_fields.items()} if model else _BLOCKS
    for name, value in said.items():
        inner = known.get(name)
        if name not in known:
            yield f"{prefix}{name}"
        elif isinstance(value, dict) and isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from () if issubclass(inner, OwnBlock) else _unknown(value, inner, f"{prefix}{name}.")


_BLOCKS: Mapping[str, Any] = {
    name: info.annotation
    for name, info in ServerConfig.model_fields.items()
    if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel)
}
