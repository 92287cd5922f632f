"""Attempts that wait for a place, are suspended, disrupted, or have to be ended for what was found from outside."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from evallab.planning.actions import StartAttempt, StartModel, StopAttempt, StopModel
from evallab.planning.conclusion import AttemptFacts, Cause, Conclusion, Declared, conclude
from evallab.planning.lifecycle import MOST_DISRUPTIONS, decide
from evallab.planning.views import AttemptView, BenchmarkView, JobView, ModelView

T0 = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
GOING = AttemptFacts(gone=False)
OOM = Cause(reason="OOMKilled", message="It used more memory than its limit.", remedy="Raise the limit.")


def attempt(facts: AttemptFacts = GOING, *, number: int = 1, waiting: bool = False) -> AttemptView:
    return AttemptView(id=f"a{number}", number=number, facts=facts, started_at=T0, waiting=waiting)


def job(*attempts: AttemptView, **changes: object) -> JobView:
    view = JobView(benchmarks=(BenchmarkView(index=0, attempts=attempts),), created_at=T0)
    return replace(view, **changes)  # type: ignore[arg-type]


def ended(reason: str, number: int) -> AttemptView:
    return replace(attempt(AttemptFacts(gone=True), number=number), settled=Conclusion(outcome="failed", reason=reason))


def test_waiting_does_not_count_as_running_time() -> None:
    view = job(attempt(waiting=True), timeout=HOUR, pending_deadline=10 * HOUR)
    assert decide(view, T0 + 9 * HOUR).actions == ()
    assert decide(view, T0 + 9 * HOUR).look_again_at == T0 + 10 * HOUR
    (stop,) = decide(view, T0 + 10 * HOUR).actions
    assert isinstance(stop, StopAttempt)
    assert stop.reason == "PendingTooLong"


def test_what_was_found_while_it_waits_ends_it_with_its_words() -> None:
    cause = Cause(reason="ImagePullFailed", message="The image cannot be had.", remedy="Check its name.")
    view = job(attempt(AttemptFacts(gone=False, cause=cause), waiting=True))
    assert decide(view, T0).actions == (
        StopAttempt("a1", "ImagePullFailed", "The image cannot be had. Check its name."),
    )
    facts = AttemptFacts(gone=True, vanished=True, stop_reason="ImagePullFailed", stop_message=cause.sentence)
    end = conclude(facts)
    assert end == Conclusion(outcome="failed", reason="ImagePullFailed", message=cause.sentence)
    assert decide(job(attempt(facts)), T0).state == "failed"  # no retry: the image would be missing again


def test_a_cause_says_more_than_an_exit_code_but_less_than_a_result() -> None:
    killed = AttemptFacts(gone=True, code=137, cause=OOM)
    assert conclude(killed) == Conclusion(
        outcome="failed", reason="OOMKilled", message=OOM.message, remedy="Raise the limit."
    )
    done = conclude(replace(killed, declared=Declared(completed=True)))
    assert done is not None
    assert done.outcome == "completed"
    cancelled = conclude(replace(killed, stop_reason="Cancelled"))
    assert cancelled is not None
    assert cancelled.reason == "Cancelled"


@pytest.mark.parametrize("reason", ["Evicted", "Preempted", "NodeLost", "PodDeleted"])
def test_disruptions_cost_no_retry_but_do_not_go_on_for_ever(reason: str) -> None:
    few = tuple(ended(reason, number) for number in range(1, 6))
    assert decide(job(*few, retries=0), T0).actions == (StartAttempt(0, 6),)
    many = tuple(ended(reason, number) for number in range(1, MOST_DISRUPTIONS + 2))
    plan = decide(job(*many, retries=0), T0)
    assert (plan.state, plan.actions) == ("failed", ())


def test_failures_between_disruptions_still_count() -> None:
    view = job(
        ended("Evicted", 1), ended("ExitedNonZero", 2), ended("Evicted", 3), ended("ExitedNonZero", 4), retries=1
    )
    assert decide(view, T0).state == "failed"


def test_suspending_ends_attempts_and_then_the_model_server() -> None:
    server = ModelView(state="ready", up=True)
    view = job(attempt(), suspended=True, model=server)
    assert decide(view, T0).actions == (StopAttempt("a1", "Suspended"),)
    stopped = replace(view, benchmarks=(BenchmarkView(index=0, attempts=(ended("Suspended", 1),)),))
    plan = decide(stopped, T0 + 1000 * HOUR)
    assert (plan.state, plan.actions, plan.look_again_at) == ("running", (StopModel(),), None)


def test_a_suspended_job_waits_for_ever_and_goes_on_where_it_was() -> None:
    fresh = job(suspended=True)
    plan = decide(fresh, T0 + 1000 * HOUR)
    assert (plan.state, plan.actions) == ("pending", ())
    again = job(*(ended("Suspended", number) for number in range(1, 60)), retries=0)
    assert decide(again, T0).actions == (StartAttempt(0, 60),)
    served = replace(again, model=ModelView(state="absent"))
    assert decide(served, T0).actions == (StartModel(),)


def test_a_suspended_job_can_be_cancelled() -> None:
    plan = decide(job(ended("Suspended", 1), suspended=True, cancelled=True), T0)
    assert (plan.state, plan.actions) == ("cancelled", ())
