"""A dozen rounds of random kill -9, and whether those who judge them would see what they look for."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.acceptance.evalhub.rounds.facts import Facts
from tests.acceptance.evalhub.rounds.judging import RULES, Evidence, violations
from tests.acceptance.evalhub.rounds.planning import planned
from tests.acceptance.evalhub.rounds.rounds import Rounds, details, summary
from tests.acceptance.evalhub.rounds.world import World

ROUNDS, SEED = 12, 19


def test_nothing_is_lost_or_doubled_whoever_is_killed() -> None:
    world = World.made()
    try:
        outcome = Rounds(world, SEED, print).run(ROUNDS)
    finally:
        world.leave(keep=False)
    assert outcome.fine, f"{summary(outcome)}\n{details(outcome)}"
    assert {"server", "postgres", "mailbox"} <= outcome.killed.keys()


def test_a_seed_is_a_plan() -> None:
    assert [planned(7, number) for number in range(50)] == [planned(7, number) for number in range(50)]
    assert planned(7, 1) != planned(8, 1)


ACK = {"job": "j", "index": 0, "attempt": "t", "value": 0.5, "how": "posting"}
RESULT = {"attempt_id": "t", "job_id": "j", "index": 0, "metrics": {"acc": 0.5}, "samples": 0}
FINE = Evidence(
    acknowledged=[ACK],
    cancelled=frozenset(),
    keys={"k": "j"},
    questions={},
    shown={"j": {"results": {"benchmarks": [{"benchmark_index": 0, "metrics": {"acc": 0.5}}]}}},
    providers={"p": True},
    facts=Facts(
        jobs=[{"id": "j", "state": "completed", "reason": "Completed", "finished_at": 1, "idempotency_key": "k"}],
        benchmarks=[{"job_id": "j", "index": 0, "state": "completed", "reason": "Completed"}],
        attempts=[{"id": "t", "job_id": "j", "index": 0, "number": 1, "state": "completed", "reason": "Completed"}],
        results=[RESULT],
        counted=[RESULT],
        ends=[{"attempt_id": "t", "late": False, "metrics": {"acc": 0.5}}],
        expired_leases=[],
        left={"marks": []},
    ),
)


def changed(**facts: Any) -> Evidence:
    return replace(FINE, facts=replace(FINE.facts, **facts))


def first(rows: list[dict[str, Any]], **fields: Any) -> list[dict[str, Any]]:
    return [rows[0] | fields, *rows[1:]]


WRONG: dict[str, Callable[[], Evidence]] = {
    "every job has ended": lambda: changed(jobs=first(FINE.facts.jobs, state="running")),
    "every acknowledged job is there once": lambda: changed(jobs=FINE.facts.jobs * 2),
    "every acknowledged result counts": lambda: changed(counted=first([RESULT], metrics={"acc": 0.6})),
    "a benchmark with an acknowledged result completed": lambda: changed(
        benchmarks=first(FINE.facts.benchmarks, state="failed")
    ),
    "nothing ran again after its result was acknowledged": lambda: changed(
        attempts=[*FINE.facts.attempts, FINE.facts.attempts[0] | {"id": "u", "number": 2}]
    ),
    "no result is there twice": lambda: changed(results=[RESULT, RESULT]),
    "every completed benchmark has its result": lambda: changed(counted=[]),
    "every result has its samples once": lambda: changed(results=first([RESULT], samples=3)),
    "events posted once are there once": lambda: changed(ends=first(FINE.facts.ends, late=True)),
    "the api shows what counts": lambda: replace(FINE, shown={"j": {}}),
    "every provider is there": lambda: replace(FINE, providers={"p": False}),
    "nothing is left behind": lambda: changed(left={"marks": ["j"]}),
    "nobody was surprised": lambda: replace(FINE, surprises=["500"]),
}


def test_when_all_is_well_no_rule_says_anything() -> None:
    assert violations(FINE) == {name: [] for name in WRONG}


@pytest.mark.parametrize("rule", WRONG)
def test_each_rule_sees_what_it_is_there_for(rule: str) -> None:
    assert violations(WRONG[rule]())[rule] != []


def test_a_cancelled_job_may_lose_what_nobody_will_ask_for() -> None:
    lost = replace(changed(counted=[], results=[], benchmarks=first(FINE.facts.benchmarks, state="cancelled")))
    assert not any(violations(replace(lost, cancelled=frozenset({"j"}))).values())
    assert len(RULES) == len(WRONG)
