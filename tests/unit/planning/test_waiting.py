"""Whose turn it is, who may run beside whom, and what a job needs of the machine."""

from typing import Any

import pytest

from evallab.api.job import EvalJob, Gpu, Hardware, Model, Serve
from evallab.planning.waiting import Queued, ahead, gpus_needed, positions, shares_the_machine, width

SERVED = Model(name="m", serve=Serve(runtime="reference"))
ASKED = Model(name="m", url="http://127.0.0.1:1/v1")


def line(*words: str) -> list[Queued]:
    """`s` serves, `e` asks an endpoint; a capital letter runs already. Ids are the places: 0, 1, …"""
    return [
        Queued(id=str(number), running=word.isupper(), shares=word.lower() == "e") for number, word in enumerate(words)
    ]


@pytest.mark.parametrize(
    ("queue", "job", "parallel", "waits_for"),
    [
        ("ss", "0", 1, ""),
        ("ss", "1", 1, "0"),
        ("sS", "0", 1, "1"),  # who runs is not overtaken, whatever the priority
        ("sS", "1", 1, ""),  # and does not wait for what is more urgent, which waits for it
        ("sSs", "2", 1, "01"),
        ("ee", "1", 1, "0"),  # one at a time unless more were allowed
        ("ee", "1", 2, ""),
        ("eee", "2", 2, "01"),
        ("EEe", "2", 3, ""),
        ("se", "1", 9, "0"),  # nobody overtakes one that serves, also while it waits
        ("es", "1", 9, "0"),  # who serves has the machine to itself
        ("eS", "0", 9, "1"),
        ("e", "gone", 9, "0"),
    ],
)
def test_who_goes_first(queue: str, job: str, parallel: int, waits_for: str) -> None:
    assert "".join(sorted(ahead(job, line(*queue), parallel=parallel))) == waits_for


def test_positions_count_those_that_wait() -> None:
    assert positions(line("S", "s", "e")) == {"1": 1, "2": 2}


def job(model: Model, **fields: Any) -> EvalJob:
    return EvalJob(name="j", model=model, **fields)


def test_only_endpoints_are_asked_by_several_benchmarks_at_once() -> None:
    assert [shares_the_machine(job(each)) for each in (SERVED, ASKED)] == [False, True]
    assert width(job(SERVED), unfinished=5, parallel=4) == 1
    assert [width(job(ASKED), unfinished=number, parallel=4) for number in (0, 1, 3, 9)] == [1, 1, 3, 4]


def test_gpus_are_for_a_model_that_is_served() -> None:
    two, one = Hardware(gpu=Gpu(count="2")), Hardware(gpu=Gpu())
    assert gpus_needed(job(SERVED)) == 0
    assert [gpus_needed(job(SERVED, hardware=each)) for each in (two, one)] == [2, 1]
    assert gpus_needed(job(ASKED, hardware=two)) == 0
