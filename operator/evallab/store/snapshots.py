"""Records of the view job_snapshots as values: a whole job from one row, most of it JSON. Called by `jobs` and `pages`.

A page has dozens of jobs with dozens of rows each, so rows are made without the detour of their own constructors, and a
spec that was read before, which never changes, is not read again.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeVar

from evallab.api.job import EvalJob
from evallab.store.interface import AttemptRow, BenchmarkRow, EventRow, JobRow, JobSnapshot

R = TypeVar("R", JobRow, BenchmarkRow, AttemptRow, EventRow)
_TIMES = ("created_at", "started_at", "finished_at", "received_at", "resumed_at", "updated_at", "deleted_at")
_SPECS = 256  #: kept in memory: a few pages of jobs, a few KiB each


def job(record: Mapping[str, Any]) -> JobRow:
    """Return the job of a record."""
    return _row(JobRow, record["job"] | {"spec": _spec(record["spec"])})


def attempt(record: dict[str, Any]) -> AttemptRow:
    """Return the attempt of an object of JSON."""
    return _row(AttemptRow, record)


def snapshot(record: Mapping[str, Any]) -> JobSnapshot:
    """Return the job of a record, whole."""
    parts = record["parts"]
    metrics = parts["metrics"] or {}
    return JobSnapshot(
        job=job(record),
        benchmarks=_rows(BenchmarkRow, parts["benchmarks"]),
        attempts=_rows(AttemptRow, parts["attempts"]),
        events=_rows(EventRow, parts["events"]),
        results=frozenset(metrics),
        metrics=metrics,
    )


@lru_cache(maxsize=_SPECS)
def _spec(text: str) -> EvalJob:
    return EvalJob.model_validate_json(text)


def _rows(kind: type[R], objects: list[dict[str, Any]] | None) -> tuple[R, ...]:
    return tuple(_row(kind, each) for each in objects or ())


def _row(kind: type[R], fields: dict[str, Any]) -> R:
    for name in _TIMES:
        value = fields.get(name)
        if value is not None:
            fields[name] = datetime.fromisoformat(value)
    row = object.__new__(kind)
    row.__dict__.update(fields)
    return row
