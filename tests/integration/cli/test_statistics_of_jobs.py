"""Real jobs through the command line: verdicts, gates, groups, repeats, and what no statistic can be made of."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.integration.cli.answering import Answering, right
from tests.integration.cli.command import Command

from evallab.store.postgres import PostgresStore

EDGE = {"values": [0.0] * 7 + [1.0] * 33}  # against 40 right of 40: p = 0.0078
SLIGHT = {"values": [0.0] * 5 + [1.0] + [1.0] * 34}  # p = 0.031 alone


@pytest.fixture
def lab(store: PostgresStore, database_url: str, open_home: Path, tmp_path: Path) -> Answering:
    """The command with the answering provider, on a database of this test's own."""
    lab = Answering(Command(open_home, database_url), tmp_path)
    lab.prepare()
    return lab


def test_a_regression_alone_is_none_among_many(lab: Answering) -> None:
    lab.report("before", right(40, 40), right(30, 40), right(30, 40), right(30, 40))
    gate = {"against": "before", "failOn": "regression"}
    alone = lab.run("alone", SLIGHT, compare=gate)
    assert (alone.returncode, comparison(alone.stdout)["verdict"]) == (1, "REGRESSION")

    many = lab.run("many", SLIGHT, right(30, 40), right(30, 40), right(30, 40), compare=gate)
    found = comparison(many.stdout)
    assert (many.returncode, found["verdict"]) == (0, "INCONCLUSIVE")
    assert (found["p_value"], found["q_value"]) == (pytest.approx(0.03125), pytest.approx(0.125))
    assert found["note"].startswith("alone it would be a REGRESSION (p = 0.031); corrected for the 4 benchmarks")
    shown = lab("show", "many").stdout
    assert "p = 0.031, q = 0.125; smallest detectable difference" in shown
    assert "p corrected for all benchmarks compared at once (Benjamini-Hochberg); REGRESSION needs q ≤ 0.05" in shown
    assert "none of 40 answers changed, so there is nothing to test" in shown

    assert [each["comparison"]["verdict"] for each in json.loads(lab("diff", "many", "before", "-o", "json").stdout)[
        "changes"
    ]] == ["INCONCLUSIVE"] * 4  # fmt: skip
    junit = lab("show", "many", "-o", "junit").stdout
    assert '<property name="q_value" value="0.125" />' in junit
    assert "<failure" not in junit
    unsure = lab("wait", "many", "-o", "markdown")
    assert (unsure.returncode, "q = 0.125" in unsure.stdout) == (0, True)


@pytest.mark.parametrize(
    ("fail_on", "candidate", "code"),
    [
        ("regression", right(20, 40), 1),
        ("regression", right(39, 40), 0),
        ("inconclusive", right(39, 40), 5),
        ("inconclusive", right(20, 40), 1),
        ("never", right(20, 40), 0),
    ],
)
def test_gates_end_with_their_codes(lab: Answering, fail_on: str, candidate: dict[str, list[float]], code: int) -> None:
    lab.report("before", right(40, 40))
    done = lab.run("after", candidate, compare={"against": "before", "failOn": fail_on}, output="table")
    assert done.returncode == code, done.stdout
    assert lab("wait", "after").returncode == code


def test_a_gate_passes_what_excludes_a_loss(lab: Answering) -> None:
    lab.report("before", right(400, 400))
    gate = {"against": "before", "failOn": "inconclusive"}
    done = lab.run("after", right(400, 400), compare=gate, output="table")
    assert (done.returncode, " PASS" in done.stdout) == (0, True), done.stdout


def test_groups_widen_the_interval_and_decide_the_verdict(lab: Answering) -> None:
    clusters = {"clusters": [f"passage {question // 10}" for question in range(40)]}
    before = lab.report("before", right(40, 40) | clusters)
    assert score(before)["interval_method"] == "wilson: 40 questions in 4 groups"
    after = lab.report("after", right(30, 40) | clusters, compare={"against": "before"})
    assert score(after)["interval_method"] == "clustered: 40 questions in 4 groups"
    found = after["benchmarks"][0]["comparison"]
    assert (found["verdict"], found["p_value"]) == ("INCONCLUSIVE", 1.0)
    assert found["note"].startswith("40 questions in 4 groups, which are few")


def test_answers_to_one_question_are_one_observation(lab: Answering) -> None:
    repeats = {"repeats": 4, "values": [1.0, 0.0, 0.0, 0.0] * 20 + [0.0] * 80}
    found = lab.report("repeated", repeats)
    assert (score(found)["value"], score(found)["n"], score(found)["interval_method"]) == (0.125, 40, "t")
    [at_four] = found["benchmarks"][0]["other_scores"]
    assert (at_four["metric"], at_four["value"], at_four["n"]) == ("pass@4", 0.5, 40)
    assert (at_four["interval_method"], round(at_four["ci_low"], 3)) == ("wilson", 0.352)
    again = lab.report("again", repeats | {"values": [0.0] * 160}, compare={"against": "repeated"})
    compared = again["benchmarks"][0]["comparison"]
    assert (compared["n"], compared["lost"], compared["delta"]) == (40, 20, -0.125)


def test_jobs_with_nothing_in_common(lab: Answering) -> None:
    lab.report("one", right(3, 4))
    lab.report("other", right(3, 4) | {"asked": "something else"}, compare={"against": "one"})
    done = lab("diff", "other", "one")
    assert (done.returncode, done.stdout) == (2, "")
    assert "and one have no scores on the same questions." in done.stderr
    shown = lab("show", "other").stdout
    assert "there is no finished job 'one' with usable scores on the same questions" in shown
    assert "p =" not in shown


def test_one_sample(lab: Answering) -> None:
    lab.report("one", {"values": [0.5]})
    shown = lab.run("again", {"values": [0.25]}, output="table").stdout
    assert "no interval: one sample" in shown
    assert "INCONCLUSIVE" in shown
    assert "p = 1.000" in shown  # of one difference both signs are equally likely
    assert "NoSamples" not in shown


def test_all_correct(lab: Answering) -> None:
    assert score(lab.report("one", right(40, 40)))["ci_high"] == 1.0
    shown = lab.run("again", right(40, 40), output="table").stdout
    assert "none of 40 answers changed, so there is nothing to test" in shown
    assert "no answer changed; 381 questions would be needed to exclude a loss of 1 point" in shown


def test_duplicated_documents_count_once(lab: Answering) -> None:
    copies = {"copies": True}
    found = score(lab.report("one", right(30, 40) | copies))
    assert (found["ci_low"], found["interval_method"]) == (None, "none: all 40 questions are copies of one")
    shown = lab.run("again", right(10, 40) | copies, output="table").stdout
    assert "no interval: all 40 questions are copies of one" in shown
    assert "all 40 questions are one group, so nothing bounds the difference on other groups" in shown
    assert "INCONCLUSIVE" in shown


NO_NUMBERS = [("not a number", "the metric acc,none is nan, which is not a number"), ("much", "line 2")]


@pytest.mark.parametrize(("value", "said"), NO_NUMBERS)
def test_a_metric_that_is_no_number(lab: Answering, value: str, said: str) -> None:
    done = lab.run("broken", {"values": [1.0, value]}, output="table")
    assert done.returncode == 3
    assert "The adapter's result could not be recorded: " in done.stdout
    assert said in done.stdout
    assert "p =" not in done.stdout


async def test_a_deleted_baseline(lab: Answering, store: PostgresStore) -> None:
    before = lab.report("before", right(40, 40))
    lab.report("after", EDGE, compare={"against": "before"})
    assert lab("baseline", "set", "before", "--for", "m").returncode == 0
    await store.delete_job(before["id"], actor="test", now=datetime.now(UTC))

    shown = lab("show", "after")
    assert (shown.returncode, "REGRESSION" in shown.stdout) == (0, True)  # what was found when it was there stays
    assert lab("regressions", "--all").returncode == 0
    gone = lab("diff", "after", "before")
    assert (gone.returncode, "before" in gone.stderr) == (2, True)
    later = lab.run("later", EDGE, compare={"against": "baseline"}, output="table")
    assert later.returncode == 0
    assert "no other job is the baseline of m, or it asked other questions" in later.stdout


def comparison(text: str) -> dict[str, Any]:
    return dict(json.loads(text)["benchmarks"][0]["comparison"])


def score(report: Any) -> dict[str, Any]:
    return dict(report["benchmarks"][0]["score"])
