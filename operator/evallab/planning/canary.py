"""Did the model server drift? A verdict on the answers to fixed prompts, and what it means for a job's numbers.

Called by `engine.canary`, which asks the prompts, and by `engine.validating`, which takes the findings.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from evallab.api.job import CanaryPolicy, EvalJob
from evallab.planning.canary_passes import Found, Name, Outcome, Pass, compare, differing
from evallab.planning.validity import BOTH, Finding

Against = Literal["identical", "numeric_drift", "changed", "unknown", "first"]  #: `first` of its setup
DEFAULT: CanaryPolicy = "Enforce"
ELSEWHERE = "in a cluster only model servers that evallab runs are asked, no address that a job names"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the canary of one job tells. Fields are promises: they are kept, and shown as JSON."""

    policy: CanaryPolicy
    outcome: Against  #: against the last valid job of the same setup
    why: str = ""
    baseline_job: str | None = None
    prompts: int = 0  #: that were answered before the benchmarks
    compared: int = 0
    differing: int = 0
    drift: float = 0.0  #: the largest difference of log-probabilities of equal tokens
    within: Outcome = "unknown"  #: the last pass against the first
    within_why: str = ""
    batch_effect: Outcome = "unknown"  #: all prompts at once against one by one
    batch_differing: int = 0
    batch_drift: float = 0.0
    detail: str = ""  #: what was compared: token ids, tokens or text
    usable: bool = False  #: later jobs may be compared with it


def policy(job: EvalJob) -> CanaryPolicy:
    """Return what a drift means to a job."""
    return job.canary or DEFAULT


def none_because(job: EvalJob, runtime: str) -> str:
    """Return why a job has no canary; "" when it has one."""
    recorded = bool(job.benchmarks) and all(
        each.test_data is not None and each.test_data.type == "pre_recorded_data" for each in job.benchmarks
    )
    reasons = {
        "its results were imported": runtime == "imported",
        "switched off": job.canary == "Off",
        "the model runs inside the harness": job.model.in_process is not None,
        "the answers were recorded earlier": recorded,
        "there is no model server to ask": not (job.model.url or job.model.serve),
        ELSEWHERE: runtime == "kubernetes" and job.model.serve is None,
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def judge(
    passes: Mapping[str, Pass], earlier: tuple[str, Mapping[str, Pass]] | None, *, policy: CanaryPolicy
) -> Verdict:
    """Judge a job's passes against those of `earlier`, the last valid job of the same setup with its id."""
    alone = passes.get("alone", Pass(prompts="", missing="the prompts were not asked before the benchmarks"))
    within = _of(passes, "again", alone)
    batch = _of(passes, "at_once", alone)
    against = _against(passes, alone, earlier)
    outcome: Against = "first" if earlier is None and alone.answered else against.outcome
    answered = bool(alone.answered) and within.outcome != "changed"
    return Verdict(
        policy=policy,
        outcome=outcome,
        why=against.why or (alone.missing if alone.answered < len(alone.answers) else ""),
        baseline_job=earlier[0] if earlier else None,
        prompts=alone.answered,
        compared=against.compared,
        differing=against.differing,
        drift=against.drift,
        within=within.outcome,
        within_why=within.why,
        batch_effect=batch.outcome,
        batch_differing=batch.differing,
        batch_drift=batch.drift,
        detail=alone.detail,
        usable=answered and (outcome != "changed" or policy == "Warn"),
    )


def _of(passes: Mapping[str, Pass], name: Name, alone: Pass) -> Found:
    """Compare another pass of the job with its first."""
    if name not in passes:
        return Found(outcome="unknown", why="the prompts were not asked again")
    return compare(alone, passes[name], differing(alone, passes.get("at_once")) if name == "again" else frozenset())


def _against(passes: Mapping[str, Pass], alone: Pass, earlier: tuple[str, Mapping[str, Pass]] | None) -> Found:
    if not alone.answered:
        return Found(outcome="unknown", why=alone.missing)
    if earlier is None or "alone" not in earlier[1]:
        return Found(outcome="unknown")
    theirs = earlier[1]
    unsteady = differing(alone, passes.get("at_once")) | differing(theirs["alone"], theirs.get("at_once"))
    return compare(theirs["alone"], alone, unsteady)


def findings(verdict: Mapping[str, Any] | None, policy: CanaryPolicy) -> tuple[Finding, ...]:
    """Return what a verdict, as it is kept, says against a job's numbers. What is unknown says nothing."""
    if verdict is None or policy == "Off" or verdict.get("outcome") == "none":
        return ()
    return tuple(_findings(verdict, policy))


def _findings(verdict: Mapping[str, Any], policy: CanaryPolicy) -> Iterator[Finding]:
    """A server that repeats itself exactly within the job and not its past has changed a little: that degrades."""
    strict = policy == "Enforce"
    if verdict["within"] == "changed":
        said = f"CanaryChanged: the model server changed while the job ran: {verdict['within_why']}"
        yield Finding(verdict="invalid" if strict else "degraded", reason=said, touches=BOTH)
    if verdict["outcome"] == "changed":
        said = f"CanaryDrift: the model server is not what it was in job {_short(verdict)}: {verdict['why']}"
        yield Finding(verdict="invalid" if strict else "degraded", reason=said, touches=frozenset({"scores"}))
    if strict and verdict["outcome"] == "numeric_drift" and verdict["within"] == "identical":
        said = (
            f"CanaryDrift: the model server repeats itself, but not what it said in job {_short(verdict)}: "
            f"log-probabilities are up to {verdict['drift']:.2g} apart, {verdict['differing']} of "
            f"{verdict['compared']} answers differ"
        )
        yield Finding(verdict="degraded", reason=said, touches=frozenset({"scores"}))


def _short(verdict: Mapping[str, Any]) -> str:
    return str(verdict.get("baseline_job") or "?")[:8]
