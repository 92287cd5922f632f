"""Catalogs out of YAML files: those inside the package, and EvalHub's configuration directory.

`<directory>/providers/*.yaml` and `<directory>/collections/*.yaml`: one object per file, not recursive, `id` required.
A file that cannot be read is an InvalidManifest that names file and line; nothing is skipped silently.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from evallab.api.errors import InvalidManifest, UsageError
from evallab.api.manifest import ParsedManifest, parse
from evallab.api.provider import Collection, Provider
from evallab.api.sentences import Problem, problems
from evallab.catalog.catalog import Catalog, Entry

_BUILTIN = Path(__file__).parent.parent / "_providers"
_FREE_FORM = frozenset({"parameters", "custom"})
_M = TypeVar("_M", bound=BaseModel)
_T = TypeVar("_T")


def load(directory: Path | None = None) -> Catalog:
    """Return what is built in, with what the configuration directory adds or replaces."""
    return builtin() if directory is None else builtin().replaced_by(configured(directory))


def builtin() -> Catalog:
    """Return the providers and collections inside the package."""
    return _catalog(_BUILTIN, _BUILTIN / "collections")


def configured(directory: Path) -> Catalog:
    """Return the providers and collections of a configuration directory."""
    if not directory.is_dir():
        raise UsageError(f"The configuration directory {directory} does not exist.")
    return _catalog(directory / "providers", directory / "collections")


def _catalog(providers: Path, collections: Path) -> Catalog:
    entries = _unique(providers, _entry, lambda entry: entry.provider.id)
    return Catalog.of(entries, _unique(collections, _collection, lambda collection: collection.id))


def _unique(folder: Path, read: Callable[[Path], _T], identify: Callable[[_T], str]) -> Iterable[_T]:
    """Read every YAML file of the folder; two files with the same id are an error."""
    seen: dict[str, tuple[Path, _T]] = {}
    for file in sorted(folder.glob("*.yaml")):
        value = read(file)
        if (earlier := seen.get(identify(value))) is not None:
            raise InvalidManifest([f'id "{identify(value)}" is also that of {earlier[0].name}'], file=str(file))
        seen[identify(value)] = (file, value)
    return [value for _, value in seen.values()]


def _entry(file: Path) -> Entry:
    provider, parsed = _read(file, Provider)
    return Entry(provider, _names_file(file, provider, parsed))


def _collection(file: Path) -> Collection:
    return _read(file, Collection)[0]


def _names_file(file: Path, provider: Provider, parsed: ParsedManifest) -> Path | None:
    """Find the file of names beside the YAML file."""
    name = provider.benchmark_names
    if name is None:
        return None
    if Path(name).name != name or not (file.parent / name).is_file():
        text = f'there is no file "{name}" beside this one'
        raise _invalid(file, parsed, [Problem(("benchmark_names",), text)])
    return file.parent / name


def _read(file: Path, model: type[_M]) -> tuple[_M, ParsedManifest]:
    parsed = parse(_bytes(file), name=str(file))
    try:
        return model.model_validate(_without_nulls(parsed.data)), parsed
    except ValidationError as error:
        raise _invalid(file, parsed, problems(error, model)) from None


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise InvalidManifest([f"cannot be read: {error.strerror}"], file=str(file)) from None


def _without_nulls(value: Any) -> Any:
    """Drop fields that are null: EvalHub reads them as absent; what is passed on to adapters stays as it is."""
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: item if key in _FREE_FORM else _without_nulls(item) for key, item in value.items() if item is not None}


def _invalid(file: Path, parsed: ParsedManifest, found: list[Problem]) -> InvalidManifest:
    return InvalidManifest([f"{file}{_line(parsed, problem)}: {problem}" for problem in found])


def _line(parsed: ParsedManifest, problem: Problem) -> str:
    """Return `:line` of the field, or of the nearest field around it."""
    paths = (problem.path[:length] for length in range(len(problem.path), 0, -1))
    return next((f":{parsed.lines[path]}" for path in paths if path in parsed.lines), "")
