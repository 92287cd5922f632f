"""May a score be used, and may a throughput? Verdicts with reasons, from what happened to questions and to GPUs.

Called by `engine.recording` when an attempt ended (its questions), by `judging` when a job did (its GPUs, its canary).
What each rule is for, and what it cannot tell: docs/explanation/validity.md.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from evallab.analysis.missing import Bounds
from evallab.api import job
from evallab.api.contract import Counts
from evallab.planning import telemetry
from evallab.planning.telemetry import GpuWindow

Validity = Literal["valid", "degraded", "invalid"]
Touched = Literal["scores", "throughput"]
ORDER: tuple[Validity, ...] = ("valid", "degraded", "invalid")
BOTH: frozenset[Touched] = frozenset({"scores", "throughput"})
SPEED: frozenset[Touched] = frozenset({"throughput"})


@dataclass(frozen=True, kw_only=True)
class Policy:
    """Thresholds: of questions as shares of them, of GPUs in their units."""

    error_budget: float = 0.01  #: infrastructure errors above it make a score invalid
    truncation_budget: float = 0.05  #: answers cut off at the token limit above it degrade a score
    lenient: bool = False  #: what slows a GPU speaks against the throughput only
    max_temperature_c: float = 82.0
    hot_s: float = 60.0  #: so long above it
    throttled_share: float = 0.01  #: of the time


STRICT = Policy()


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that speaks against numbers of a job. `reason` is `Word: sentence`."""

    verdict: Validity
    reason: str
    touches: frozenset[Touched] = BOTH


@dataclass(frozen=True)
class Verdict:
    """A validity with all its reasons."""

    validity: Validity = "valid"
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What findings say about the scores and the throughput of a benchmark."""

    scores: Verdict = Verdict()
    throughput: Verdict = Verdict()


def policy_of(said: job.Validity) -> Policy:
    """Return the policy that a job asks for; what it does not say is ours."""
    asked = {
        "max_temperature_c": said.max_temperature_celsius,
        "hot_s": said.max_seconds_hot,
        "throttled_share": None if said.max_throttled_percent is None else said.max_throttled_percent / 100,
    }
    chosen = {name: value for name, value in asked.items() if value is not None}
    return Policy(lenient=said.policy == "Lenient", **chosen)


def worst(verdicts: Iterable[Validity]) -> Validity:
    """Return the worst; what nothing speaks against is valid."""
    return ORDER[max((ORDER.index(each) for each in verdicts), default=0)]


def combine(findings: Iterable[Finding]) -> Judgement:
    """Return what findings say together: the worst verdict each, and every reason once, in their order."""
    known = tuple(dict.fromkeys(findings))
    return Judgement(scores=_of(known, "scores"), throughput=_of(known, "throughput"))


def _of(findings: Sequence[Finding], what: Touched) -> Verdict:
    own = [each for each in findings if what in each.touches]
    return Verdict(worst(each.verdict for each in own), tuple(dict.fromkeys(each.reason for each in own)))


def of_series(windows: Iterable[GpuWindow], policy: Policy = STRICT) -> Iterator[Finding]:
    """Judge the GPUs of a benchmark by their windows: heat, throttling, processes of others."""
    slowed = SPEED if policy.lenient else BOTH
    for own in telemetry.by_device(windows).values():
        for reason in (_heat(own, policy), _throttling(own, policy), _company(own)):
            if reason:
                yield Finding(verdict="invalid", reason=reason, touches=slowed)


def of_drivers(windows: Iterable[GpuWindow]) -> Iterator[Finding]:
    """Judge the drivers of a whole job; another one brings other kernels, so it is not about speed alone."""
    seen = tuple(dict.fromkeys(each.driver for each in sorted(windows, key=lambda window: window.started_at)))
    if len(seen) > 1:
        reason = f"DriverChanged: the GPU driver changed within the job, {' to '.join(seen)}"
        yield Finding(verdict="invalid", reason=reason)


def _heat(windows: Sequence[GpuWindow], policy: Policy) -> str:
    hot = telemetry.longest_hot(windows)
    if hot < policy.hot_s:
        return ""
    most = max(each.temperature_max or 0.0 for each in windows)
    above = f"above {policy.max_temperature_c:g} °C for {hot:.0f} s"
    return f"Heat: {windows[0].name} ({windows[0].device}) was {above} (at most {most:.0f} °C)"


def _throttling(windows: Sequence[GpuWindow], policy: Policy) -> str:
    share = telemetry.throttled_share(windows)
    if share is None or share <= policy.throttled_share:
        return ""
    said = 0
    for each in windows:
        said |= each.reasons or 0
    causes = ", ".join(text for bit, text in telemetry.SLOWED.items() if said & bit)
    return f"Throttled: {windows[0].name} ({windows[0].device}) was slowed {100 * share:.1f} % of the time ({causes})"


def _company(windows: Sequence[GpuWindow]) -> str:
    pids = sorted({pid for each in windows for pid in each.foreign_pids or ()})
    if not pids:
        return ""
    named = f"process{'es' if len(pids) > 1 else ''} {', '.join(map(str, pids))}"
    return f"ForeignProcess: {windows[0].name} ({windows[0].device}) was shared with {named}, not of this job"


def judge(
    counts: Counts, *, intervals_known: bool, bounds: Bounds | None = None, policy: Policy = STRICT
) -> tuple[Validity, tuple[str, ...]]:
    """Return the validity of a benchmark's scores and the reasons for anything less than valid."""
    missing = f"{_share(counts.errors, counts.total, 'have no answer')}{_between(bounds)}" if counts.total else ""
    verdicts: list[tuple[Validity, str]] = []
    if counts.total and not counts.answered:
        verdicts.append(("invalid", "NoAnswers: not one question was answered"))
    if counts.total and counts.errors / counts.total > policy.error_budget:
        verdicts.append(("invalid", f"ErrorBudget: {missing}"))
    elif counts.errors:
        verdicts.append(("degraded", f"MissingData: {missing}"))
    if counts.answered and counts.truncated / counts.answered > policy.truncation_budget:
        verdicts.append(("degraded", f"Truncated: {_share(counts.truncated, counts.answered, 'hit the token limit')}"))
    if not intervals_known:
        verdicts.append(("degraded", "NoSamples: the adapter reported no samples, so there is no interval"))
    return worst(verdict for verdict, _ in verdicts), tuple(reason for _, reason in verdicts)


def _share(part: int, whole: int, what: str) -> str:
    return f"{part} of {whole} questions {what} ({100 * part / whole:.1f} %)"


def _between(bounds: Bounds | None) -> str:
    return f": score between {bounds.low:.3f} and {bounds.high:.3f}" if bounds else ""
