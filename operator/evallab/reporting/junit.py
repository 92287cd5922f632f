"""A report as JUnit XML, which every CI system reads: one test case per benchmark. Called through `cli.output`.

What makes the exit code other than 0 is a failure (a gate) or an error (no usable result); benchmarks that have not
ended are skipped. The score and its interval are properties of the case.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from evallab.reporting import figures
from evallab.reporting.gate import FailOn, Finding, of_benchmark, of_job
from evallab.reporting.report import BenchmarkReport, JobReport
from evallab.reporting.verdict import word

_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # what XML 1.0 cannot hold
Properties = Iterator[tuple[str, object]]


def render(report: JobReport, fail_on: FailOn = "never") -> str:
    """Return the document."""
    suites = Element("testsuites", name="evallab")
    suite = SubElement(suites, "testsuite", name=_text(report.name), hostname="", timestamp=_time(report.started_at))
    _add_properties(suite, _of_job(report))
    for benchmark in report.benchmarks:
        finding = of_benchmark(report, benchmark, fail_on)
        _add_case(suite, benchmark, finding)
    whole = of_job(report, fail_on)
    if whole:
        _add_finding(SubElement(suite, "testcase", classname="evallab", name="the whole job"), whole)
    _count(suite, report)
    suites.attrib.update({key: suite.attrib[key] for key in ("tests", "failures", "errors", "skipped", "time")})
    indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(suites, encoding="unicode")


def _add_case(suite: Element, benchmark: BenchmarkReport, finding: Finding | None) -> None:
    case = SubElement(suite, "testcase", classname=_text(benchmark.provider), name=_text(benchmark.id))
    _add_properties(case, _of_benchmark(benchmark))
    if finding:
        _add_finding(case, finding)
    elif benchmark.state in {"pending", "running"}:
        SubElement(case, "skipped", message=benchmark.state)


def _add_finding(case: Element, finding: Finding) -> None:
    message = _text(finding.reason.partition("\n")[0])
    told = SubElement(case, "error" if finding.broken else "failure", type=_text(finding.verdict), message=message)
    told.text = _text(f"{finding.verdict}: {finding.reason}\nlook further: {finding.remedy}")


def _add_properties(parent: Element, properties: Properties) -> None:
    inside = SubElement(parent, "properties")
    for name, value in properties:
        if value is not None:
            SubElement(inside, "property", name=name, value=_text(str(value)))


def _of_job(report: JobReport) -> Properties:
    yield "job", report.id
    yield "state", report.state
    yield "model", report.model.name
    yield "overall", report.overall.value if report.overall else None


def _of_benchmark(benchmark: BenchmarkReport) -> Properties:
    yield "verdict", word(benchmark)
    score, change = benchmark.primary_score, benchmark.comparison
    if score:
        yield "metric", figures.metric(score.metric, score.filter)
        for name in ("value", "ci_low", "ci_high", "n", "n_errors", "validity"):
            yield "score" if name == "value" else name, getattr(score, name)
    if change:
        yield "baseline", change.baseline_name or change.baseline_job
        numbers = ("baseline_value", "delta", "ci_low", "ci_high", "p_value", "q_value", "lost", "gained")
        for name in (*numbers, "discordance", "smallest_detectable", "margin"):
            yield f"delta_{name}" if name.startswith("ci_") else name, getattr(change, name)


def _count(suite: Element, report: JobReport) -> None:
    """Write the totals that readers expect on the suite; "errors" and "failures" are counted apart."""
    cases = suite.findall("testcase")
    suite.set("tests", str(len(cases)))
    for tag, name in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        suite.set(name, str(sum(case.find(tag) is not None for case in cases)))
    ended = report.finished_at if report.started_at else None
    took = (ended - report.started_at).total_seconds() if ended and report.started_at else 0
    suite.set("time", f"{took:.3f}")


def _time(moment: datetime | None) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S") if moment else ""


def _text(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text)
