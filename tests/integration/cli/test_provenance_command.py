"""`evallab show --provenance` and `--diff` on records of an earlier version: complete, compared, with exit codes."""

from tests.integration.cli.command import Command
from tests.integration.cli.seeding import BASELINE, CANDIDATE


def test_the_record_is_shown_fact_by_fact(evallab: Command) -> None:
    lines = [" ".join(line.split()) for line in evallab.said("show", "demo-q3", "--provenance").splitlines()]
    assert lines[0] == "demo-q3 (ca4d1da7): what exactly ran"
    assert "CPU a cpu" in lines
    assert "commit unknown: recorded by an earlier evallab, which did not ask" in lines


def test_programs_get_the_record_with_what_is_unknown(evallab: Command) -> None:
    found = evallab.json("show", "demo-q3", "--provenance")
    assert sorted(found) == ["benchmarks", "job"]
    assert found["job"]["host"]["cpu"] == "a cpu"
    assert found["job"]["evallab"] == {"version": None, "commit": None, "dirty": None}
    assert found["benchmarks"]["0"]["harness"] == {"name": "lm-eval", "version": None, "commit": None}
    assert found["benchmarks"]["0"]["unknown"]["harness.version"] == "recorded by an earlier evallab, which did not ask"


def test_two_jobs_beside_each_other(evallab: Command) -> None:
    found = evallab.json("show", "demo-q3", "--diff", "demo-f16")
    assert (found["schema"], found["job"], found["other"]) == ("evallab.provenance-difference/1", CANDIDATE, BASELINE)
    assert found["setup"] == {"equal": None, "explained_by": []}  # nothing is recorded of the older one
    assert [each["benchmark"] for each in found["benchmarks"]] == [
        "lm_evaluation_harness/demo_arith",
        "lm_evaluation_harness/demo_facts",
    ]
    assert "setup key" in evallab.said("show", "demo-q3", "--provenance", "--diff", "demo-f16")


def test_exit_codes(evallab: Command) -> None:
    assert evallab("show", "demo-q3", "--diff", "demo-q3", "--exit-code").returncode == 0
    unknown = evallab("show", "demo-q3", "--diff", "nobody")
    assert (unknown.returncode, "Traceback" in unknown.stderr) == (2, False)
    form = evallab("show", "demo-q3", "--provenance", "-o", "junit")
    assert (form.returncode, "--provenance has no form for --output junit" in form.stderr) == (2, True)
