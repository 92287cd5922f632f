"""The state machine: what is true of a job now → its states and what to do next.

`decide` is level-triggered: it looks at all facts every time and remembers nothing, so it may be called at any moment,
any number of times, after any restart. The engine calls it after each observation and carries out the actions.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from evallab.planning.actions import (
    Action,
    FetchData,
    RunCanary,
    Settle,
    StartAttempt,
    StartModel,
    StopAttempt,
    StopModel,
)
from evallab.planning.conclusion import MODEL_SERVER_DIED, Conclusion, conclude
from evallab.planning.views import (
    TERMINAL,
    AttemptView,
    BenchmarkState,
    BenchmarkStatus,
    BenchmarkView,
    JobState,
    JobView,
    ModelView,
    Plan,
)

MOST_DISRUPTIONS = 20  #: of one benchmark; what is disrupted again and again has to end, too
LINGER_S = 10.0  #: so long an adapter may go on after it declared its end


def decide(view: JobView, now: datetime) -> Plan:
    """Return the job's states and the next actions."""
    statuses = tuple(_status(benchmark, view, now) for benchmark in view.benchmarks)
    ends = (*_settle(view), *_stop(view, now))
    starts = (*_model(view, statuses), *_canary(view, statuses), *_fetch(view, statuses), *_start(view, statuses))
    state = roll_up([status.state for status in statuses], started=_started(view), cancelled=view.cancelled)
    return Plan(
        state=state,
        benchmarks=statuses,
        actions=(*ends, *starts),
        look_again_at=_deadline(view, statuses),
        held=_last_asked(view, statuses),
    )


def roll_up(states: Sequence[BenchmarkState], *, started: bool = True, cancelled: bool = False) -> JobState:
    """Return a job's state from its benchmarks' states, by EvalHub's rules (facts: all, mixed, any).

    `cancelled`: somebody cancelled the job; that is its end then, unless every benchmark had ended before.
    """
    unfinished = [state for state in states if state not in TERMINAL]
    if unfinished:
        return "running" if started else "pending"
    kinds = set(states)
    if cancelled and "cancelled" in kinds:
        return "cancelled"
    if len(kinds) != 1:
        return "partially_failed"
    only = kinds.pop()
    return "completed" if only == "completed" else "failed" if only == "failed" else "cancelled"


def _started(view: JobView) -> bool:
    """Say whether an attempt was started since the job was asked for the last time, or an older one still runs."""
    attempts = [attempt for benchmark in view.benchmarks for attempt in benchmark.attempts]
    return any(not (attempt.past and attempt.facts.gone) for attempt in attempts)


def _end(attempt: AttemptView, view: JobView) -> Conclusion | None:
    """Return how an attempt ended; one that failed under a model server that is dead failed because of that."""
    if attempt.settled:
        return attempt.settled
    end = conclude(attempt.facts)
    return MODEL_SERVER_DIED if end and end.retry and view.model.state == "died" else end


def _ends(benchmark: BenchmarkView, view: JobView) -> list[Conclusion | None]:
    return [_end(attempt, view) for attempt in benchmark.attempts]


def _status(benchmark: BenchmarkView, view: JobView, now: datetime) -> BenchmarkStatus:
    """Derive a benchmark's state: its attempts first, then what happened to the whole job."""
    ends = _ends(benchmark, view)
    if any(end is None for end in ends):
        return BenchmarkStatus(index=benchmark.index, state="running")
    counted = _counted(benchmark, view)
    last = counted[-1] if counted else None
    if last and (last.outcome != "failed" or not _may_retry(last, counted, view)):
        return BenchmarkStatus(index=benchmark.index, state=last.outcome, conclusion=last)
    overall = _overall(view, now)
    if overall:
        why = last if last and last.reason != MODEL_SERVER_DIED.reason and overall.outcome == "failed" else overall
        return BenchmarkStatus(index=benchmark.index, state=overall.outcome, conclusion=why)
    return BenchmarkStatus(index=benchmark.index, state="running" if counted else "pending", conclusion=last)


def _counted(benchmark: BenchmarkView, view: JobView) -> list[Conclusion]:
    """Return the ends that still mean something: every completion, and what happened since the job was resumed."""
    ends = [(attempt, end) for attempt in benchmark.attempts if (end := _end(attempt, view))]
    return [end for attempt, end in ends if end.outcome == "completed" or not attempt.past]


def _may_retry(end: Conclusion, counted: Sequence[Conclusion], view: JobView) -> bool:
    """A death of the model server costs a restart of it, not a retry; other disruptions cost neither, within limits."""
    if end.disrupted:
        alike = [each for each in counted if each.disrupted and each.reason not in _UNLIMITED]
        return end.reason in _UNLIMITED or len(alike) <= MOST_DISRUPTIONS
    return end.retry and len([each for each in counted if not each.disrupted]) <= view.retries


_UNLIMITED = frozenset({MODEL_SERVER_DIED.reason, "Suspended"})  #: they have limits of their own


def _given_up(model: ModelView, view: JobView) -> bool:
    return model.state == "failed" or (model.state == "died" and model.deaths > view.restarts)


def _overall(view: JobView, now: datetime) -> Conclusion | None:
    """What ends every benchmark that has not ended by itself."""
    if view.cancelled:
        return Conclusion(outcome="cancelled", reason="Cancelled", message="It was cancelled.")
    if view.abandoned:
        return Conclusion(
            outcome="failed",
            reason="OwnerDied",
            message="The evallab command that ran this job died before it was finished.",
            remedy="Go on with it: evallab resume JOB. Answers that had arrived are asked only once.",
        )
    if _given_up(view.model, view):
        return Conclusion(outcome="failed", reason="ModelServerFailed", message=_of_model(view.model))
    if not view.admitted and not view.suspended and now >= view.created_at + view.pending_deadline:
        return Conclusion(
            outcome="failed",
            reason="PendingTooLong",
            message="It waited for its turn longer than pendingDeadlineSeconds.",
            remedy="See what runs: evallab jobs --state running.",
        )
    return None


def _of_model(model: ModelView) -> str:
    if not model.deaths:
        return model.message
    times = "once" if model.deaths == 1 else f"{model.deaths} times"
    return f"The model server died {times}, although each restart was asked half as much at once. {model.message}"


def _settle(view: JobView) -> Iterator[Action]:
    for benchmark in view.benchmarks:
        for attempt in benchmark.attempts:
            if attempt.settled is None and (end := _end(attempt, view)):
                yield Settle(attempt.id, end)


def _stop(view: JobView, now: datetime) -> Iterator[Action]:
    for benchmark in view.benchmarks:
        for attempt in benchmark.attempts:
            reason, message = _why_stop(attempt, view, now)
            if reason and not attempt.facts.gone and attempt.facts.stop_reason is None:
                yield StopAttempt(attempt.id, reason, message)


def _why_stop(attempt: AttemptView, view: JobView, now: datetime) -> tuple[str, str]:
    """Return the reason to end an attempt and what was found, ("", "") when it may go on."""
    cause = attempt.facts.cause
    reasons = {
        "Cancelled": view.cancelled,
        "Suspended": view.suspended,
        "ModelServerDied": view.model.state in {"died", "failed"},
    }
    if wanted := next((reason for reason, holds in reasons.items() if holds), None):
        return wanted, ""
    if cause:
        return cause.reason, cause.sentence
    if (attempt.facts.declared_s or 0.0) >= LINGER_S:
        return "Lingered", ""
    if now < attempt.started_at + (view.pending_deadline if attempt.waiting else view.timeout):
        return "", ""
    return ("PendingTooLong", " ".join(_PENDING).format(attempt.waits_for)) if attempt.waiting else ("TimedOut", "")


_PENDING = (
    "It waited for a place to run longer than pendingDeadlineSeconds. {}",
    "Ask for less in hardwareConfig, correct its queue or nodeSelector, or raise pendingDeadlineSeconds.",
)


def _model(view: JobView, statuses: Sequence[BenchmarkStatus]) -> Iterator[Action]:
    """A dead server is stopped first, for what it may have left, and started again when nobody asks it any more."""
    model = view.model
    unfinished = _unfinished(statuses)
    asked = unfinished and view.admitted and not view.suspended
    wanted = asked and not _going(view)
    found = model.state == "absent" and model.up  # a predecessor's, to be taken over also while it is being asked
    last = _last_asked(view, statuses)
    if found and (asked or last):
        yield StartModel()
    if wanted and not model.up and (model.state == "absent" or (model.state == "died" and not _given_up(model, view))):
        yield StartModel()
    paused = view.suspended and not _going(view)
    if model.up and not last and (not unfinished or paused or model.state in {"died", "failed"}):
        yield StopModel()


def _going(view: JobView) -> int:
    """Count the benchmarks with an attempt that has not ended."""
    return sum(any(end is None for end in _ends(benchmark, view)) for benchmark in view.benchmarks)


def _canary(view: JobView, statuses: Sequence[BenchmarkStatus]) -> Iterator[Action]:
    """The fixed prompts are asked of a server that nobody else asks: before the first attempt, and after the last."""
    if view.model.state not in {"external", "ready"}:
        return
    if view.canary == "due" and _may_start(view) and not _started(view) and _unfinished(statuses):
        yield RunCanary()
    if view.canary == "begun" and _last_asked(view, statuses):
        yield RunCanary(last=True)


def _last_asked(view: JobView, statuses: Sequence[BenchmarkStatus]) -> bool:
    """Say whether the end of a job waits for its last prompts: there is a score, and a server to be asked."""
    there = view.model.state in {"external", "ready", "starting"} or (view.model.state == "absent" and view.model.up)
    scored = any(status.state == "completed" for status in statuses)
    ended = scored and not _unfinished(statuses) and not (view.cancelled or view.abandoned)
    return ended and there and view.canary in {"begun", "asking"}


def _unfinished(statuses: Sequence[BenchmarkStatus]) -> bool:
    return any(status.state not in TERMINAL for status in statuses)


def _may_start(view: JobView) -> bool:
    return view.admitted and not (view.suspended or view.cancelled or view.abandoned)


def _fetch(view: JobView, statuses: Sequence[BenchmarkStatus]) -> Iterator[Action]:
    """Data is fetched while the model server starts, also for benchmarks whose turn comes later."""
    if not _may_start(view):
        return
    for benchmark, status in zip(view.benchmarks, statuses, strict=True):
        if benchmark.data == "absent" and status.state not in TERMINAL and None not in _ends(benchmark, view):
            yield FetchData(benchmark.index, len(benchmark.attempts) + 1)


def _start(view: JobView, statuses: Sequence[BenchmarkStatus]) -> Iterator[Action]:
    if not _may_start(view):
        return
    if view.model.state not in {"external", "ready"}:
        return
    if view.canary in {"due", "asking"} and not _started(view):
        return
    going = _going(view)
    share = 0.5**view.model.deaths
    for benchmark, status in zip(view.benchmarks, statuses, strict=True):
        waiting = status.state not in TERMINAL and all(end is not None for end in _ends(benchmark, view))
        if waiting and benchmark.data == "ready" and going < view.parallel:
            going += 1
            yield StartAttempt(benchmark.index, len(benchmark.attempts) + 1, share)


def _deadline(view: JobView, statuses: Sequence[BenchmarkStatus]) -> datetime | None:
    """Return when a limit will be reached if nothing else happens."""
    if all(status.state in TERMINAL for status in statuses):
        return None
    limits = [
        attempt.started_at + (view.pending_deadline if attempt.waiting else view.timeout)
        for benchmark in view.benchmarks
        for attempt in benchmark.attempts
        if not attempt.facts.gone and attempt.facts.stop_reason is None
    ]
    if not view.admitted and not view.suspended:
        limits.append(view.created_at + view.pending_deadline)
    return min(limits, default=None)
