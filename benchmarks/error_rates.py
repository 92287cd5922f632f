"""How often verdicts are wrong, by simulation: what `make stats-report` writes to docs/reference/error-rates.md.

Each cell draws pairs of jobs whose answers change with known probabilities, and judges them as `evallab` does. The seed
is fixed: the page comes out the same each time, on every machine.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from math import sqrt
from pathlib import Path

import numpy as np

from evallab.analysis.history import false_alarm_rate
from evallab.analysis.intervals import normal_quantile, wilson
from evallab.analysis.paired import mcnemar_mid_p, tango
from evallab.analysis.together import Judged, together
from evallab.analysis.verdicts import Verdict, compare, judge

SEED = 20_261_122
MARGIN = 0.01
PAGE = Path(__file__).parents[1] / "docs" / "reference" / "error-rates.md"
SIZES = (120, 164, 378, 1000, 1319)
DISCORDANCES = (0.02, 0.05, 0.10, 0.20)
LOSSES = (0.0, 0.01, 0.03, 0.05)
SUITES = ((1, 0), (4, 0), (20, 0), (1, 1), (4, 1), (4, 4), (20, 1), (20, 5), (20, 20))  #: benchmarks, of which worse
PASSAGES, QUESTIONS_EACH = 100, 5
Rates = dict[Verdict, float]


@dataclass(frozen=True)
class Suite:
    """What came out of suites of benchmarks: shares, before the correction (`alone`) and after it."""

    false_alone: float  #: suites with a REGRESSION where nothing changed
    false: float
    found_alone: float  #: of the benchmarks that are worse
    found: float


@cache
def verdict(lost: int, gained: int, n: int) -> Verdict:
    """Judge a table of changed answers with the default margin."""
    return judge((gained - lost) / n, tango(lost, gained, n), margin=MARGIN)


def draws(n: int, discordance: float, loss: float, repeats: int, seed: int = SEED) -> "Counter[tuple[int, int]]":
    """Draw `repeats` tables (lost, gained) of n questions with a true loss and a true share of changed answers."""
    tables = np.random.default_rng(seed).multinomial(n, shares(discordance, loss), size=repeats)
    return Counter((int(lost), int(gained)) for lost, gained, _ in tables)


def shares(discordance: float, loss: float) -> list[float]:
    """Return the probabilities that an answer is lost, gained, the same. ValueError for a loss that cannot occur."""
    found = [(discordance + loss) / 2, (discordance - loss) / 2, 1 - discordance]
    if min(found) < 0:
        raise ValueError(f"A loss of {loss} cannot occur while only {discordance} of the answers change.")
    return found


def rates(n: int, discordance: float, loss: float, repeats: int) -> Rates:
    """Return how often each verdict comes out."""
    found = Counter[Verdict]()
    for (lost, gained), times in draws(n, discordance, loss, repeats).items():
        found[verdict(lost, gained, n)] += times
    return {each: found[each] / repeats for each in Verdict}


def suite(benchmarks: int, worse: int, repeats: int, *, n: int = 1000, loss: float = 0.05) -> Suite:
    """Compare suites at once, `worse` of their benchmarks having lost `loss` at 20 % discordance."""
    generator = np.random.default_rng([SEED, benchmarks, worse])
    losses = [loss] * worse + [0.0] * (benchmarks - worse)
    counts = np.zeros(4)
    for _ in range(repeats):
        tables = (generator.multinomial(n, shares(0.2, each)) for each in losses)
        judged = {place: _judged(int(lost), int(gained), n) for place, (lost, gained, _) in enumerate(tables)}
        alone = [each.verdict is Verdict.REGRESSION for each in judged.values()]
        after = [each.verdict is Verdict.REGRESSION for each in together(judged).values()]
        counts += (any(alone[worse:]), any(after[worse:]), sum(alone[:worse]), sum(after[:worse]))
    of_worse = repeats * max(worse, 1)
    return Suite(counts[0] / repeats, counts[1] / repeats, counts[2] / of_worse, counts[3] / of_worse)


def _judged(lost: int, gained: int, n: int) -> Judged:
    return Judged(verdict(lost, gained, n), _mid_p(lost, gained))


_mid_p = cache(mcnemar_mid_p)


def grouped(repeats: int, *, loss: float = 0.0) -> tuple[float, float]:
    """Return how often passages that change as a whole end in REGRESSION: questions taken alone, and by passage."""
    generator = np.random.default_rng([SEED, 7])
    passage = {question: question // QUESTIONS_EACH for question in range(PASSAGES * QUESTIONS_EACH)}
    found = np.zeros(2)
    for _ in range(repeats):
        moved = generator.choice([-1, 1, 0], p=shares(0.2, loss), size=PASSAGES)
        before = {question: float(moved[place] < 0) for question, place in passage.items()}
        after = {question: float(moved[place] > 0) for question, place in passage.items()}
        changes = (compare(before, after, clusters=each).verdict for each in (None, passage))
        found += [each is Verdict.REGRESSION for each in changes]
    return found[0] / repeats, found[1] / repeats


def coverage(n: int, p: float, repeats: int) -> float:
    """Return how often the Wilson interval holds the true score."""
    counts = Counter(np.random.default_rng(SEED).binomial(n, p, size=repeats).tolist())
    held = (times for count, times in counts.items() if (band := wilson(count, n)).low <= p <= band.high)
    return sum(held) / repeats


def error(rate: float, repeats: int) -> float:
    """Return the half width of the 95 % interval of a simulated rate."""
    return normal_quantile(0.95) * sqrt(rate * (1 - rate) / repeats)


def page(repeats: int = 20_000) -> str:
    """Return the page."""
    at_most = 100 * error(0.5, repeats)
    return "\n".join(
        [
            "# How often verdicts are wrong",
            "",
            "<!-- Made by `make stats-report`; do not edit. -->",
            "",
            f"Simulated with the seed {SEED}, margin 1 point, 95 % intervals. What the verdicts mean:",
            "[What the numbers can say](../explanation/statistics.md).",
            "",
            *_promises(repeats),
            "## Verdicts, by true loss and by how many answers change",
            "",
            f"{repeats:,} pairs of jobs a row; the simulation's own error is at most ± {at_most:.1f} (95 %), and",
            f"± {100 * error(0.025, repeats):.1f} at 2.5 %.",
            "",
            "| questions | answers that change | true loss, points | REGRESSION % | INCONCLUSIVE % | PASS % |",
            "|---:|---:|---:|---:|---:|---:|",
            *_verdict_rows(repeats),
            "",
            "A loss of 0 is two equal models (A/A): REGRESSION there is a false alarm, about 2.5 % by design,",
            "because the interval is two-sided. PASS at a loss of 1 or more misses a loss that matters.",
            "",
            *_suites(repeats // 10),
            *_groups(repeats // 20),
            "## The interval of one score",
            "",
            f"{repeats:,} scores a row (± {100 * error(0.95, repeats):.1f}).",
            "",
            "| questions | true score | held by the 95 % interval, % |",
            "|---:|---:|---:|",
            *(
                f"| {n} | {p} | {100 * coverage(n, p, repeats):.1f} |"
                for n in (50, 164, 1319)
                for p in (0.05, 0.7, 0.97)
            ),
            "",
            "## Two sigma below the historical mean",
            "",
            "Computed, not simulated: P(t(k−1) < −2/√(1 + 1/k)) with k earlier jobs that differ by chance alone.",
            "",
            "| earlier jobs | false alarms a job, % | at least one in 20 benchmarks, % |",
            "|---:|---:|---:|",
            *(_sigma_row(k) for k in (5, 10, 20, 100)),
            "",
        ]
    )


def _promises(repeats: int) -> Iterator[str]:
    """The two rates that are promised, held against their bounds."""
    equal = max(rates(n, share, 0.0, repeats)[Verdict.REGRESSION] for n in SIZES for share in DISCORDANCES)
    found = rates(1000, 0.2, 0.05, repeats)[Verdict.REGRESSION]
    yield "## What is promised"
    yield ""
    yield "| promise | simulated | kept |"
    yield "|---|---:|---|"
    yield f"| two equal models: REGRESSION in at most 5 % | {_rate(equal, repeats)} at worst | {_kept(equal <= 0.05)} |"
    yield (
        f"| a true loss of 5 points, 1000 questions, 20 % of answers change: found in at least 80 % | "
        f"{_rate(found, repeats)} | {_kept(found >= 0.8)} |"
    )
    yield ""


def _kept(kept: bool) -> str:  # noqa: FBT001
    return "yes" if kept else "**no**"


def _rate(rate: float, repeats: int) -> str:
    return f"{100 * rate:.1f} ± {100 * error(rate, repeats):.1f} %"


def _verdict_rows(repeats: int) -> Iterator[str]:
    for n in SIZES:
        for discordance in DISCORDANCES:
            for loss in LOSSES:
                if loss <= discordance:
                    found = rates(n, discordance, loss, repeats)
                    cells = (found[each] for each in (Verdict.REGRESSION, Verdict.INCONCLUSIVE, Verdict.PASS))
                    shown = " | ".join(f"{100 * each:.1f}" for each in cells)
                    yield f"| {n} | {100 * discordance:.0f} % | {100 * loss:.0f} | {shown} |"


def _suites(repeats: int) -> Iterator[str]:
    yield "## Many benchmarks at once"
    yield ""
    yield f"{repeats:,} suites a row (± {100 * error(0.5, repeats):.1f} at most), 1000 questions each, 20 % of answers"
    yield "change; those that are worse lost 5 points. Where a suite has several benchmarks, a REGRESSION has to"
    yield "survive the correction of Benjamini and Hochberg."
    yield ""
    yield "| benchmarks | of them worse | false in a suite, % | uncorrected | losses found, % | uncorrected |"
    yield "|---:|---:|---:|---:|---:|---:|"
    for benchmarks, worse in SUITES:
        found = suite(benchmarks, worse, repeats)
        false = _cells(found.false, found.false_alone) if worse < benchmarks else "– | –"
        yield f"| {benchmarks} | {worse} | {false} | {_cells(found.found, found.found_alone) if worse else '– | –'} |"
    yield ""
    yield "The price: a loss that only one of twenty benchmarks shows is found less often than alone. Where many are"
    yield "worse they support each other, and a false one among them becomes likelier: what is bounded is the share of"
    yield "REGRESSIONs that are none, not their number."
    yield ""


def _cells(*values: float) -> str:
    return " | ".join(f"{100 * each:.1f}" for each in values)


def _groups(repeats: int) -> Iterator[str]:
    alone, by_passage = grouped(repeats)
    found_alone, found = grouped(repeats, loss=0.1)
    yield "## Questions that belong together"
    yield ""
    yield f"{repeats:,} pairs a row (± {100 * error(0.1, repeats):.1f} at 10 %): {PASSAGES} passages with"
    yield f"{QUESTIONS_EACH} questions each; one passage in five changes, and then all its questions do."
    yield ""
    yield "| true loss, points | REGRESSION %, by passage | questions taken alone |"
    yield "|---:|---:|---:|"
    yield f"| 0 | {_cells(by_passage, alone)} |"
    yield f"| 10 | {_cells(found, found_alone)} |"
    yield ""


def _sigma_row(earlier: int) -> str:
    rate = false_alarm_rate(earlier)
    return f"| {earlier} | {100 * rate:.1f} | {100 * (1 - (1 - rate) ** 20):.0f} |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
