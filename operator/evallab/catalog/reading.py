"""One YAML file to one provider or collection, or to what is wrong with it, with the line where it is known.

`catalog.files` calls it for every file of a folder, `catalog.folder` again whenever the files have changed.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from evallab.api.errors import InvalidManifest
from evallab.api.manifest import ParsedManifest, parse
from evallab.api.provider import Collection, Provider
from evallab.api.sentences import Problem, problems
from evallab.catalog.catalog import Entry

_FREE_FORM = frozenset({"parameters", "custom"})
_M = TypeVar("_M", bound=BaseModel)


@dataclass(frozen=True)
class FileProblem:
    """What is wrong with a file."""

    file: Path
    reason: str
    line: int | None = None

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else str(self.file)
        return f"{where}: {self.reason}"


class Unreadable(Exception):
    """A file that is not a provider or collection."""

    def __init__(self, found: tuple[FileProblem, ...]) -> None:
        """Keep what is wrong with it."""
        self.problems = found
        super().__init__("\n".join(map(str, found)))


def read_provider(file: Path) -> Entry:
    """Read a provider, and find the file of its benchmarks' names; raise Unreadable."""
    provider, parsed = _read(file, Provider)
    return Entry(provider, _names_file(file, provider, parsed))


def read_collection(file: Path) -> Collection:
    """Read a collection; raise Unreadable."""
    return _read(file, Collection)[0]


def _names_file(file: Path, provider: Provider, parsed: ParsedManifest) -> Path | None:
    """Find the file of names beside the YAML file."""
    name = provider.benchmark_names
    if name is None:
        return None
    if Path(name).name != name or not (file.parent / name).is_file():
        text = f'there is no file "{name}" beside this one'
        raise Unreadable((_located(file, parsed, Problem(("benchmark_names",), text)),))
    return file.parent / name


def _read(file: Path, model: type[_M]) -> tuple[_M, ParsedManifest]:
    parsed = _parsed(file)
    try:
        return model.model_validate(_without_nulls(parsed.data)), parsed
    except ValidationError as error:
        raise Unreadable(tuple(_located(file, parsed, each) for each in problems(error, model))) from None


def _parsed(file: Path) -> ParsedManifest:
    try:
        return parse(file.read_bytes(), name=str(file))
    except OSError as error:
        raise Unreadable((FileProblem(file, f"cannot be read: {error.strerror}"),)) from None
    except InvalidManifest as error:
        line = error.file.removeprefix(f"{file}").removeprefix(":")
        raise Unreadable(
            tuple(FileProblem(file, each, int(line) if line else None) for each in error.problems)
        ) from None


def _without_nulls(value: Any) -> Any:
    """Drop fields that are null: EvalHub reads them as absent; what is passed on to adapters stays as it is."""
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: item if key in _FREE_FORM else _without_nulls(item) for key, item in value.items() if item is not None}


def _located(file: Path, parsed: ParsedManifest, problem: Problem) -> FileProblem:
    """Name the line of the field, or of the nearest field around it."""
    paths = (problem.path[:length] for length in range(len(problem.path), 0, -1))
    line = next((parsed.lines[path] for path in paths if path in parsed.lines), None)
    return FileProblem(file, str(problem), line)
