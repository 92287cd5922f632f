"""Reports for CI: JUnit XML and markdown. They fail exactly what the exit code fails, and escape what others wrote."""

import re
from itertools import product
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from tests.unit.reporting.making import NOON, benchmark, change, everything, report, score

from evallab.cli.exits import Exit, FailOn, exit_code
from evallab.reporting import junit, markdown
from evallab.reporting.gate import of_benchmark, of_job
from evallab.reporting.overall import Overall
from evallab.reporting.report import BenchmarkReport, JobReport

JUNIT = (Path(__file__).parent / "junit.xml").read_text(encoding="utf-8")
MARKDOWN = (Path(__file__).parent / "summary.md").read_text(encoding="utf-8")
FAIL_ON: tuple[FailOn, ...] = ("regression", "inconclusive", "never")


def parsed(text: str) -> ElementTree.Element:
    return ElementTree.fromstring(text)  # noqa: S314 - we wrote it ourselves


def test_junit_whole() -> None:
    assert junit.render(everything(), "regression") + "\n" == JUNIT


def test_markdown_whole() -> None:
    assert markdown.render(everything(), "regression") + "\n" == MARKDOWN


def kinds() -> list[dict[str, Any]]:
    scores = [None, score(), score(validity="invalid"), score(threshold=0.9, passed=False)]
    comparisons = [None, *(change(verdict) for verdict in ("REGRESSION", "INCONCLUSIVE", "PASS"))]
    completed = [{"primary_score": s, "comparison": c} for s, c in product(scores, comparisons)]
    return [*completed, {"state": "failed", "primary_score": None, "comparison": None}]


@pytest.mark.parametrize("fail_on", FAIL_ON)
@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: re.sub(r"[^A-Z]", "", str(kind))[:40])
def test_ci_sees_a_failure_exactly_when_the_exit_code_is_one(kind: dict[str, Any], fail_on: FailOn) -> None:
    job = report(benchmark(**kind), state="completed" if "state" not in kind else "failed")
    suite = parsed(junit.render(job, fail_on))
    failed = int(suite.attrib["failures"]) + int(suite.attrib["errors"])
    assert (failed > 0) == (exit_code(job, fail_on) != Exit.FINE)
    assert ("**" in markdown.render(job, fail_on)) == (failed > 0)


def test_the_overall_threshold_is_a_case_of_its_own() -> None:
    job = report(overall=Overall(value=0.7, threshold=0.8, passed=False))
    [_, whole] = parsed(junit.render(job)).findall("testsuite/testcase")
    failure = whole.find("failure")
    assert failure is not None
    assert (whole.attrib["name"], failure.attrib["type"]) == ("the whole job", "BELOW")
    assert failure.attrib["message"] == "The overall score 0.700 misses the threshold 0.8."


def test_a_job_that_failed_before_its_benchmarks_is_an_error() -> None:
    job = report(benchmark(state="pending", primary_score=None, comparison=None), state="failed", message="No GPU.")
    suite = parsed(junit.render(job))
    assert {name: suite.attrib[name] for name in ("tests", "errors", "skipped")} == {
        "tests": "2", "errors": "1", "skipped": "1",
    }  # fmt: skip


def test_what_still_runs_is_skipped_and_fails_nothing() -> None:
    running = benchmark(state="running", primary_score=None, comparison=None)
    job = report(running, state="running", finished_at=None)
    suite = parsed(junit.render(job))
    assert (suite.attrib["skipped"], suite.attrib["errors"], suite.attrib["time"]) == ("1", "0", "0.000")
    assert of_job(job, "never") is None


def hostile() -> JobReport:
    text = "<b>&\"']]>\x00\x1b[31m\ud800|`*_[x](javascript:1)@team\n# no heading"
    broken: BenchmarkReport = benchmark(state="failed", primary_score=None, comparison=None, message=text)
    return report(broken, state="failed", name=text, started_at=NOON)


def test_texts_of_others_stay_texts_in_xml() -> None:
    made = junit.render(hostile())
    made.encode("utf-8")
    error = parsed(made).find("testsuite/testcase/error")
    assert error is not None
    assert error.text is not None
    assert "<b>&\"']]>\ufffd\ufffd[31m\ufffd|" in error.text


def test_texts_of_others_stay_texts_in_markdown() -> None:
    made = markdown.render(hostile())
    made.encode("utf-8")
    assert not re.search(r"(?<!\\)[<>]|\](?<!\\\])\(", made)
    assert len([line for line in made.splitlines() if line.startswith("#")]) == 1
    assert "\x1b" not in made


def test_a_finding_names_the_command_that_shows_more() -> None:
    job = report()
    found = of_benchmark(job, job.benchmarks[0], "regression")
    assert found is not None
    assert found.remedy == "evallab diff 1a2b3c4d --benchmark gsm8k"
    assert found.reason == (
        "exact_match went from 0.915 (demo-f16) to 0.805: 25 answers lost, 3 gained, p < 0.001, margin 0.01."
    )
