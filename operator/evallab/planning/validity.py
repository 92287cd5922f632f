"""May a score be used? A verdict with reasons, from what happened to its questions. Called by the engine's recorder."""

from dataclasses import dataclass
from typing import Literal

from evallab.api.contract import Counts

Validity = Literal["valid", "degraded", "invalid"]
ORDER: tuple[Validity, ...] = ("valid", "degraded", "invalid")


@dataclass(frozen=True, kw_only=True)
class Policy:
    """Thresholds as shares of the questions."""

    error_budget: float = 0.01  #: infrastructure errors above it make a score invalid
    truncation_budget: float = 0.05  #: answers cut off at the token limit above it degrade a score


STRICT = Policy()


def judge(counts: Counts, *, intervals_known: bool, policy: Policy = STRICT) -> tuple[Validity, tuple[str, ...]]:
    """Return the validity of a benchmark's scores and the reasons for anything less than valid."""
    verdicts: list[tuple[Validity, str]] = []
    if counts.total and not counts.answered:
        verdicts.append(("invalid", "NoAnswers: not one question was answered"))
    if counts.total and counts.errors / counts.total > policy.error_budget:
        verdicts.append(("invalid", f"ErrorBudget: {_share(counts.errors, counts.total)} were infrastructure errors"))
    elif counts.errors:
        verdicts.append(("degraded", f"MissingData: {_share(counts.errors, counts.total)} have no answer"))
    if counts.answered and counts.truncated / counts.answered > policy.truncation_budget:
        verdicts.append(("degraded", f"Truncated: {_share(counts.truncated, counts.answered)} answers hit the limit"))
    if not intervals_known:
        verdicts.append(("degraded", "NoSamples: the adapter reported no samples, so there is no interval"))
    worst = max((ORDER.index(verdict) for verdict, _ in verdicts), default=0)
    return ORDER[worst], tuple(reason for _, reason in verdicts)


def _share(part: int, whole: int) -> str:
    return f"{part} of {whole} questions ({100 * part / whole:.1f} %)"
