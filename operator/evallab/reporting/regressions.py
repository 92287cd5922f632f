"""What got worse: the newest score of every model on every benchmark, against the job before and against its history.

Called by `evallab regressions`. With many models some comparison alarms by chance, so p values are also shown corrected
(Benjamini-Hochberg) over all comparisons of the table. The verdict is that of the job: paired, and corrected for the
benchmarks of that job alone. The 2σ rule stands beside it, with its false-alarm rate; it decides nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from evallab.analysis.history import FEWEST, TwoSigma, two_sigma
from evallab.analysis.many import benjamini_hochberg
from evallab.reporting import figures
from evallab.reporting.columns import change_columns
from evallab.reporting.paper import Column, Paper
from evallab.reporting.report import Change, change
from evallab.store.interface import HistoryRow, LatestRow, Store

ORDER = {"REGRESSION": 0, "INCONCLUSIVE": 1, "PASS": 2, "": 3}
STYLES = {"REGRESSION": "bold red", "INCONCLUSIVE": "yellow", "PASS": "green"}


@dataclass(frozen=True, kw_only=True)
class Standing:
    """One model on one benchmark now; `q_value` is the corrected p value, None where nothing was compared."""

    model: str
    benchmark: str
    job: str
    job_name: str
    score: float
    comparison: Change | None
    q_value: float | None
    rule: TwoSigma

    @property
    def verdict(self) -> str:
        """The paired verdict, "" where there is none."""
        return self.comparison.verdict if self.comparison else ""


async def standings_of(store: Store, model: str | None) -> tuple[Standing, ...]:
    """Look at the newest scores of all models, or of one."""
    return await standings(store, [row for row in await store.latest() if model in {None, row.model}])


async def standings(store: Store, rows: Sequence[LatestRow]) -> tuple[Standing, ...]:
    """Look at each of the newest scores, regressions first."""
    found = [await _standing(store, row) for row in rows]
    known = {place: each.comparison.p_value for place, each in enumerate(found) if each.comparison}
    corrected = benjamini_hochberg({place: p for place, p in known.items() if p is not None})
    found = [replace(each, q_value=corrected.get(place)) for place, each in enumerate(found)]
    return tuple(sorted(found, key=lambda each: (ORDER.get(each.verdict, 3), each.model, each.benchmark)))


async def _standing(store: Store, row: LatestRow) -> Standing:
    made = next((each for each in await store.comparisons(row.job_id) if each.index == row.index), None)
    series = await store.history(row.model, f"{row.provider_id}/{row.benchmark_id}")
    other = None if made is None else (await store.snapshot(made.baseline_job_id, deleted=True)).job.name
    return Standing(
        model=row.model,
        benchmark=f"{row.provider_id}/{row.benchmark_id}",
        job=row.job_id,
        job_name=row.job,
        score=row.value,
        comparison=None if made is None else change(made, other),
        q_value=None,
        rule=two_sigma(_earlier(row, series), row.value, higher_is_better=row.higher_is_better),
    )


def _earlier(row: LatestRow, series: Sequence[HistoryRow]) -> list[float]:
    """Return the valid earlier scores on the same questions, answered by the same setup."""
    asked = (row.question_key, row.metric, row.filter)
    setup = next((each.setup_key for each in series if each.job_id == row.job_id), None)
    return [
        each.value
        for each in series
        if (each.question_key, each.metric, each.filter) == asked
        and each.setup_key == setup
        and each.job_id != row.job_id
        and each.ended_at <= row.ended_at
        and each.validity == "valid"
    ]


def render(found: Sequence[Standing], paper: Paper) -> str:
    """Return the table with its notes."""
    columns = [
        Column("Model", [each.model for each in found]),
        Column("Benchmark", [each.benchmark.rpartition("/")[2] for each in found]),
        Column("Score", [figures.score(each.score) for each in found], "right"),
        *change_columns([each.comparison for each in found]),
        Column("p", [_p(each.comparison.p_value if each.comparison else None) for each in found], "right"),
        Column("q", [_p(each.q_value, "q") for each in found], "right"),
        Column("2σ rule", [said(each.rule) for each in found]),
        Column("Verdict", [each.verdict or "not compared" for each in found], style=lambda cell: STYLES.get(cell, "")),
        Column("Job", [each.job[:8] for each in found]),
    ]
    return "\n\n".join([paper.table(columns), paper.notes(_notes(found))])


def _p(value: float | None, name: str = "p") -> str:
    return "" if value is None else figures.p_value(value, name=name)


def said(rule: TwoSigma) -> str:
    """Write what the 2σ rule says of a score."""
    if rule.alarm is None:
        return f"{rule.n} of {FEWEST} jobs" if rule.n < FEWEST else "no spread"
    return "ALARM" if rule.alarm else "quiet"


def _notes(found: Sequence[Standing]) -> list[tuple[str, str]]:
    notes = [("q", "p corrected for all comparisons made (Benjamini-Hochberg); a verdict is, for those of its job")]
    return notes + false_alarms([each.rule for each in found])


def false_alarms(rules: Sequence[TwoSigma]) -> list[tuple[str, str]]:
    """Label the rule with how often it alarms although nothing changed."""
    rates = sorted({each.n: each.false_alarms for each in rules if each.false_alarms}.items())
    if not rates:
        return []
    ends = dict.fromkeys([rates[0], rates[-1]])
    told = ", ".join(f"{100 * rate:.1f} % of scores with {n} earlier jobs" for n, rate in ends if rate)
    return [("2σ rule", f"alarms although nothing changed: {told}; the verdict does not use it")]
