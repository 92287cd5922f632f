"""One word per benchmark: may this number be used, and is it good enough? Called by the tables and the list of jobs.

The word is the gravest thing that is true: no result, then an invalid score, a regression, a missed threshold,
inconclusive, degraded, and at last PASS (compared) or VALID (nothing to compare with).
Verdicts are in capitals, states are not.
"""

from evallab.reporting.report import BenchmarkReport, Score

STYLES = {
    "failed": "bold red",
    "INVALID": "bold red",
    "REGRESSION": "bold red",
    "BELOW": "red",
    "ABOVE": "red",
    "cancelled": "yellow",
    "partially_failed": "bold red",
    "INCONCLUSIVE": "yellow",
    "DEGRADED": "yellow",
    "PASS": "green",
    "VALID": "green",
    "completed": "green",
    "running": "cyan",
    "no": "bold red",
    "degraded": "yellow",
}


def style(word: str) -> str:
    """Return the colour of a verdict or a state."""
    return STYLES.get(word.split(" ", 1)[0], "")


def word(benchmark: BenchmarkReport) -> str:
    """Return the verdict of a benchmark, or its state while there is none."""
    score = benchmark.primary_score
    if benchmark.state != "completed" or score is None:
        return benchmark.state if benchmark.state != "completed" else "no score"
    if score.validity == "invalid":
        return "INVALID"
    verdict = benchmark.comparison.verdict if benchmark.comparison else None
    if verdict == "REGRESSION":
        return verdict
    return _missed(score) or _lesser(verdict, score) or verdict or "VALID"


def _missed(score: Score) -> str | None:
    if score.passed is not False or score.threshold is None:
        return None
    return f"{'BELOW' if score.higher_is_better else 'ABOVE'} {score.threshold:g}"


def _lesser(verdict: str | None, score: Score) -> str | None:
    if verdict == "INCONCLUSIVE":
        return verdict
    return "DEGRADED" if score.validity == "degraded" else None
