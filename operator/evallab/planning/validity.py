"""May a score be used? A verdict with reasons, from what happened to its questions. Called by the engine's recorder."""

from collections.abc import Sequence
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
ROUNDING = 1e-9  #: a score further from the mean of its values is not that mean (a weighted group, a corpus metric)


@dataclass(frozen=True)
class Bounds:
    """What a score would be if all missing answers were wrong, and if all were right."""

    low: float
    high: float


def bounds(values: Sequence[float], *, score: float, errors: int) -> Bounds | None:
    """Bound a mean of per-question values within 0 … 1; None where nothing is missing or nothing bounds the score."""
    n = len(values)
    if not (n and errors) or min(values) < 0 or max(values) > 1 or abs(sum(values) / n - score) > ROUNDING:
        return None
    return Bounds(sum(values) / (n + errors), (sum(values) + errors) / (n + errors))


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
    worst = max((ORDER.index(verdict) for verdict, _ in verdicts), default=0)
    return ORDER[worst], tuple(reason for _, reason in verdicts)


def _share(part: int, whole: int, what: str) -> str:
    return f"{part} of {whole} questions {what} ({100 * part / whole:.1f} %)"


def _between(bounds: Bounds | None) -> str:
    return f": score between {bounds.low:.3f} and {bounds.high:.3f}" if bounds else ""
