"""`--set path=value`: fields of a manifest changed from the command line, before anything is validated.

The path is the one that messages show (`spec.benchmarks[0].parameters.limit`), the value is YAML. A field that the
manifest may not have is found by validation afterwards, like any other.
"""

from typing import Any

from evallab.api.errors import UsageError
from evallab.api.manifest import parse_value
from evallab.api.path import Path, parse, render
from evallab.api.tree import Broken


def apply_sets(data: dict[str, Any], sets: list[str] | tuple[str, ...]) -> dict[str, Any]:
    """Return `data` with every `path=value` applied, later ones last; `data` itself stays as it was."""
    changed = data
    for each in sets:
        path, value = split(each)
        changed = _with(changed, path, value, depth=0)
    return changed


def split(text: str) -> tuple[Path, Any]:
    """Take `path=value` apart."""
    path, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"--set {text}: there is no '='.", remedy="Write it like spec.sampling.temperature=0.")
    try:
        parsed, _ = parse_value(value)
    except Broken as broken:
        raise UsageError(f"--set {text}: the value is wrong: {broken.sentence}.") from None
    return parse(path.strip()), parsed


def _with(value: Any, path: Path, new: Any, *, depth: int) -> Any:
    """Return `value` with the field at `path[depth:]` replaced."""
    if depth == len(path):
        return new
    step = path[depth]
    if isinstance(step, int):
        entries = _entries(value, path, depth)
        inner = entries[step] if step < len(entries) else None
        return [*entries[:step], _with(inner, path, new, depth=depth + 1), *entries[step + 1 :]]
    fields = _fields(value, path, depth)
    return {**fields, step: _with(fields.get(step), path, new, depth=depth + 1)}


def _entries(value: Any, path: Path, depth: int) -> list[Any]:
    entries = [] if value is None else value
    if not isinstance(entries, list):
        raise UsageError(f"--set {render(path)}: {_name(path, depth)} is not a list.")
    if int(path[depth]) > len(entries):
        raise UsageError(f"--set {render(path)}: {_name(path, depth)} has only {len(entries)} entries.")
    return entries


def _fields(value: Any, path: Path, depth: int) -> dict[str, Any]:
    fields = {} if value is None else value
    if not isinstance(fields, dict):
        raise UsageError(f"--set {render(path)}: {_name(path, depth)} is not a mapping of fields.")
    return fields


def _name(path: Path, depth: int) -> str:
    return render(path[:depth]) or "the manifest"
