"""The state machine: any order, repetition or loss of observations ends in the same terminal state."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evallab.planning.actions import Settle, StartAttempt, StartModel, StopAttempt, StopModel
from evallab.planning.conclusion import AttemptFacts, Conclusion, Declared, conclude
from evallab.planning.lifecycle import decide, roll_up
from evallab.planning.views import AttemptView, BenchmarkView, JobView, ModelView, Plan

T0 = datetime(2026, 1, 1, tzinfo=UTC)
GOING = AttemptFacts(gone=False)
DONE = AttemptFacts(gone=True, declared=Declared(completed=True), code=0)
CRASHED = AttemptFacts(gone=True, code=1)


def attempt(facts: AttemptFacts, *, number: int = 1, settled: bool = False) -> AttemptView:
    end = conclude(facts) if settled else None
    return AttemptView(id=f"a{number}", number=number, facts=facts, started_at=T0, settled=end)


def job(*benchmarks: tuple[AttemptView, ...], **changes: object) -> JobView:
    views = tuple(BenchmarkView(index=index, attempts=attempts) for index, attempts in enumerate(benchmarks))
    return replace(JobView(benchmarks=views, created_at=T0), **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("facts", "outcome", "reason"),
    [
        (DONE, "completed", "Completed"),
        (CRASHED, "failed", "ExitedNonZero"),
        (AttemptFacts(gone=True, code=0), "failed", "NoResult"),
        (AttemptFacts(gone=True, code=127), "failed", "CommandNotFound"),
        (AttemptFacts(gone=True, signal=9), "failed", "Killed"),
        (AttemptFacts(gone=True, signal=15), "failed", "Signalled"),
        (AttemptFacts(gone=True, code=137), "failed", "Killed"),  # as a shell that waited for it says
        (AttemptFacts(gone=True, code=255), "failed", "ExitedNonZero"),
        (AttemptFacts(gone=True, vanished=True), "failed", "Vanished"),
        (AttemptFacts(gone=True, orphaned=True, signal=15), "failed", "OwnerDied"),
        (AttemptFacts(gone=True, signal=15, stop_reason="TimedOut"), "failed", "TimedOut"),
        (AttemptFacts(gone=True, signal=15, stop_reason="Cancelled"), "cancelled", "Cancelled"),
        (AttemptFacts(gone=True, declared=Declared(failed=True, message="no data"), code=1), "failed", "AdapterFailed"),
        (AttemptFacts(gone=True, declared=Declared(failed=True, code="adapter_failed")), "failed", "AdapterRefused"),
        # A result that was written counts, whatever happened to the process afterwards.
        (AttemptFacts(gone=True, declared=Declared(completed=True), signal=9), "completed", "Completed"),
        (AttemptFacts(gone=True, declared=Declared(completed=True), stop_reason="Cancelled"), "completed", "Completed"),
    ],
)
def test_every_end_has_a_reason(facts: AttemptFacts, outcome: str, reason: str) -> None:
    end = conclude(facts)
    assert end is not None
    assert (end.outcome, end.reason) == (outcome, reason)


def test_an_attempt_that_runs_has_not_ended() -> None:
    assert conclude(AttemptFacts(gone=False, declared=Declared(completed=True))) is None


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        (["completed", "completed"], "completed"),
        (["failed", "failed"], "failed"),
        (["cancelled", "cancelled"], "cancelled"),
        (["completed", "failed"], "partially_failed"),
        (["completed", "cancelled"], "partially_failed"),
        (["completed", "pending"], "running"),
        (["running", "pending"], "running"),
    ],
)
def test_roll_up_follows_evalhub(states: list[str], expected: str) -> None:
    assert roll_up(states) == expected  # type: ignore[arg-type]


def test_a_new_job_starts_its_first_benchmark_only() -> None:
    plan = decide(job((), ()), T0)
    assert plan == Plan(state="pending", benchmarks=plan.benchmarks, actions=(StartAttempt(0, 1),), look_again_at=None)


def test_the_model_server_comes_first_and_goes_last() -> None:
    absent = decide(job((), model=ModelView(state="absent")), T0)
    starting = decide(job((), model=ModelView(state="starting", up=True)), T0)
    ended = decide(job((attempt(DONE, settled=True),), model=ModelView(state="ready", up=True)), T0)
    assert (absent.actions, starting.actions, ended.actions) == ((StartModel(),), (), (StopModel(),))
    assert not ended.finished


def test_a_model_server_that_fails_ends_the_job_with_its_reason() -> None:
    plan = decide(job((), model=ModelView(state="failed", message="no such file")), T0)
    assert plan.state == "failed"
    assert plan.benchmarks[0].conclusion == Conclusion(
        outcome="failed", reason="ModelServerFailed", message="no such file"
    )


def test_a_failed_attempt_is_settled_then_retried_then_given_up() -> None:
    first = decide(job((attempt(CRASHED),), retries=1), T0)
    assert [type(action) for action in first.actions] == [Settle, StartAttempt]
    again = decide(job((attempt(CRASHED, settled=True),), retries=1), T0)
    assert again.actions == (StartAttempt(0, 2),)
    given_up = decide(job((attempt(CRASHED, settled=True), attempt(CRASHED, number=2, settled=True)), retries=1), T0)
    assert (given_up.state, given_up.finished) == ("failed", True)


def test_a_refusal_is_not_retried() -> None:
    refused = AttemptFacts(gone=True, declared=Declared(failed=True, code="adapter_failed", message="no such task"))
    assert decide(job((attempt(refused, settled=True),)), T0).finished


def test_time_out_stops_the_attempt_once() -> None:
    late = T0 + timedelta(hours=5)
    plan = decide(job((attempt(GOING),)), late)
    assert plan.actions == (StopAttempt("a1", "TimedOut"),)
    told = replace(GOING, stop_reason="TimedOut")
    assert decide(job((attempt(told),)), late).actions == ()


def test_cancel_stops_what_runs_and_starts_nothing() -> None:
    plan = decide(job((attempt(GOING),), (), cancelled=True), T0)
    assert plan.actions == (StopAttempt("a1", "Cancelled"),)
    assert [status.state for status in plan.benchmarks] == ["running", "cancelled"]


def test_waiting_for_a_turn_has_a_deadline() -> None:
    waiting = job((), admitted=False, pending_deadline=timedelta(minutes=1))
    assert decide(waiting, T0) == Plan(
        state="pending",
        benchmarks=decide(waiting, T0).benchmarks,
        actions=(),
        look_again_at=T0 + timedelta(minutes=1),
    )
    assert decide(waiting, T0 + timedelta(minutes=1)).benchmarks[0].conclusion.reason == "PendingTooLong"  # type: ignore[union-attr]


# -- the model server's deaths -------------------------------------------------------------------------------------


def died(deaths: int, *, up: bool = False) -> ModelView:
    return ModelView(state="died", message="Its last words: OOM", deaths=deaths, up=up)


def test_a_model_server_that_died_is_cleared_away_then_started_again_when_nobody_asks_it() -> None:
    asking = job((attempt(GOING),), model=died(1, up=True))
    assert decide(asking, T0).actions == (StopAttempt("a1", "ModelServerDied"), StopModel())
    ended = attempt(replace(GOING, gone=True, stop_reason="ModelServerDied"), settled=True)
    assert decide(job((attempt(GOING),), model=died(1)), T0).actions == (StopAttempt("a1", "ModelServerDied"),)
    assert decide(job((ended,), model=died(1)), T0).actions == (StartModel(),)


def test_the_next_attempt_asks_half_as_much_at_once_and_no_retry_was_used() -> None:
    ended = attempt(replace(GOING, gone=True, stop_reason="ModelServerDied"), settled=True)
    again = job((ended,), model=ModelView(state="ready", up=True, deaths=1), retries=0)
    assert decide(again, T0).actions == (StartAttempt(0, 2, 0.5),)
    twice = job(
        (ended, replace(ended, id="a2", number=2)), model=ModelView(state="ready", up=True, deaths=2), retries=0
    )
    assert decide(twice, T0).actions == (StartAttempt(0, 3, 0.25),)


def test_a_third_death_ends_the_job_with_the_deaths_and_the_last_words() -> None:
    ended = attempt(replace(GOING, gone=True, stop_reason="ModelServerDied"), settled=True)
    plan = decide(job((ended,), (), model=died(3)), T0)
    assert (plan.state, plan.finished) == ("failed", True)
    assert {status.conclusion and status.conclusion.reason for status in plan.benchmarks} == {"ModelServerFailed"}
    assert "died 3 times" in plan.benchmarks[0].conclusion.message  # type: ignore[union-attr]
    assert "OOM" in plan.benchmarks[0].conclusion.message  # type: ignore[union-attr]


def test_an_attempt_that_fails_under_a_dead_server_failed_because_of_it() -> None:
    plan = decide(job((attempt(CRASHED),), model=died(1), retries=0), T0)
    assert [action.conclusion.reason for action in plan.actions if isinstance(action, Settle)] == ["ModelServerDied"]
    assert not plan.finished


# -- resumption ------------------------------------------------------------------------------------------------------


def test_what_ended_before_a_resumption_ends_nothing_but_completions_stay() -> None:
    cancelled = replace(attempt(replace(GOING, gone=True, stop_reason="Cancelled"), settled=True), past=True)
    refused = AttemptFacts(gone=True, declared=Declared(failed=True, code="adapter_failed"))
    done = replace(attempt(DONE, settled=True), past=True)
    plan = decide(job((cancelled,), (replace(attempt(refused, settled=True), past=True),), (done,), parallel=2), T0)
    assert plan.actions == (StartAttempt(0, 2), StartAttempt(1, 2))
    assert [status.state for status in plan.benchmarks] == ["pending", "pending", "completed"]


def test_attempts_before_a_resumption_are_no_retries() -> None:
    past = tuple(replace(attempt(CRASHED, number=number, settled=True), past=True) for number in (1, 2, 3))
    failing = job((*past, attempt(CRASHED, number=4, settled=True)), retries=1)
    assert decide(failing, T0).actions == (StartAttempt(0, 5),)


def test_a_past_attempt_that_still_runs_is_waited_for() -> None:
    plan = decide(job((replace(attempt(GOING), past=True),)), T0)
    assert (plan.state, plan.actions) == ("running", ())


def test_a_resumed_job_that_waits_for_its_turn_is_pending() -> None:
    done = replace(attempt(DONE, settled=True), past=True)
    assert decide(job((done,), (), admitted=False), T0).state == "pending"


# -- the property ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Truth:
    """What will really happen to each attempt of a benchmark, in the order of attempts."""

    ends: tuple[AttemptFacts, ...]


ENDS = st.sampled_from(
    [
        DONE,
        CRASHED,
        AttemptFacts(gone=True, code=0),
        AttemptFacts(gone=True, signal=9),
        AttemptFacts(gone=True, vanished=True),
        AttemptFacts(gone=True, declared=Declared(failed=True, code="adapter_failed", message="refused"), code=1),
        AttemptFacts(gone=True, declared=Declared(completed=True), signal=9),
    ]
)
TRUTHS = st.lists(st.lists(ENDS, min_size=4, max_size=4).map(lambda ends: Truth(tuple(ends))), min_size=1, max_size=3)
#: Each number is one look: which benchmark's attempt has its end revealed before it (or none), and whether the
#: actions of that look are carried out or lost with the process that planned them.
LOOKS = st.lists(st.tuples(st.integers(-1, 2), st.booleans()), max_size=40)


class World:
    """Attempts that go their predestined ways, watched by a reconciler that may die between any two steps."""

    def __init__(self, truths: list[Truth]) -> None:
        self.truths = truths
        self.attempts: list[list[AttemptView]] = [[] for _ in truths]

    def view(self, **changes: object) -> JobView:
        return job(*(tuple(each) for each in self.attempts), **changes)

    def resume(self) -> None:
        """Somebody asks to go on: whatever there was is past."""
        self.attempts = [[replace(each, past=True) for each in attempts] for attempts in self.attempts]

    def reveal(self, index: int) -> None:
        if 0 <= index < len(self.attempts) and self.attempts[index]:
            last = self.attempts[index][-1]
            ends = self.truths[index].ends
            truth = ends[(len(self.attempts[index]) - 1) % len(ends)]
            self.attempts[index][-1] = replace(last, facts=truth)

    def act(self, plan: Plan) -> None:
        for action in plan.actions:
            if isinstance(action, StartAttempt) and len(self.attempts[action.index]) < action.number:
                view = AttemptView(
                    id=f"{action.index}/{action.number}", number=action.number, facts=GOING, started_at=T0
                )
                self.attempts[action.index].append(view)
            if isinstance(action, Settle):
                index = int(action.attempt_id.split("/")[0])
                self.attempts[index] = [
                    replace(each, settled=action.conclusion) if each.id == action.attempt_id else each
                    for each in self.attempts[index]
                ]

    def finish(self) -> Plan:
        """Let everything happen and be seen until nothing is left to do."""
        for _ in range(100):
            plan = decide(self.view(), T0)
            if plan.finished:
                return plan
            self.act(plan)
            for index in range(len(self.attempts)):
                self.reveal(index)
        raise AssertionError("the job never ended")


@given(truths=TRUTHS, looks=LOOKS)
def test_any_order_repetition_or_loss_ends_in_the_same_terminal_state(
    truths: list[Truth], looks: list[tuple[int, bool]]
) -> None:
    undisturbed = World(truths).finish()
    disturbed = World(truths)
    for revealed, carried_out in looks:
        disturbed.reveal(revealed)
        plan = decide(disturbed.view(), T0)
        assert decide(disturbed.view(), T0) == plan
        if carried_out:
            disturbed.act(plan)
    assert disturbed.finish() == undisturbed


@given(truths=TRUTHS, looks=LOOKS)
def test_no_more_attempts_than_retries_allow(truths: list[Truth], looks: list[tuple[int, bool]]) -> None:
    world = World(truths)
    for revealed, _ in looks:
        world.reveal(revealed)
        world.act(decide(world.view(), T0))
    world.finish()
    assert all(len(attempts) <= 3 for attempts in world.attempts)


@given(truths=TRUTHS, looks=LOOKS, resumed_after=st.lists(st.integers(0, 40), max_size=3))
def test_resumed_any_number_of_times_at_any_moment_a_job_ends_and_keeps_what_completed(
    truths: list[Truth], looks: list[tuple[int, bool]], resumed_after: list[int]
) -> None:
    world = World(truths)
    for number, (revealed, carried_out) in enumerate(looks):
        if number in resumed_after:
            world.resume()
        world.reveal(revealed)
        plan = decide(world.view(), T0)
        if carried_out:
            world.act(plan)
    before = world.finish()
    world.resume()
    after = world.finish()
    for index, status in enumerate(before.benchmarks):
        new = [each for each in world.attempts[index] if not each.past]
        assert len(new) <= 3
        assert status.state != "completed" or (after.benchmarks[index] == status and not new)
        assert status.state == "completed" or new


@given(truths=TRUTHS, looks=LOOKS)
def test_a_job_cancelled_anywhere_and_resumed_ends_as_if_it_had_begun_there(
    truths: list[Truth], looks: list[tuple[int, bool]]
) -> None:
    world = World(truths)
    for revealed, _ in looks:
        world.reveal(revealed)
        world.act(decide(world.view(), T0))
    while not (plan := decide(world.view(cancelled=True), T0)).finished:
        world.act(plan)
        for index in range(len(truths)):
            world.reveal(index)
    kept = [status.state == "completed" for status in plan.benchmarks]
    world.resume()
    end = world.finish()
    assert end.finished
    assert all(status.state == "completed" for status, was in zip(end.benchmarks, kept, strict=True) if was)
    assert "cancelled" not in {status.state for status in end.benchmarks}
