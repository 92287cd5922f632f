"""Reports to draw: each function returns a whole value and takes what a test wants different."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from evallab.planning.telemetry import GpuSummary
from evallab.reporting.report import BenchmarkReport, Change, JobReport, Model, Score
from evallab.reporting.telemetry import Speed, Telemetry

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def score(value: float = 0.805, **changes: Any) -> Score:
    """Return a valid score."""
    made = Score(
        metric="exact_match",
        filter="strict-match",
        value=value,
        ci_low=0.744,
        ci_high=0.854,
        interval_method="wilson",
        n=200,
        n_errors=0,
        higher_is_better=True,
        validity="valid",
        validity_reasons=(),
        threshold=None,
        passed=None,
    )
    return replace(made, **changes)


def change(verdict: str = "REGRESSION", **changes: Any) -> Change:
    """Return a comparison."""
    made = Change(
        baseline_job="3f2a9c1d00000000",
        baseline_name="demo-f16",
        metric="exact_match",
        filter="strict-match",
        n=200,
        baseline_value=0.915,
        value=0.805,
        delta=-0.11,
        ci_low=-0.161,
        ci_high=-0.061,
        p_value=1e-6,
        lost=25,
        gained=3,
        discordance=0.14,
        smallest_detectable=0.056,
        margin=0.01,
        method="McNemar mid-p, Tango interval",
        verdict=verdict,
        note="",
    )
    return replace(made, **changes)


def benchmark(index: int = 0, id_: str = "gsm8k", **changes: Any) -> BenchmarkReport:
    """Return a completed benchmark with a regression."""
    made = BenchmarkReport(
        index=index,
        provider="lm_evaluation_harness",
        id=id_,
        state="completed",
        reason=None,
        message=None,
        phase=None,
        progress=None,
        primary_score=score(),
        scores=(),
        comparison=change(),
    )
    return replace(made, **changes)


def report(*benchmarks: BenchmarkReport, **changes: Any) -> JobReport:
    """Return a completed job."""
    made = JobReport(
        id="1a2b3c4d00000000",
        name="demo-q3",
        state="completed",
        reason=None,
        message=None,
        model=Model(name="demo-q3"),
        created_at=NOON,
        started_at=NOON,
        finished_at=NOON + timedelta(seconds=72),
        overall=None,
        not_enforced=(),
        benchmarks=benchmarks or (benchmark(),),
    )
    return replace(made, **changes)


def telemetry(**changes: Any) -> Telemetry:
    """Return what was seen of a job on one GPU."""
    gpu = GpuSummary(
        device="GPU-5d0b1f3e",
        name="NVIDIA H200",
        driver="570.172.08",
        seconds=70.1,
        temperature_max=71.0,
        power_mean=312.0,
        utilisation_mean=93.5,
        throttled_share=0.0,
        longest_hot_s=0.0,
    )
    speed = Speed(
        samples_per_minute=812.0,
        tokens_per_second=3400.0,
        waiting_max=12,
        preemptions=0,
        seconds=60.0,
        validity="valid",
        validity_reasons=(),
    )
    return replace(Telemetry(gpus=(gpu,), none=None, throughput=speed), **changes)


def everything() -> JobReport:
    """Return a job in which all kinds of things happened."""
    return report(
        benchmark(),
        benchmark(
            1,
            "arc_easy",
            primary_score=score(0.97, metric="acc_norm", filter="none", ci_low=0.9445, ci_high=0.984, n=300),
            comparison=change("INCONCLUSIVE", delta=0.005, ci_low=-0.02, ci_high=0.031, p_value=0.7, lost=4, gained=5),
        ),
        benchmark(
            2,
            "wikitext",
            primary_score=score(
                12.3456,
                metric="word_perplexity",
                filter="none",
                ci_low=11.1,
                ci_high=13.9,
                n=62,
                higher_is_better=False,
                validity="invalid",
                validity_reasons=("ErrorBudget: 4 of 62 questions (6.5 %) were infrastructure errors",),
            ),
            comparison=change(
                "PASS", baseline_value=12.6, value=12.35, delta=-0.25, ci_low=-0.4, ci_high=-0.1, p_value=0.02
            ),
        ),
        benchmark(
            3,
            "humaneval",
            state="failed",
            reason="ExitedNonZero",
            message="The adapter exited with code 1 without a result.",
            primary_score=None,
            comparison=None,
        ),
        state="partially_failed",
        not_enforced=("network ModelOnly",),
    )
