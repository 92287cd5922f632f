"""`evallab reproduce`: the verdict on a repetition; that it really runs the job again is shown in tests/acceptance."""

import re

from tests.integration.cli.command import Command


def test_a_job_reproduces_itself_bit_by_bit(evallab: Command) -> None:
    found = evallab.json("reproduce", "demo-f16", "--with", "demo-f16")
    assert [(each["benchmark"], each["found"]["verdict"], each["found"]["flips"]) for each in found["benchmarks"]] == [
        ("lm_evaluation_harness/demo_arith", "bitwise", 0),
        ("lm_evaluation_harness/demo_facts", "bitwise", 0),
    ]


def test_other_answers_are_no_reproduction(evallab: Command) -> None:
    done = evallab("reproduce", "demo-f16", "--with", "demo-q3")
    assert done.returncode == 1
    rows = [re.split(r"\s{2,}", line.strip()) for line in done.stdout.splitlines() if "demo_arith" in line]
    assert rows[0] == ["lm_evaluation_harness/demo_arith", *("40", "16", "16", "-40.00", "±2.50", "non-reproducible")]
    assert "the score moved by 40 points, the window is 2.5" in done.stdout


def test_an_unknown_job_is_a_sentence(evallab: Command) -> None:
    done = evallab("reproduce", "nobody")
    assert done.returncode == 2
    assert "nobody" in done.stderr
    assert "Traceback" not in done.stderr
