"""The end table: what `evallab run` prints last and `evallab show` prints again.

Scores are in the metric's own unit (0.915), changes of proportions in points. One table where it fits the terminal,
else two (scores, then changes), so that nothing is cut. Under it come the notes and the commands to look further.
"""

import shlex

from rich.text import Text

from evallab.reporting import figures
from evallab.reporting.columns import change_columns
from evallab.reporting.durations import lasting
from evallab.reporting.notes import notes
from evallab.reporting.paper import Column, Paper
from evallab.reporting.report import BenchmarkReport, JobReport, Score, labels
from evallab.reporting.verdict import style, word

Row = tuple[BenchmarkReport, Score | None]


def render(report: JobReport, paper: Paper, *, reference: str | None = None, every_metric: bool = False) -> str:
    """Draw a report whole. `reference` is how the user named the job (default: its name)."""
    blocks = [
        paper.text(headline(report)),
        *scores(report, paper, every_metric=every_metric),
        paper.notes(notes(report)),
        paper.plain(further(report, reference or report.name)),
    ]
    return "\n\n".join(block for block in blocks if block)


def headline(report: JobReport) -> Text:
    """Say which job this is, how it ended, how long it took, and what it was compared with."""
    line = Text.assemble((report.name, "bold"), f" ({report.id[:8]}) ", (report.state, style(report.state)))
    if report.model.name != report.name:
        line.append(f", model {report.model.name}")
    if report.started_at and report.finished_at:
        line.append(f", took {lasting(report.finished_at - report.started_at)}")
    baselines = _baselines(report)
    if baselines:
        line.append(f", compared with {', '.join(baselines)}")
    return line


def scores(report: JobReport, paper: Paper, *, every_metric: bool = False) -> list[str]:
    """Draw the table of scores; two tables where one is too wide."""
    rows = [
        (benchmark, score) for benchmark in report.benchmarks for score in _shown(benchmark, every_metric=every_metric)
    ]
    names = dict(zip((b.index for b in report.benchmarks), labels(report.benchmarks), strict=True))
    label = Column("Benchmark", [names[benchmark.index] for benchmark, _ in rows])
    verdict = Column("Verdict", [_verdict(benchmark, score) for benchmark, score in rows], style=style)
    changes = change_columns([b.comparison if score is b.primary_score else None for b, score in rows])
    return paper.tables(label, _score_columns(rows), [*changes, verdict])


def further(report: JobReport, reference: str) -> str:
    """Name the commands that show more."""
    name = shlex.quote(reference)
    if not report.finished:
        return f"evallab show {name}\nevallab logs {name}"
    lines = []
    if any(benchmark.state == "failed" for benchmark in report.benchmarks):
        lines.append((f"evallab logs {name}", "what the adapters said"))
    if any(benchmark.comparison for benchmark in report.benchmarks):
        lines.append((f"evallab diff {name}", "which answers changed"))
    scored = next((benchmark for benchmark in report.benchmarks if benchmark.primary_score), None)
    if scored:
        lines.append((f"evallab samples {name} --benchmark {shlex.quote(scored.id)} --failed", "wrong answers"))
    lines += [(f"evallab show {name} --provenance", "what exactly ran"), ("evallab db psql", "everything, in SQL")]
    width = max(len(command) for command, _ in lines)
    return "\n".join(f"{command:<{width}}  {what}" for command, what in lines)


def _shown(benchmark: BenchmarkReport, *, every_metric: bool) -> list[Score | None]:
    """The primary score, and the others when asked for or when none of them speaks for the benchmark."""
    others = list(benchmark.scores) if every_metric or benchmark.primary_score is None else []
    return [*others] if others and benchmark.primary_score is None else [benchmark.primary_score, *others]


def _score_columns(rows: list[Row]) -> list[Column]:
    values = [score for _, score in rows]
    return [
        Column("Metric", [figures.metric(score.metric, score.filter) if score else "" for score in values]),
        Column("Score", [figures.score(score.value) if score else "" for score in values], "right"),
        Column("95 % interval", figures.intervals([_interval(score) for score in values])),
        Column("n", [str(score.n) if score else _progress(benchmark) for benchmark, score in rows], "right"),
    ]


def _verdict(benchmark: BenchmarkReport, score: Score | None) -> str:
    return word(benchmark) if score is benchmark.primary_score else ""


def _interval(score: Score | None) -> figures.Pair | None:
    if score is None or score.ci_low is None or score.ci_high is None:
        return None
    return figures.score(score.ci_low), figures.score(score.ci_high)


def _progress(benchmark: BenchmarkReport) -> str:
    progress = benchmark.progress
    return f"{progress.done}/{progress.total or '?'}" if progress else ""


def _baselines(report: JobReport) -> list[str]:
    seen = {b.comparison.baseline_job: b.comparison.baseline_name for b in report.benchmarks if b.comparison}
    return [f"{name} ({job[:8]})" if name else job[:8] for job, name in seen.items()]
