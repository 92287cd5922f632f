"""The main job: scores are what the model card says, they reproduce, and one SELECT answers who scored what."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.command import EXAMPLES, ROOT, Command, Quickstart

pytestmark = pytest.mark.slow
HARNESSES = "select harness || ' ' || harness_version from scores where benchmark like 'lm_evaluation_harness/%'"


def _primary(report: Any) -> dict[str, Any]:
    return {each["id"]: each["score"] for each in report["benchmarks"]}


def test_both_jobs_end_with_every_benchmark_completed(quickstart: Quickstart) -> None:
    assert quickstart.f16.returncode == 0, quickstart.f16.stderr
    assert quickstart.q3.returncode == 1, quickstart.q3.stderr
    for done in (quickstart.f16, quickstart.q3):
        report = json.loads(done.stdout)
        assert report["state"] == "completed"
        assert len(report["benchmarks"]) >= 4
        assert {each["state"] for each in report["benchmarks"]} == {"completed"}


def test_scores_are_what_the_model_card_says(quickstart: Quickstart) -> None:
    card = json.loads((ROOT / "tinymodel" / "scores.json").read_text())
    for done, variant in ((quickstart.f16, "demo-f16"), (quickstart.q3, "demo-q3")):
        for each in json.loads(done.stdout)["benchmarks"]:
            name = each["id"]
            assert round(each["score"]["value"], 4) == card[name][variant]["score"], (name, variant)
            assert each["score"]["n"] == card[name][variant]["n"]


def test_a_score_without_interval_provenance_and_validity_is_not_a_result(
    evallab: Command, quickstart: Quickstart
) -> None:
    for each in json.loads(quickstart.f16.stdout)["benchmarks"]:
        score = each["score"]
        assert score["ci_low"] < score["value"] < score["ci_high"]
        assert score["validity"] == "valid"
    provenance = evallab.json("show", "quickstart", "--provenance")
    assert re.fullmatch("[0-9a-f]{64}", provenance["job"]["model_server"]["fingerprint"]["sha256"])
    assert provenance["job"]["host"]["cpu"]


def test_the_quantised_variant_shows_a_regression_and_an_honest_inconclusive(quickstart: Quickstart) -> None:
    verdicts = {each["id"]: each["comparison"]["verdict"] for each in json.loads(quickstart.q3.stdout)["benchmarks"]}
    assert "REGRESSION" in verdicts.values()
    assert "INCONCLUSIVE" in verdicts.values()


def test_scores_reproduce_exactly_from_one_job_to_the_next(evallab: Command, quickstart: Quickstart) -> None:
    again = evallab("run", "-f", str(EXAMPLES / "quickstart.yaml"), "--local", "--output", "json")
    report = json.loads(again.stdout)
    assert _primary(report) == _primary(json.loads(quickstart.f16.stdout))
    assert {each["comparison"]["lost"] + each["comparison"]["gained"] for each in report["benchmarks"]} == {0}
    hashes = evallab.sql(
        "select count(distinct response_hash) from samples where job = 'quickstart' group by benchmark, doc_id, repeat"
    )
    assert {count for [count] in hashes} == {"1"}


def test_every_sample_is_stored(evallab: Command, quickstart: Quickstart) -> None:
    asked = sum(each["score"]["n"] for each in json.loads(quickstart.q3.stdout)["benchmarks"])
    [[stored]] = evallab.sql("select count(*) from samples where job = 'quickstart-q3'")
    assert int(stored) == asked


def test_one_select_says_which_model_which_quantisation_which_commit_which_score(
    evallab: Command, quickstart: Quickstart
) -> None:
    page = (ROOT / "docs" / "reference" / "database.md").read_text()
    match = re.search(r"```sql\n(.*?)```", page, re.DOTALL)
    assert match is not None
    rows = evallab.sql(match[1])
    assert any("demo-q3" in row and "3-bit rounding" in row for row in rows), rows
    assert {row[0] for row in evallab.sql(HARNESSES)} == {"lm-eval 0.4.13"}


def test_the_same_from_python(evallab: Command, quickstart: Quickstart, tmp_path: Path) -> None:
    import subprocess
    import sys

    script = (
        "import evallab, json\n"
        "sets = ['metadata.name=python', 'spec.benchmarks[0].parameters.limit=20']\n"
        f"result = evallab.run({str(EXAMPLES / 'quickstart.yaml')!r}, sets=sets)\n"
        "print(json.dumps([result.state, result.scores[0]['n'], len(result.scores)]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=evallab.environ,
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    state, n, scores = json.loads(done.stdout)
    assert (state, n, scores >= 4) == ("completed", 20, True)
