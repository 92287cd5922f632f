"""The state machine: what is true of a job now → its states and what to do next.

`decide` is level-triggered: it looks at all facts every time and remembers nothing, so it may be called at any moment,
any number of times, after any restart. The engine calls it after each observation and carries out the actions.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from evallab.planning.conclusion import AttemptFacts, Conclusion, conclude

BenchmarkState = Literal["pending", "running", "completed", "failed", "cancelled"]
JobState = Literal["pending", "running", "completed", "failed", "partially_failed", "cancelled"]
TERMINAL: frozenset[str] = frozenset({"completed", "failed", "cancelled"})


@dataclass(frozen=True, kw_only=True)
class AttemptView:
    """One attempt: its facts now, and since when it runs."""

    id: str
    number: int
    facts: AttemptFacts
    started_at: datetime
    settled: Conclusion | None = None  #: concluded and written down before; never decided anew


@dataclass(frozen=True, kw_only=True)
class BenchmarkView:
    """One benchmark with its attempts, oldest first."""

    index: int
    attempts: tuple[AttemptView, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ModelView:
    """The job's model server: `external` when the job brings none to start."""

    state: Literal["external", "absent", "starting", "ready", "failed"] = "external"
    message: str = ""
    up: bool = False  #: a process of it is there, ready or not


@dataclass(frozen=True, kw_only=True)
class JobView:
    """Everything `decide` looks at."""

    benchmarks: tuple[BenchmarkView, ...]
    model: ModelView = ModelView()
    created_at: datetime
    admitted: bool = True  #: its turn has come
    cancelled: bool = False
    abandoned: bool = False  #: it lived with a command that died
    retries: int = 2
    timeout: timedelta = timedelta(hours=4)
    pending_deadline: timedelta = timedelta(days=1)
    parallel: int = 1


@dataclass(frozen=True)
class StartModel:
    """Start the model server."""


@dataclass(frozen=True)
class StopModel:
    """Stop the model server."""


@dataclass(frozen=True)
class StartAttempt:
    """Start the next attempt of a benchmark."""

    index: int
    number: int


@dataclass(frozen=True)
class StopAttempt:
    """Tell an attempt's processes to end."""

    attempt_id: str
    reason: str


@dataclass(frozen=True)
class Settle:
    """Write down how an attempt ended; when completed, record its result first."""

    attempt_id: str
    conclusion: Conclusion


Action = StartModel | StopModel | StartAttempt | StopAttempt | Settle


@dataclass(frozen=True, kw_only=True)
class BenchmarkStatus:
    """The state of one benchmark and why."""

    index: int
    state: BenchmarkState
    conclusion: Conclusion | None = None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What the states are, what to do now, and when to look again at the latest."""

    state: JobState
    benchmarks: tuple[BenchmarkStatus, ...]
    actions: tuple[Action, ...] = ()
    look_again_at: datetime | None = None

    @property
    def finished(self) -> bool:
        """True when nothing will ever change and nothing is left to do."""
        return not self.actions and self.state not in {"pending", "running"}


def decide(view: JobView, now: datetime) -> Plan:
    """Return the job's states and the next actions."""
    statuses = tuple(_status(benchmark, view, now) for benchmark in view.benchmarks)
    actions = (*_settle(view), *_stop(view, now), *_model(view, statuses), *_start(view, statuses))
    state = roll_up([status.state for status in statuses], started=any(b.attempts for b in view.benchmarks))
    return Plan(state=state, benchmarks=statuses, actions=actions, look_again_at=_deadline(view, statuses))


def roll_up(states: Sequence[BenchmarkState], *, started: bool = True) -> JobState:
    """Return a job's state from its benchmarks' states, by EvalHub's rules (facts: all, mixed, any)."""
    unfinished = [state for state in states if state not in TERMINAL]
    if unfinished:
        return "running" if started or len(unfinished) < len(states) else "pending"
    kinds = set(states)
    if len(kinds) != 1:
        return "partially_failed"
    only = kinds.pop()
    return "completed" if only == "completed" else "failed" if only == "failed" else "cancelled"


def _ends(benchmark: BenchmarkView) -> list[Conclusion | None]:
    return [attempt.settled or conclude(attempt.facts) for attempt in benchmark.attempts]


def _status(benchmark: BenchmarkView, view: JobView, now: datetime) -> BenchmarkStatus:
    """Derive a benchmark's state: its attempts first, then what happened to the whole job."""
    ends = _ends(benchmark)
    if any(end is None for end in ends):
        return BenchmarkStatus(index=benchmark.index, state="running")
    last = ends[-1] if ends else None
    if last and (last.outcome != "failed" or not _may_retry(last, len(ends), view)):
        return BenchmarkStatus(index=benchmark.index, state=last.outcome, conclusion=last)
    overall = _overall(view, now)
    if overall:
        why = last if last and overall.outcome == "failed" else overall
        return BenchmarkStatus(index=benchmark.index, state=overall.outcome, conclusion=why)
    return BenchmarkStatus(index=benchmark.index, state="running" if ends else "pending", conclusion=last)


def _may_retry(end: Conclusion, attempts: int, view: JobView) -> bool:
    return end.retry and attempts <= view.retries


def _overall(view: JobView, now: datetime) -> Conclusion | None:
    """What ends every benchmark that has not ended by itself."""
    if view.cancelled:
        return Conclusion(outcome="cancelled", reason="Cancelled", message="It was cancelled.")
    if view.abandoned:
        return Conclusion(
            outcome="failed",
            reason="OwnerDied",
            message="The evallab command that ran this job died before it was finished.",
            remedy="Run it again: evallab run -f FILE --local.",
        )
    if view.model.state == "failed":
        return Conclusion(outcome="failed", reason="ModelServerFailed", message=view.model.message)
    if not view.admitted and now >= view.created_at + view.pending_deadline:
        return Conclusion(
            outcome="failed",
            reason="PendingTooLong",
            message="It waited for its turn longer than pendingDeadlineSeconds.",
            remedy="See what runs: evallab jobs --state running.",
        )
    return None


def _settle(view: JobView) -> Iterator[Action]:
    for benchmark in view.benchmarks:
        for attempt in benchmark.attempts:
            if attempt.settled is None and (end := conclude(attempt.facts)):
                yield Settle(attempt.id, end)


def _stop(view: JobView, now: datetime) -> Iterator[Action]:
    for benchmark in view.benchmarks:
        for attempt in benchmark.attempts:
            reason = _why_stop(attempt, view, now)
            if reason and not attempt.facts.gone and attempt.facts.stop_reason is None:
                yield StopAttempt(attempt.id, reason)


def _why_stop(attempt: AttemptView, view: JobView, now: datetime) -> str | None:
    if view.cancelled:
        return "Cancelled"
    if view.model.state == "failed":
        return "ModelServerDied"
    return "TimedOut" if now >= attempt.started_at + view.timeout else None


def _model(view: JobView, statuses: Sequence[BenchmarkStatus]) -> Iterator[Action]:
    unfinished = any(status.state not in TERMINAL for status in statuses)
    if view.model.state == "absent" and unfinished and view.admitted:
        yield StartModel()
    if view.model.up and (not unfinished or view.model.state == "failed"):
        yield StopModel()


def _start(view: JobView, statuses: Sequence[BenchmarkStatus]) -> Iterator[Action]:
    if not view.admitted or view.cancelled or view.abandoned or view.model.state not in {"external", "ready"}:
        return
    going = sum(1 for benchmark in view.benchmarks if any(end is None for end in _ends(benchmark)))
    for benchmark, status in zip(view.benchmarks, statuses, strict=True):
        waiting = status.state not in TERMINAL and all(end is not None for end in _ends(benchmark))
        if waiting and going < view.parallel:
            going += 1
            yield StartAttempt(benchmark.index, len(benchmark.attempts) + 1)


def _deadline(view: JobView, statuses: Sequence[BenchmarkStatus]) -> datetime | None:
    """Return when a limit will be reached if nothing else happens."""
    if all(status.state in TERMINAL for status in statuses):
        return None
    limits = [
        attempt.started_at + view.timeout
        for benchmark in view.benchmarks
        for attempt in benchmark.attempts
        if not attempt.facts.gone and attempt.facts.stop_reason is None
    ]
    if not view.admitted:
        limits.append(view.created_at + view.pending_deadline)
    return min(limits, default=None)
