"""Reports as rows for notebooks."""

import pytest
from tests.unit.reporting.making import NOON, benchmark, report, score

from evallab.reporting.frames import frame, rows

MADE = report(
    benchmark(scores=(score(0.9, filter="flexible-extract"),)),
    benchmark(1, "humaneval", state="failed", primary_score=None, comparison=None),
)


def test_one_row_per_job_benchmark_and_metric() -> None:
    found = rows([MADE])
    assert [(row["benchmark"], row.get("filter"), row.get("primary")) for row in found] == [
        ("gsm8k", "strict-match", True),
        ("gsm8k", "flexible-extract", False),
        ("humaneval", None, None),
    ]
    assert found[0] == {
        "job": "1a2b3c4d00000000",
        "name": "demo-q3",
        "model": "demo-q3",
        "created_at": NOON,
        "provider": "lm_evaluation_harness",
        "benchmark": "gsm8k",
        "state": "completed",
        "primary": True,
        "metric": "exact_match",
        "filter": "strict-match",
        "value": 0.805,
        "ci_low": 0.744,
        "ci_high": 0.854,
        "interval_method": "wilson",
        "n": 200,
        "n_errors": 0,
        "higher_is_better": True,
        "validity": "valid",
        "validity_reasons": [],
        "threshold": None,
        "passed": None,
        "delta": -0.11,
        "delta_low": -0.161,
        "delta_high": -0.061,
        "verdict": "REGRESSION",
    }


def test_a_data_frame() -> None:
    pytest.importorskip("pandas")
    found = frame([MADE])
    assert list(found["value"].head(2)) == [0.805, 0.9]
