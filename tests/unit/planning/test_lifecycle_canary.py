"""When the canary's prompts are asked: attempts wait for the first, the job's end waits for the last."""

from typing import Any

import pytest
from tests.unit.planning.test_lifecycle import CRASHED, DONE, GOING, T0, attempt, job

from evallab.planning.actions import RunCanary, StartAttempt, StartModel, StopModel
from evallab.planning.lifecycle import decide
from evallab.planning.views import ModelView, Plan

READY = ModelView(state="ready", up=True)
NOTHING: tuple[Any, ...] = ()


def plan(*benchmarks: Any, **changes: Any) -> Plan:
    return decide(job(*benchmarks, **changes), T0)


def test_attempts_wait_until_the_first_prompts_were_asked() -> None:
    assert plan(NOTHING, canary="due", model=READY).actions == (RunCanary(),)
    assert plan(NOTHING, canary="asking", model=READY).actions == ()
    assert plan(NOTHING, canary="begun", model=READY).actions == (StartAttempt(0, 1),)
    assert plan(NOTHING, canary="off", model=READY).actions == (StartAttempt(0, 1),)


@pytest.mark.parametrize("state", ["absent", "starting", "died", "failed"])
def test_a_server_that_is_not_ready_is_not_asked(state: Any) -> None:
    for canary in ("due", "begun"):
        actions = plan(NOTHING, canary=canary, model=ModelView(state=state)).actions
        assert not [each for each in actions if isinstance(each, RunCanary)]


@pytest.mark.parametrize("why", ["cancelled", "abandoned", "suspended"])
def test_a_job_that_does_not_go_on_asks_nothing(why: str) -> None:
    assert not [each for each in plan(NOTHING, canary="due", model=READY, **{why: True}).actions if each == RunCanary()]
    assert plan(NOTHING, canary="due", admitted=False).actions == ()


def test_a_job_that_has_begun_does_not_wait_for_prompts_that_were_never_asked() -> None:
    crashed = (attempt(CRASHED, settled=True),)
    assert plan(crashed, canary="due", model=READY).actions == (StartAttempt(0, 2),)
    assert plan((attempt(GOING),), canary="due", model=READY).actions == ()


def test_the_server_stays_until_the_last_prompts_were_asked_and_the_job_is_not_finished_before() -> None:
    done = (attempt(DONE, settled=True),)
    due = plan(done, canary="begun", model=READY)
    assert (due.actions, due.finished) == ((RunCanary(last=True),), False)
    asking = plan(done, canary="asking", model=READY)
    assert (asking.actions, asking.finished) == ((), False)
    assert plan(done, canary="done", model=READY).actions == (StopModel(),)
    assert plan(done, canary="done").finished


def test_without_a_score_or_a_server_the_last_prompts_are_not_asked() -> None:
    crashed = (attempt(CRASHED, settled=True),)
    assert plan(crashed, canary="begun", model=READY, retries=0).actions == (StopModel(),)
    done = (attempt(DONE, settled=True),)
    for model in (ModelView(state="absent"), ModelView(state="died"), ModelView(state="failed")):
        assert plan(done, canary="begun", model=model).finished


def test_a_server_that_outlived_its_driver_is_taken_over_for_the_last_prompts() -> None:
    done = (attempt(DONE, settled=True),)
    assert plan(done, canary="begun", model=ModelView(state="absent", up=True)).actions == (StartModel(),)
    starting = plan(done, canary="begun", model=ModelView(state="starting", up=True))
    assert (starting.actions, starting.finished) == ((), False)


def test_a_cancelled_job_ends_though_its_last_prompts_are_missing() -> None:
    done = (attempt(DONE, settled=True),)
    assert plan(done, canary="begun", cancelled=True).finished
