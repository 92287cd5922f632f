"""Compares answers whole: every place where two differ is a finding. Pure; used by `replay`.

What can never be equal is made equal first: times, traces, ports, directories and the machine of an environment card.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["changed", "added", "missing", "order"]
TIMES = frozenset({"created_at", "updated_at", "timestamp", "completed_at", "collection_updated_at"})
MACHINE = frozenset({"os_info", "python_version", "capture_completeness"})
_CORS = tuple(f"access-control-{name}" for name in ("allow-origin", "allow-methods", "allow-headers", "max-age"))
HEADERS = ("content-type", "x-content-type-options", "trailer", *_CORS)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_URL = re.compile(r"http://127\.0\.0\.1:(?!9/)\d+(/a/[^/\"\s]+)?")  # 9 is the port of the model
_COMPLETENESS = re.compile(r"completeness: \d+%")


@dataclass(frozen=True)
class Finding:
    """One place where the answers differ."""

    kind: Kind
    path: str
    recorded: Any = None
    got: Any = None


def compare(recorded: Any, got: Any, path: str) -> Iterator[Finding]:
    """Yield where `got` differs from what was recorded."""
    if isinstance(recorded, dict) and isinstance(got, dict):
        yield from _mappings(recorded, got, path)
    elif isinstance(recorded, list) and isinstance(got, list):
        yield from _lists(recorded, got, path)
    elif not _equal(recorded, got):
        yield Finding("changed", path, recorded, got)


def _mappings(recorded: Mapping[str, Any], got: Mapping[str, Any], path: str) -> Iterator[Finding]:
    for name, value in recorded.items():
        if name in got:
            yield from compare(value, got[name], f"{path}.{name}")
        else:
            yield Finding("missing", f"{path}.{name}", recorded=value)
    for name in got.keys() - recorded.keys():
        yield Finding("added", f"{path}.{name}", got=got[name])


def _lists(recorded: Sequence[Any], got: Sequence[Any], path: str) -> Iterator[Finding]:
    """Compare entry by entry; entries that have an identity are found by it, and then their order is one finding."""
    names = [_identity(each) for each in recorded], [_identity(each) for each in got]
    if None in names[0] + names[1] or sorted(map(str, names[0])) != sorted(map(str, names[1])):
        if len(recorded) != len(got):
            yield Finding("changed", path, recorded, got)
            return
        order = list(range(len(got)))
    else:
        order = [names[1].index(name) for name in names[0]]
        if order != sorted(order):
            yield Finding("order", path, names[0], names[1])
    for number, (one, place) in enumerate(zip(recorded, order, strict=True)):
        yield from compare(one, got[place], f"{path}.{number}")


def _identity(entry: Any) -> Any:
    if not isinstance(entry, dict):
        return None
    return entry.get("benchmark_index", entry.get("resource", {}).get("id"))


def _equal(recorded: Any, got: Any) -> bool:
    """Tell whether two plain values are the same JSON; true is not 1."""
    return type(recorded) is type(got) and bool(recorded == got)


def normal(value: Any) -> Any:
    """Return an answer without what can never be equal."""
    if isinstance(value, dict):
        return {name: _named(name, each) for name, each in value.items()}
    if isinstance(value, list):
        return [normal(each) for each in value]
    if isinstance(value, str):
        return _COMPLETENESS.sub("completeness: ?", _URL.sub("<server>", value))
    return value


def _named(name: str, value: Any) -> Any:
    if name in TIMES and isinstance(value, str) and _TIME.fullmatch(value):
        return "<time>"
    if name == "trace":
        return "<trace>"
    return "<machine>" if name in MACHINE else normal(value)


def lines(text: str) -> dict[str, list[Any]]:
    """Return a log as something to compare: its lines, those that hold a job specification as that."""
    return {"lines": [json.loads(each[8:]) if each.startswith("JOBSPEC ") else each for each in text.split("\n")]}


def without_exports(value: Any) -> Any:
    """Return an answer as it would be had nothing been exported."""
    if isinstance(value, dict):
        return {name: without_exports(each) for name, each in value.items() if name != "exports"}
    return [without_exports(each) for each in value] if isinstance(value, list) else value
