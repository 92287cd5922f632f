"""A file of either face to an EvalJob: what `evallab run -f`, `evallab validate` and the tests call.

    manifest = read(data, file="evaljob.yaml", sets=("spec.retries=0",))
    manifest.job                              the internal model
    manifest.refuse(check(manifest.job, …))   problems found later, with the line on which their field stands

Every problem is one line: `evaljob.yaml:12: spec.benchmarks[0].paramters: unknown field; did you mean "parameters"?`
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from evallab.api import evalhub, v1alpha1
from evallab.api.errors import InvalidManifest, UsageError
from evallab.api.job import EvalJob
from evallab.api.manifest import parse
from evallab.api.overrides import apply_sets, split
from evallab.api.path import Path, render
from evallab.api.path import parse as parse_path
from evallab.api.sentences import found, problems

_M = TypeVar("_M", bound=BaseModel)
_MARKS = ("apiVersion", "kind", "spec", "metadata")


@dataclass(frozen=True)
class Origins:
    """Where each field was written: a line of the file, or `--set`."""

    file: str
    places: Mapping[Path, str]

    def of(self, path: Path) -> str:
        """Return the place of the field, or of the nearest field around it."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.places:
                return self.places[path[:length]]
        return self.file

    def sentence(self, path: Path, text: str) -> str:
        """Put place and path before what is wrong."""
        where = f"{render(path)}: " if path else ""
        return f"{self.of(path)}: {where}{text}"


@dataclass(frozen=True)
class Manifest:
    """A job as it was read, and where its fields stand."""

    job: EvalJob
    origins: Origins

    def refuse(self, sentences: Iterable[str]) -> InvalidManifest:
        """Return the error for problems that begin with the path of a field, such as those of `planning.checks`."""
        return InvalidManifest([_located(sentence, self.origins) for sentence in sentences])


def read_job(data: bytes, *, file: str) -> EvalJob:
    """Read a manifest of either face."""
    return read(data, file=file).job


def read(data: bytes, *, file: str, sets: Iterable[str] = ()) -> Manifest:
    """Read a manifest of either face, with `--set` applied; everything wrong with it is one InvalidManifest."""
    parsed = parse(data, name=file)
    overrides = tuple(sets)
    fields = apply_sets(parsed.data, overrides)
    places = {path: f"{file}:{line}" for path, line in parsed.lines.items()}
    origins = Origins(file, places | {split(each)[0]: f"--set {each}" for each in overrides})
    return Manifest(_job(fields, origins), origins)


def _job(data: dict[str, Any], origins: Origins) -> EvalJob:
    try:
        if any(mark in data for mark in _MARKS):
            _refuse_kind(data, origins)
            return v1alpha1.to_job(_validated(v1alpha1.EvalJobManifest, data, origins))
        return evalhub.to_job(_validated(evalhub.JobRequest, data, origins))
    except _Located:
        raise
    except InvalidManifest as error:
        raise InvalidManifest([_located(problem, origins) for problem in error.problems]) from None


class _Located(InvalidManifest):
    """Its problems name their places already."""


def _validated(model: type[_M], data: dict[str, Any], origins: Origins) -> _M:
    try:
        return model.model_validate(data, by_alias=True, by_name=False)
    except ValidationError as error:
        wrong = problems(error, model)
        raise _Located([origins.sentence(problem.path, problem.text) for problem in wrong]) from None


def _refuse_kind(data: dict[str, Any], origins: Origins) -> None:
    """Say only that it is another kind of object, when it is."""
    allowed = {"apiVersion": v1alpha1.API_VERSION, "kind": v1alpha1.KIND}
    wrong = [field for field in allowed if field in data and data[field] != allowed[field]]
    if wrong:
        raise _Located(
            [origins.sentence((field,), f'must be "{allowed[field]}", found {found(data[field])}') for field in wrong]
        )


def _located(sentence: str, origins: Origins) -> str:
    """Put the place before a sentence that begins with a path."""
    path, colon, _ = sentence.partition(": ")
    try:
        return f"{origins.of(parse_path(path)) if colon else origins.file}: {sentence}"
    except UsageError:
        return f"{origins.file}: {sentence}"
