"""Reports as JSON documents: the stable shape behind `--output json|yaml` (docs/reference/output-json.md).

Fields are added, never renamed or removed, within one version of `schema`; a test compares the shape whole.
"""

from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from math import isfinite
from typing import Any

from evallab.reporting.report import BenchmarkReport, JobReport

SCHEMA = "evallab.job-report/1"


def to_json(report: JobReport) -> dict[str, Any]:
    """Return the report as plain JSON values: times in ISO 8601 UTC, numbers unrounded, what is unknown as null."""
    head = {key: value for key, value in plain(report).items() if key != "benchmarks"}
    return {"schema": SCHEMA, **head, "benchmarks": [_benchmark(benchmark) for benchmark in report.benchmarks]}


def plain(value: Any) -> Any:
    """Return a frozen value of ours as dicts, lists, strings and numbers."""
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, Mapping):
        return {_key(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    return None if isinstance(value, float) and not isfinite(value) else value


def _benchmark(benchmark: BenchmarkReport) -> dict[str, Any]:
    """The primary score is what nearly everybody wants, so it is called `score`; the rest are `other_scores`."""
    found = plain(benchmark)
    score, others, comparison = found.pop("primary_score"), found.pop("scores"), found.pop("comparison")
    return {"benchmark": benchmark.label, **found, "score": score, "other_scores": others, "comparison": comparison}


def _key(key: object) -> str:
    """Keys of pairs (metric, filter) become "metric,filter", as adapters write them."""
    return ",".join(str(part) for part in key) if isinstance(key, tuple) else str(key)
