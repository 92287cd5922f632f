"""How often verdicts are wrong, by simulation: what `make stats-report` writes to docs/reference/error-rates.md.

Each cell draws pairs of jobs whose answers change with known probabilities, and judges them as `evallab` does. The seed
is fixed: the page comes out the same each time, on every machine.
"""

from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np

from evallab.analysis.history import false_alarm_rate
from evallab.analysis.intervals import wilson
from evallab.analysis.many import benjamini_hochberg
from evallab.analysis.paired import mcnemar_mid_p, tango
from evallab.analysis.verdicts import Verdict, judge

SEED = 20_261_122
MARGIN = 0.01
PAGE = Path(__file__).parents[1] / "docs" / "reference" / "error-rates.md"
SIZES = (120, 164, 378, 1000, 1319)
DISCORDANCES = (0.02, 0.05, 0.10, 0.20)
LOSSES = (0.0, 0.01, 0.03, 0.05)
Rates = dict[Verdict, float]


@cache
def verdict(lost: int, gained: int, n: int) -> Verdict:
    """Judge a table of changed answers with the default margin."""
    return judge((gained - lost) / n, tango(lost, gained, n), margin=MARGIN)


def draws(n: int, discordance: float, loss: float, repeats: int, seed: int = SEED) -> "Counter[tuple[int, int]]":
    """Draw `repeats` tables (lost, gained) of n questions with a true loss and a true share of changed answers."""
    shares = [(discordance + loss) / 2, (discordance - loss) / 2, 1 - discordance]
    if min(shares) < 0:
        raise ValueError(f"A loss of {loss} cannot occur while only {discordance} of the answers change.")
    tables = np.random.default_rng(seed).multinomial(n, shares, size=repeats)
    return Counter((int(lost), int(gained)) for lost, gained, _ in tables)


def rates(n: int, discordance: float, loss: float, repeats: int) -> Rates:
    """Return how often each verdict comes out."""
    found = Counter[Verdict]()
    for (lost, gained), times in draws(n, discordance, loss, repeats).items():
        found[verdict(lost, gained, n)] += times
    return {each: found[each] / repeats for each in Verdict}


def false_discoveries(repeats: int, benchmarks: int = 20, n: int = 500) -> tuple[float, float]:
    """Return how often at least one of unchanged benchmarks is called different: by p ≤ 0.05, and corrected."""
    generator = np.random.default_rng(SEED)
    plain = corrected = 0
    for _ in range(repeats):
        tables = generator.multinomial(n, [0.05, 0.05, 0.9], size=benchmarks)
        p_values = {place: _mid_p(int(lost), int(gained)) for place, (lost, gained, _) in enumerate(tables)}
        plain += min(p_values.values()) <= 0.05
        corrected += min(benjamini_hochberg(p_values).values()) <= 0.05
    return plain / repeats, corrected / repeats


_mid_p = cache(mcnemar_mid_p)


def coverage(n: int, p: float, repeats: int) -> float:
    """Return how often the Wilson interval holds the true score."""
    counts = Counter(np.random.default_rng(SEED).binomial(n, p, size=repeats).tolist())
    held = (times for count, times in counts.items() if (band := wilson(count, n)).low <= p <= band.high)
    return sum(held) / repeats


def page(repeats: int = 20_000) -> str:
    """Return the page."""
    plain, corrected = false_discoveries(repeats // 10)
    return "\n".join(
        [
            "# How often verdicts are wrong",
            "",
            "<!-- Made by `make stats-report`; do not edit. -->",
            "",
            f"Simulated with a fixed seed, {repeats:,} pairs of jobs a cell (margin 1 point, 95 % intervals). What the",
            "verdicts mean: [What the numbers can say](../explanation/statistics.md).",
            "",
            "## Verdicts, by true loss and by how many answers change",
            "",
            "| questions | answers that change | true loss, points | REGRESSION % | INCONCLUSIVE % | PASS % |",
            "|---:|---:|---:|---:|---:|---:|",
            *_verdict_rows(repeats),
            "",
            "A loss of 0 is two equal models (A/A): REGRESSION there is a false alarm, about 2.5 % by design,",
            "because the interval is two-sided. PASS at a loss of 1 or more misses a loss that matters.",
            "",
            "## Many benchmarks",
            "",
            "Of 20 benchmarks on which nothing changed, at least one is called different in",
            f"{100 * plain:.0f} % of the suites by p ≤ 0.05, and in {100 * corrected:.1f} % after Benjamini-Hochberg.",
            "",
            "## The interval of one score",
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
            "| earlier jobs | false alarms a job, % | at least one in 20 benchmarks, % |",
            "|---:|---:|---:|",
            *(_sigma_row(k) for k in (5, 10, 20, 100)),
            "",
        ]
    )


def _verdict_rows(repeats: int) -> Iterator[str]:
    for n in SIZES:
        for discordance in DISCORDANCES:
            for loss in LOSSES:
                if loss <= discordance:
                    found = rates(n, discordance, loss, repeats)
                    cells = (found[each] for each in (Verdict.REGRESSION, Verdict.INCONCLUSIVE, Verdict.PASS))
                    shown = " | ".join(f"{100 * each:.1f}" for each in cells)
                    yield f"| {n} | {100 * discordance:.0f} % | {100 * loss:.0f} | {shown} |"


def _sigma_row(earlier: int) -> str:
    rate = false_alarm_rate(earlier)
    return f"| {earlier} | {100 * rate:.1f} | {100 * (1 - (1 - rate) ** 20):.0f} |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
