"""What GPUs say against numbers, and what findings say together."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evallab.api.job import Validity
from evallab.planning import validity
from evallab.planning.telemetry import GpuReading, GpuWindow, roll_up
from evallab.planning.validity import BOTH, SPEED, Finding, Judgement, Policy, Verdict

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
COOL = GpuReading(uuid="GPU-0", name="H200", driver="570.1", temperature_c=60.0, reasons=0x4)
HEAT = "Heat: H200 (GPU-0) was above 82 °C for 60 s (at most 83 °C)"
LENIENT = Policy(lenient=True)


def window(number: int = 0, *, seconds: float = 10, foreign: tuple[int, ...] | None = (), **said: object) -> GpuWindow:
    reading = replace(COOL, **said)  # type: ignore[arg-type]
    start = NOON + timedelta(seconds=10 * number)
    return roll_up([reading], started_at=start, seconds=seconds, hot_above=82, foreign=foreign)


def hot(seconds: int) -> list[GpuWindow]:
    return [window(number, temperature_c=83.0) for number in range(seconds // 10)]


def test_a_cool_gpu_says_nothing() -> None:
    assert list(validity.of_series([window(), window(1)])) == []
    assert list(validity.of_series([])) == []


@pytest.mark.parametrize(("policy", "touches"), [(Policy(), BOTH), (LENIENT, SPEED)])
def test_heat_for_a_minute_invalidates(policy: Policy, touches: frozenset[validity.Touched]) -> None:
    assert list(validity.of_series(hot(60), policy)) == [Finding(verdict="invalid", reason=HEAT, touches=touches)]


def test_heat_for_less_or_at_the_limit_says_nothing() -> None:
    assert list(validity.of_series(hot(50))) == []
    assert list(validity.of_series([window(number, temperature_c=82.0) for number in range(99)])) == []
    broken = [
        *hot(50),
        window(5),
        *(replace(each, started_at=each.started_at + timedelta(minutes=1)) for each in hot(50)),
    ]
    assert list(validity.of_series(broken)) == []


def test_throttling_above_a_hundredth_of_the_time_invalidates() -> None:
    cool = [window(number) for number in range(1, 100)]
    slow = window(100, reasons=0x24)
    [found] = validity.of_series([*cool[:98], slow])
    assert found.reason == "Throttled: H200 (GPU-0) was slowed 1.0 % of the time (software thermal slowdown)"
    assert list(validity.of_series([*cool, slow])) == []


def test_of_what_nobody_says_no_rule_says_anything() -> None:
    silent = [window(number, reasons=None, temperature_c=None, foreign=None) for number in range(60)]
    assert list(validity.of_series(silent, Policy(throttled_share=0.0))) == []


def test_each_gpu_is_judged_by_itself() -> None:
    other = [replace(each, device="GPU-1", hot_s=0.0) for each in hot(60)]
    assert [each.reason for each in validity.of_series([*other, *hot(60)])] == [HEAT]


def test_foreign_processes_are_named_and_unknown_ones_are_none() -> None:
    [found] = validity.of_series([window(foreign=(8, 7)), window(1, foreign=(7,)), window(2, foreign=None)])
    said = "ForeignProcess: H200 (GPU-0) was shared with processes 7, 8, not of this job"
    assert found == Finding(verdict="invalid", reason=said, touches=BOTH)
    assert list(validity.of_series([window(foreign=None)])) == []


def test_another_driver_within_the_job_invalidates() -> None:
    [found] = validity.of_drivers([window(1, driver="575.2"), window(0)])
    assert found.reason == "DriverChanged: the GPU driver changed within the job, 570.1 to 575.2"
    assert list(validity.of_drivers([window(0), window(1)])) == []


def test_the_policy_is_what_the_job_says_else_ours() -> None:
    assert validity.policy_of(Validity()) == Policy()
    said = Validity(policy="Lenient", max_temperature_celsius=90, max_seconds_hot=5, max_throttled_percent=0)
    assert validity.policy_of(said) == Policy(lenient=True, max_temperature_c=90, hot_s=5, throttled_share=0.0)


def test_findings_together_are_the_worst_with_every_reason_once() -> None:
    slow = Finding(verdict="invalid", reason="Heat: it was hot", touches=SPEED)
    drift = Finding(verdict="degraded", reason="CanaryDrift: it drifted")
    assert validity.combine(()) == Judgement()
    assert validity.combine((drift, slow, drift)) == Judgement(
        scores=Verdict("degraded", ("CanaryDrift: it drifted",)),
        throughput=Verdict("invalid", ("CanaryDrift: it drifted", "Heat: it was hot")),
    )


FINDINGS = st.lists(
    st.builds(
        Finding,
        verdict=st.sampled_from(validity.ORDER),
        reason=st.sampled_from(["A: a", "B: b", "C: c"]),
        touches=st.frozensets(st.sampled_from(sorted(BOTH))),
    ),
    max_size=6,
)


@given(FINDINGS, FINDINGS)
def test_more_findings_never_make_anything_better(some: list[Finding], more: list[Finding]) -> None:
    fewer, all_ = validity.combine(some), validity.combine([*some, *more])
    for before, after in ((fewer.scores, all_.scores), (fewer.throughput, all_.throughput)):
        assert validity.ORDER.index(after.validity) >= validity.ORDER.index(before.validity)
        assert set(before.reasons) <= set(after.reasons)
