"""Verdicts of several benchmarks that were reached at once. Called when a job's comparisons are made, and by `diff`.

Of twenty benchmarks on which nothing changed, some interval lies below 0 by chance in two suites of five. A REGRESSION
therefore has to survive Benjamini and Hochberg's correction over the benchmarks that were compared with it; what it is
corrected to, q, is shown beside p. A PASS needs none: each of its benchmarks excludes the loss by itself, and "all
pass" errs no more often than one of them does (an intersection-union test; Berger 1982, Technometrics 24:295-300).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from evallab.analysis.many import Name, benjamini_hochberg
from evallab.analysis.verdicts import Verdict

RATE = 0.05  #: of the differences that are called real, at most this share is none


@dataclass(frozen=True)
class Judged:
    """A verdict reached alone, with its p value (None where there was nothing to test)."""

    verdict: Verdict
    p_value: float | None


@dataclass(frozen=True)
class Corrected:
    """The verdict that stands, and the corrected p value (None: nothing to correct for).

    `why` says what the correction took back, else "".
    """

    verdict: Verdict
    q_value: float | None
    why: str = ""


def together(judged: Mapping[Name, Judged]) -> dict[Name, Corrected]:
    """Correct verdicts for their number. One alone stays what it is: there its interval decides."""
    p_values = {name: each.p_value for name, each in judged.items() if each.p_value is not None}
    q_values = benjamini_hochberg(p_values) if len(p_values) > 1 else {}
    return {name: _corrected(each, q_values.get(name), len(p_values)) for name, each in judged.items()}


def _corrected(judged: Judged, q_value: float | None, count: int) -> Corrected:
    if judged.verdict is not Verdict.REGRESSION or q_value is None or q_value <= RATE:
        return Corrected(judged.verdict, q_value)
    why = (
        f"alone it would be a REGRESSION (p = {judged.p_value:.2g}); corrected for the {count} benchmarks compared at "
        f"once q = {q_value:.2g}, above {RATE:g}"
    )
    return Corrected(Verdict.INCONCLUSIVE, q_value, why)
