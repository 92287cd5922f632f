"""The end table, compared whole: what people see must not change by accident."""

import re
from typing import Any

from tests.unit.reporting.making import benchmark, change, everything, report, score

from evallab.reporting.overall import Overall
from evallab.reporting.paper import Paper
from evallab.reporting.report import Progress
from evallab.reporting.table import render

WIDE = """
demo-q3 (1a2b3c4d) partially_failed, took 1 min 12 s, compared with demo-f16 (3f2a9c1d)

Benchmark  Metric                     Score  95 % interval       n  Change                     Flips   Verdict
gsm8k      exact_match,strict-match   0.805  [ 0.744,  0.854]  200  −11.0 pt [ −16.1,   −6.1]  −25 +3  REGRESSION
arc_easy   acc_norm                   0.970  [ 0.945,  0.984]  300   +0.5 pt [  −2.0,   +3.1]   −4 +5  INCONCLUSIVE
wikitext   word_perplexity           12.346  [11.100, 13.900]   62    −0.250 [−0.400, −0.100]  −25 +3  INVALID
humaneval                                                                                              failed

gsm8k         14.0 % of 200 answers changed, p < 0.001; smallest detectable difference 5.6 pt, margin 1.0 pt
arc_easy      14.0 % of 200 answers changed, p = 0.700; smallest detectable difference 5.6 pt, margin 1.0 pt
              inconclusive: shows neither a loss nor its absence at the margin of 1.0 pt
wikitext      invalid: ErrorBudget: 4 of 62 questions (6.5 %) were infrastructure errors
              14.0 % of 200 answers changed, p = 0.020; smallest detectable difference 0.056, margin 0.010
humaneval     ExitedNonZero: The adapter exited with code 1 without a result.
not enforced  network ModelOnly

evallab logs demo-q3                                what the adapters said
evallab diff demo-q3                                which answers changed
evallab samples demo-q3 --benchmark gsm8k --failed  wrong answers
evallab show demo-q3 --provenance                   what exactly ran
evallab db psql                                     everything, in SQL
"""
NARROW_ASCII = """
demo-q3 (1a2b3c4d) completed, took 1 min 12 s, compared with demo-f16 (3f2a9c1d)

Benchmark  Metric                    Score  95 % interval     n
gsm8k      exact_match,strict-match  0.805  [0.744, 0.854]  200

Benchmark  Change                  Flips   Verdict
gsm8k      -11.0 pt [-16.1, -6.1]  -25 +3  REGRESSION

gsm8k  14.0 % of 200 answers changed, p < 0.001; smallest detectable difference
       5.6 pt, margin 1.0 pt

evallab diff demo-q3                                which answers changed
evallab samples demo-q3 --benchmark gsm8k --failed  wrong answers
evallab show demo-q3 --provenance                   what exactly ran
evallab db psql                                     everything, in SQL
"""
FIRST = """
first (1a2b3c4d) completed, model demo-q3, took 1 min 12 s

Benchmark  Metric                    Score  95 % interval     n  Verdict
gsm8k      exact_match,strict-match  0.805  [0.744, 0.854]  200  BELOW 0.9
bleu       bleu                      0.310                  200  DEGRADED

first         overall 0.557, the weighted mean
              the overall score misses the threshold 0.6
gsm8k         0.805 misses the threshold 0.9
bleu          degraded: few
              no interval: a corpus metric
not compared  no finished job of this model or its family asked the same questions

evallab samples first --benchmark gsm8k --failed  wrong answers
evallab show first --provenance                   what exactly ran
evallab db psql                                   everything, in SQL
"""
RUNNING = """
demo-q3 (1a2b3c4d) running

Benchmark                     Metric  Score  95 % interval       n  Verdict
lm_evaluation_harness/gsm8k                                 45/200  running
lm_evaluation_harness2/gsm8k                                        pending

evallab show demo-q3
evallab logs demo-q3
"""


def drawn(text: str) -> str:
    return text.removeprefix("\n").removesuffix("\n")


def test_a_job_in_which_everything_happened() -> None:
    assert render(everything(), Paper(width=120)) == drawn(WIDE)


def test_a_pipe_gets_whole_lines() -> None:
    assert render(everything(), Paper()) == drawn(WIDE)


def test_a_narrow_terminal_that_knows_ascii_only() -> None:
    assert render(report(), Paper(width=80, unicode=False)) == drawn(NARROW_ASCII)


def test_a_first_job_misses_its_thresholds() -> None:
    bleu = score(
        0.31,
        metric="bleu",
        filter="none",
        ci_low=None,
        ci_high=None,
        interval_method="none: a corpus metric",
        validity="degraded",
        validity_reasons=("few",),
    )
    made = report(
        benchmark(primary_score=score(threshold=0.9, passed=False), comparison=None),
        benchmark(1, "bleu", primary_score=bleu, comparison=None),
        name="first",
        overall=Overall(value=0.557, threshold=0.6, passed=False),
    )
    assert render(made, Paper(width=100)) == drawn(FIRST)


def test_a_job_that_goes_on() -> None:
    nothing: Any = {"primary_score": None, "comparison": None}
    made = report(
        benchmark(state="running", progress=Progress(done=45, total=200, samples_per_minute=60.0), **nothing),
        benchmark(1, provider="lm_evaluation_harness2", state="pending", **nothing),
        state="running",
        started_at=None,
        finished_at=None,
    )
    assert render(made, Paper(width=100)) == drawn(RUNNING)


def test_colour_is_for_verdicts_and_states_and_nothing_else_changes() -> None:
    colored = render(everything(), Paper(width=120, color=True))
    assert "\x1b[1;31mREGRESSION" in colored
    assert "\x1b[33mINCONCLUSIVE" in colored
    plain = "\n".join(re.sub(r"\x1b\[[0-9;]*m", "", line).rstrip() for line in colored.splitlines())
    assert plain == drawn(WIDE)


def test_names_are_text_not_markup_and_are_folded_not_cut() -> None:
    long = "[bold]" + "x" * 90
    text = render(report(benchmark(id_=long)), Paper(width=60))
    assert "[bold]" in text
    assert text.replace("\n", "").replace(" ", "").count("x") >= 90
    assert all(len(line) <= 60 for line in text.split("evallab diff")[0].splitlines())


def test_every_metric_is_there_when_asked_for() -> None:
    other = score(0.9, filter="flexible-extract")
    text = render(report(benchmark(scores=(other,))), Paper(), every_metric=True)
    assert "gsm8k      exact_match,flexible-extract  0.900  [0.744, 0.854]  200\n" in text


def test_an_improvement_that_rounds_to_nothing_has_no_sign() -> None:
    text = render(report(benchmark(comparison=change("PASS", delta=-1e-9, ci_low=-0.001, ci_high=0.001))), Paper())
    assert "0.0 pt [−0.1, +0.1]" in text
    assert "−0.0" not in text
