"""Provenance for people: groups, what is unknown marked with its reason, what all benchmarks share said once."""

from typing import Any

from evallab.planning.provenance import whole
from evallab.planning.provenance.difference import Ran, difference
from evallab.reporting.paper import Paper
from evallab.reporting.provenance import NOT_YET, document, render, render_difference, text

JOB: dict[str, Any] = {"schema": "evallab.provenance/1", "host": {"cpu": "a cpu", "gpu": None}, "canary": None}
QUESTION: dict[str, Any] = {"schema": "evallab.provenance/1", "harness": {"name": "lm-eval"}, "question": {"n": 3}}


def ran(job_id: str, job: dict[str, Any], *benchmarks: dict[str, Any]) -> Ran:
    record = whole({"job": job, "benchmarks": {str(index): each for index, each in enumerate(benchmarks)}})
    return Ran(
        job=job_id, name="j", benchmarks={index: f"p/{index}" for index in range(len(benchmarks))}, record=record
    )


def lines(drawn: str) -> list[str]:
    return [" ".join(line.split()) for line in drawn.splitlines()]


def test_facts_stand_in_their_groups_and_unknown_ones_say_why() -> None:
    drawn = lines(render(ran("12345678", JOB), Paper()))
    assert drawn[0] == "j (12345678): what exactly ran"
    assert "CPU a cpu" in drawn
    assert "devices unknown: no NVIDIA driver answers on the machine that ran the engine" in drawn
    assert drawn.index("Host") < drawn.index("GPU") < drawn.index("Course")


def test_what_all_benchmarks_share_is_said_once() -> None:
    other = {**QUESTION, "question": {"n": 4}}
    drawn = lines(render(ran("12345678", JOB, QUESTION, other), Paper()))
    assert drawn.count("harness lm-eval") == 1
    assert drawn.index("All 2 benchmarks") < drawn.index("harness lm-eval") < drawn.index("p/0")
    assert (drawn.count("questions 3"), drawn.count("questions 4")) == (1, 1)


def test_what_an_adapter_says_besides_is_shown() -> None:
    assert "mine so" in lines(render(ran("12345678", JOB, {**QUESTION, "mine": "so"}), Paper()))


def test_a_job_that_has_not_ended_says_so() -> None:
    assert NOT_YET in render(ran("12345678", {}), Paper())


def test_a_difference_names_keys_facts_and_both_jobs() -> None:
    other = {**JOB, "host": {"cpu": "another", "gpu": None}}
    found = difference(ran("1" * 8, JOB, QUESTION), ran("2" * 8, other, {**QUESTION, "question": {"n": 4}}))
    drawn = lines(render_difference(found, Paper()))
    assert drawn[0] == "j (11111111) against j (22222222)"
    assert "setup key different: something else answered (cpu)" in drawn
    assert "p/0: question key different: something else was asked: the scores are not comparable (n)" in drawn
    assert "CPU a cpu another" in drawn
    assert document(found)["facts"] == [
        {
            "path": "host.cpu",
            "group": "Host",
            "label": "CPU",
            "ours": {"value": "a cpu", "unknown": ""},
            "theirs": {"value": "another", "unknown": ""},
        }
    ]


def test_nothing_differs() -> None:
    found = difference(ran("1" * 8, JOB), ran("2" * 8, JOB))
    assert "Nothing differs that a record holds, besides times." in render_difference(found, Paper())


def test_values_are_one_line() -> None:
    values: tuple[Any, ...] = (True, ["a b", "c\nd"], {"a": 1, "b": None}, [{"a": 1}, {"a": 2}], [], {}, "x\ny")
    assert [text(each) for each in values] == ["yes", "'a b' 'c\\nd'", "a=1", "a=1; a=2", "none", "none", "x\\ny"]
