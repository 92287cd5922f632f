"""`--output json`: the whole shape, which is documented and stable."""

import json
import re
from pathlib import Path

from tests.unit.reporting.making import benchmark, report, score, telemetry

from evallab.reporting.canary import Canary
from evallab.reporting.document import plain, to_json
from evallab.reporting.overall import Overall
from evallab.reporting.report import Progress

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "output-json.md"
IDENTICAL = Canary(
    outcome="identical",
    policy="Enforce",
    baseline_job="9f8e7d6c00000000",
    baseline_name="demo-f16",
    prompts=16,
    compared=16,
    within="identical",
    batch_effect="numeric_drift",
    batch_differing=1,
    batch_drift=0.02,
    detail="token ids",
)
MADE = report(
    benchmark(
        primary_score=score(threshold=0.9, passed=False),
        scores=(score(0.9, filter="flexible-extract", ci_low=None, ci_high=None),),
        progress=Progress(done=200, total=200, samples_per_minute=61.5),
    ),
    benchmark(1, "humaneval", state="failed", reason="Killed", message="Gone.", primary_score=None, comparison=None),
    overall=Overall(value=0.805, threshold=None, passed=None),
    telemetry=telemetry(),
    canary=IDENTICAL,
)


def test_the_documented_example_is_what_is_written() -> None:
    found = re.search(r"```json\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    assert to_json(MADE) == json.loads(found[1])


def test_every_field_is_explained() -> None:
    text = PAGE.read_text(encoding="utf-8")
    document = to_json(MADE)
    first = document["benchmarks"][0]
    values = (document, document["model"], document["overall"], first, first["progress"], first["score"])
    seen = document["telemetry"]
    values = (*values, document["canary"], seen, *seen["gpus"], seen["throughput"])
    names = {name for value in (*values, first["comparison"]) for name in value}
    assert {name for name in names if f"`{name}`" not in text} == set()


def test_what_json_cannot_say_is_null() -> None:
    assert plain({("exact_match", "none"): float("nan"), "high": float("inf")}) == {
        "exact_match,none": None,
        "high": None,
    }
