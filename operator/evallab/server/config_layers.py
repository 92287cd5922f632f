"""Where the server's settings come from, laid over each other, with the place of each: files, secrets, environment.

    config.yaml  <  CONFIG_PATH (whole blocks)  <  files of `secrets.mappings`  <  variables of `env_mappings`

`config.load` calls `layered`. A variable that is set to nothing counts as not set.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evallab.api.errors import InvalidManifest
from evallab.api.manifest import MAX_BYTES, parse_value
from evallab.api.path import Path as FieldPath
from evallab.api.tree import Broken

FROM_SECRET = "secret "  # noqa: S105 - begins the place of what came from a file of secrets.mappings
Settings = dict[str, Any]
Places = dict[FieldPath, str]
#: Variables that count without being mapped; a mapping of the same name in the file wins.
VARIABLES: Mapping[str, str] = {
    "PORT": "service.port",
    "API_HOST": "service.host",
    "TLS_CERT_FILE": "service.tls_cert_file",
    "TLS_KEY_FILE": "service.tls_key_file",
    "DB_DRIVER": "database.driver",
    "DB_URL": "database.url",
}


@dataclass(frozen=True)
class Layers:
    """Every setting that was said, where, and the file that messages name."""

    said: Settings
    places: Places
    file: str


def layered(file: Path | None, overlay: Path | None, environ: Mapping[str, str]) -> Layers:
    """Return what all sources say together. Raises InvalidManifest."""
    said, places = _file(file) if file and file.is_file() else ({}, {})
    if overlay:
        more, more_places = _file(overlay)
        places = {
            path: place for path, place in places.items() if path[:1] not in {(block,) for block in more}
        } | more_places
        said = {**said, **more}
    name = str(file or "configuration")
    for path, value, place in (*_secrets(said, name), *_variables(said, name, environ)):
        said = _with(said, path, value, place)
        places[path] = place
    return Layers(said, places, name)


def _file(file: Path) -> tuple[Settings, Places]:
    """Read one YAML file; an empty one says nothing, and null is nothing."""
    try:
        value, lines = parse_value(_text(file))
    except Broken as broken:
        where = f"{file}:{broken.line}" if broken.line else str(file)
        raise InvalidManifest([broken.sentence], file=where) from None
    if value is not None and not isinstance(value, dict):
        raise InvalidManifest(["must be a mapping of blocks, such as `service: {port: 8080}`"], file=str(file))
    return _without_nulls(value or {}), {path: f"{file}:{line}" for path, line in lines.items()}


def _text(file: Path) -> str:
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise InvalidManifest([f"cannot be read: {error.strerror}"], file=str(file)) from None
    if len(raw) > MAX_BYTES:
        raise InvalidManifest(["is larger than 1 MB; a configuration is not"], file=str(file))
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidManifest(["is not UTF-8 text; save the file as UTF-8"], file=str(file)) from None


def _without_nulls(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: _without_nulls(item) for key, item in value.items() if item is not None}


def _secrets(said: Settings, name: str) -> Iterator[tuple[FieldPath, str, str]]:
    """Yield what the files of `secrets.mappings` hold; `FILE:optional` may be missing."""
    block = said.get("secrets") or {}
    folder = block.get("dir") if isinstance(block, dict) else None
    for key, field in _mappings(block, "mappings", "secrets.mappings", name).items():
        stem, _, optional = key.partition(":")
        file = Path(str(folder or "/tmp"), stem)  # noqa: S108 - EvalHub's own default
        if optional == "optional" and not file.is_file():
            continue
        yield _path(field), _text(file).strip(), f"{FROM_SECRET}{file}"


def _variables(said: Settings, name: str, environ: Mapping[str, str]) -> Iterator[tuple[FieldPath, str, str]]:
    for variable, field in {**VARIABLES, **_mappings(said, "env_mappings", "env_mappings", name)}.items():
        if environ.get(variable):
            yield _path(field), environ[variable], f"environment variable {variable}"


def _mappings(block: Any, key: str, shown: str, name: str) -> dict[str, str]:
    """Return a block that maps names to settings."""
    found = (block.get(key) if isinstance(block, dict) else None) or {}
    if not isinstance(found, dict) or not all(isinstance(field, str) and field for field in found.values()):
        raise InvalidManifest([f"{shown}: must map names to settings, such as PORT: service.port"], file=name)
    return {str(source): field for source, field in found.items()}


def _path(field: str) -> FieldPath:
    return tuple(field.split("."))


def _with(said: Settings, path: FieldPath, value: str, place: str) -> Settings:
    """Return the settings with one more."""
    key, *rest = path
    if not rest:
        return {**said, str(key): value}
    inner = said.get(str(key), {})
    if not isinstance(inner, dict):
        raise InvalidManifest([f"{place} is mapped to a setting inside {key}, which is no block"])
    return {**said, str(key): _with(inner, tuple(rest), value, place)}
