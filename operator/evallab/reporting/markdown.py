"""A report as GitHub-flavoured markdown, for $GITHUB_STEP_SUMMARY and comments. Called through `cli.output`.

Texts of others (names, messages of adapters) are escaped: they cannot make markup, links or mentions.
"""

import re
from collections.abc import Sequence

from evallab.reporting import figures
from evallab.reporting.columns import change_columns
from evallab.reporting.gate import FailOn, of_benchmark, of_job
from evallab.reporting.notes import notes
from evallab.reporting.report import BenchmarkReport, JobReport, labels
from evallab.reporting.table import headline
from evallab.reporting.verdict import word

_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~!&])")


def render(report: JobReport, fail_on: FailOn = "never") -> str:
    """Return the page: a heading, what failed, the table, the notes."""
    blocks = [
        f"### evallab: {escaped(report.name)} {escaped(report.state)}",
        escaped(headline(report).plain),
        _findings(report, fail_on),
        _table(report, fail_on),
        "\n".join(f"- {escaped(about)}: {escaped(said)}" for about, said in notes(report)),
    ]
    return "\n\n".join(block for block in blocks if block)


def escaped(text: str) -> str:
    """Return text that stays on one line and means nothing to markdown."""
    shown = "".join(character if character.isprintable() else " " for character in text)
    return _MARKUP.sub(r"\\\1", " ".join(shown.split())).replace("@", "@\u200b")  # no mention of anybody


def _findings(report: JobReport, fail_on: FailOn) -> str:
    found = [(b.id, of_benchmark(report, b, fail_on)) for b in report.benchmarks]
    found.append((report.name, of_job(report, fail_on)))
    lines = [
        f"- **{escaped(name)}: {escaped(each.verdict)}.** {escaped(each.reason)} {_code(each.remedy)}"
        for name, each in found
        if each
    ]
    return "\n".join(lines)


def _table(report: JobReport, fail_on: FailOn) -> str:
    names = labels(report.benchmarks)
    changes = change_columns([benchmark.comparison for benchmark in report.benchmarks])
    titles = ["Benchmark", "Metric", "Score", "95 % interval", "n", *(column.title for column in changes), "Verdict"]
    rows = [
        [
            escaped(name),
            *_score(benchmark),
            *(" ".join(column.cells[place].split()).replace("[ ", "[") for column in changes),
            _verdict(report, benchmark, fail_on),
        ]
        for place, (name, benchmark) in enumerate(zip(names, report.benchmarks, strict=True))
    ]
    return "\n".join(
        [_row(titles), _row(["---", "---", "--:", "---", "--:", *["---"] * (len(titles) - 5)]), *map(_row, rows)]
    )


def _code(command: str) -> str:
    return f"`{''.join(character for character in command if character.isprintable() and character != '`')}`"


def _score(benchmark: BenchmarkReport) -> list[str]:
    score = benchmark.primary_score
    if score is None:
        return ["", "", "", ""]
    known = score.ci_low is not None and score.ci_high is not None
    interval = f"[{figures.score(score.ci_low or 0)}, {figures.score(score.ci_high or 0)}]" if known else ""
    return [escaped(figures.metric(score.metric, score.filter)), figures.score(score.value), interval, str(score.n)]


def _verdict(report: JobReport, benchmark: BenchmarkReport, fail_on: FailOn) -> str:
    said = escaped(word(benchmark))
    return f"**{said}**" if of_benchmark(report, benchmark, fail_on) else said


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
