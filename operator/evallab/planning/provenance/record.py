"""Completing records of provenance, and reading them. Pure; `engine` completes when it writes, whoever shows, reads.

What cannot be known stays null in its place, so that SQL finds what it knows, and `unknown` says of each why. Old
records, imports and results of foreign adapters are completed when they are read.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from evallab.api.secrecy import hidden
from evallab.planning.provenance.benchmark_facts import OF_BENCHMARKS
from evallab.planning.provenance.field import EACH, OLDER, Fact, Field, Unknown
from evallab.planning.provenance.job_facts import OF_JOBS

Json = dict[str, Any]
SCHEMA = "evallab.provenance/1"
_ABSENT = object()
NOT_SAID = "whoever made the record did not say"
_IMPORTED = "the job was imported, and its files do not say"


def complete(found: Mapping[str, Any], fields: Sequence[Field], *, older: bool = False) -> Json:
    """Return a record in which every field is a value, or null with its reason; nothing in it is a secret.

    `older`: it was made before records were complete, so that what is absent was never asked for.
    """
    reasons: dict[str, str] = {}
    record: Json = hidden(_without_markers(found, "", reasons))
    said = record.get("unknown")
    reasons |= said if isinstance(said, Mapping) else {}
    unknown = {field.path: why for field in fields if (why := _why(record, field, reasons, older=older))}
    for path in unknown:
        _place(record, path)
    return {"schema": SCHEMA, **record, "unknown": unknown}


def whole(document: Mapping[str, Any]) -> Json:
    """Return the provenance of a job as the store keeps it, with every fact in its place."""
    job = document.get("job") or {}
    benchmarks = document.get("benchmarks") or {}
    return {
        "job": complete(job, OF_JOBS, older="schema" not in job) if job else {},
        "benchmarks": {
            index: complete(each, OF_BENCHMARKS, older="schema" not in each) for index, each in benchmarks.items()
        },
    }


def facts(record: Mapping[str, Any], fields: Sequence[Field]) -> tuple[Fact, ...]:
    """Return the fields of a complete record with their values."""
    unknown = record["unknown"]
    return tuple(
        Fact(field=field, why=unknown[field.path])
        if field.path in unknown
        else Fact(field=field, value=_value(record, field))
        for field in fields
    )


def beyond(record: Mapping[str, Any], fields: Sequence[Field]) -> Json:
    """Return what a record holds besides its fields: what an adapter of one's own wants to be known."""
    heads = {field.path.partition(".")[0].removesuffix(EACH) for field in fields}
    return {name: value for name, value in record.items() if name not in heads | {"schema", "unknown"}}


def _why(record: Json, field: Field, reasons: Mapping[str, str], *, older: bool) -> str:
    """Return why a field is unknown; "" when it is known, also where null is an answer."""
    value = _at(record, field.path)
    if value is None and field.none:
        return ""
    if value is not None and value is not _ABSENT:
        return ""
    if reason := next((reasons[path] for path in _upwards(field.path) if path in reasons), ""):
        return reason
    if "imported" in record:
        return _IMPORTED
    return OLDER if older and value is _ABSENT else field.why or NOT_SAID


def _value(record: Mapping[str, Any], field: Field) -> Any:
    value = _at(record, field.path)
    return field.none if value is None else value


def _at(record: Any, path: str) -> Any:
    """Return what stands at a path: of every task one value, or all by the task's name."""
    value = record
    names = path.split(".")
    for place, name in enumerate(names):
        if not isinstance(value, Mapping) or name.removesuffix(EACH) not in value:
            return _ABSENT if isinstance(value, Mapping) else None
        value = value[name.removesuffix(EACH)]
        if name.endswith(EACH):
            return _of_tasks(value, ".".join(names[place + 1 :]))
    return value


def _of_tasks(tasks: Any, path: str) -> Any:
    values = {str(each.get("task")): _at(each, path) for each in tasks or () if isinstance(each, Mapping)}
    different = [value for place, value in enumerate(values.values()) if value not in list(values.values())[:place]]
    if not different:
        return _ABSENT
    return different[0] if len(different) == 1 else {name: None if v is _ABSENT else v for name, v in values.items()}


def _upwards(path: str) -> Iterator[str]:
    """Yield a path and what it lies in, the nearest first."""
    while path:
        yield path
        path = path.rpartition(".")[0]


def _place(record: Json, path: str) -> None:
    """Put null where a value belongs, as far as there is a place for it."""
    if EACH in path:
        return
    *outer, name = path.split(".")
    inner: Any = record
    for each in outer:
        inner = inner.setdefault(each, {}) if isinstance(inner, dict) else None
    if isinstance(inner, dict):
        inner.setdefault(name, None)


def _without_markers(value: Any, path: str, reasons: dict[str, str]) -> Any:
    """Return a value with null for each marker, and note its reason."""
    if isinstance(value, Unknown):
        reasons[path] = value.why
        return None
    if isinstance(value, Mapping):
        return {
            name: _without_markers(each, f"{path}.{name}" if path else str(name), reasons)
            for name, each in value.items()
        }
    return value
