"""Rows of results as clients read them: numbers as they are, times with Z, benchmarks by their index. Pure."""

from dataclasses import asdict
from typing import Any

from evallab.reporting.exports import record
from evallab.reporting.questions import Answered
from evallab.server.views.benchmark import score_view
from evallab.server.views.moments import moment
from evallab.store.interface import ArtifactRow, ComparisonRow, ScoreRow

Json = dict[str, Any]
_TEXTS = ("prompt", "target", "response", "reasoning", "filtered")


def score(row: ScoreRow) -> Json:
    """Return one metric of one benchmark."""
    whose = {"benchmark_index": row.index, "provider_id": row.provider_id, "id": row.benchmark_id}
    return {**whose, **score_view(row), "question_key": row.question_key, "attempt_id": row.attempt_id}


def sample(question: Answered, *, texts: bool) -> Json:
    """Return one question and how it was answered."""
    found = record(question)
    return found if texts else {name: value for name, value in found.items() if name not in _TEXTS}


def artifact(row: ArtifactRow, *, href: str) -> Json:
    """Return one kept file; one that retention removed has no address any more."""
    return {
        "id": row.id,
        "benchmark_index": row.index,
        "attempt_id": row.attempt_id,
        "kind": row.kind,
        "name": row.name,
        "sha256": row.sha256,
        "bytes": row.bytes,
        **({"href": href} if row.expired_at is None else {"expired_at": moment(row.expired_at)}),
    }


def comparison(row: ComparisonRow) -> Json:
    """Return one comparison."""
    found = asdict(row)
    index, baseline_index = found.pop("index"), found.pop("baseline_index")
    del found["job_id"]
    return {"benchmark_index": index, "baseline_benchmark_index": baseline_index, **found}
