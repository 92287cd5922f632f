"""Readings become windows, windows a summary."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evallab.planning import telemetry
from evallab.planning.telemetry import GpuReading, GpuSummary, GpuWindow, ServerWindow, Throughput, roll_up

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
COOL = GpuReading(uuid="GPU-0", name="H200", driver="570.1", temperature_c=60.0, power_w=300.0, reasons=0)


def windows(temperatures: list[float], *, every: int = 10, limit: float = 82) -> list[GpuWindow]:
    """One reading a second, rolled up."""
    return [
        roll_up(
            [replace(COOL, temperature_c=each) for each in part],
            started_at=NOON + timedelta(seconds=start),
            seconds=len(part),
            hot_above=limit,
        )
        for start in range(0, len(temperatures), every)
        if (part := temperatures[start : start + every])
    ]


def served(start: float, samples: int, tokens: int | None = None, waiting: int | None = None) -> ServerWindow:
    return ServerWindow(
        started_at=NOON + timedelta(seconds=start),
        seconds=10,
        samples=samples,
        tokens=tokens,
        waiting=waiting,
        preemptions=1 if tokens else None,
    )


def test_a_window_holds_extremes_means_and_shares_of_the_time() -> None:
    readings = [
        replace(COOL, power_limit_w=700.0, utilisation=50.0, memory_used=7, sm_clock_mhz=1900.0),
        replace(COOL, temperature_c=90.0, power_w=500.0, reasons=0x44, memory_used=9, sm_clock_mhz=1500.0),
        replace(COOL, temperature_c=82.0, power_w=None, reasons=None),
        replace(COOL, temperature_c=84.0, power_w=400.0, reasons=0x20, power_limit_w=650.0),
    ]
    assert roll_up(readings, started_at=NOON, seconds=8, hot_above=82, foreign=[5, 4]) == GpuWindow(
        started_at=NOON,
        seconds=8,
        device="GPU-0",
        name="H200",
        driver="570.1",
        temperature_min=60.0,
        temperature_mean=79.0,
        temperature_max=90.0,
        hot_s=4.0,
        power_mean=400.0,
        power_max=500.0,
        power_limit=650.0,
        utilisation_mean=50.0,
        memory_used_max=9,
        sm_clock_min=1500.0,
        sm_clock_mean=1700.0,
        throttled_s=16 / 3,
        reasons=0x64,
        foreign_pids=(4, 5),
    )


def test_what_a_driver_does_not_say_is_unknown_and_no_heat() -> None:
    silent = GpuReading(uuid="GPU-0", name="x", driver="")
    window = roll_up([silent], started_at=NOON, seconds=1, hot_above=0, foreign=None)
    assert (window.temperature_min, window.temperature_mean, window.temperature_max) == (None, None, None)
    assert (window.power_mean, window.sm_clock_min, window.memory_used_max) == (None, None, None)
    assert (window.hot_s, window.throttled_s, window.reasons, window.foreign_pids) == (0.0, None, None, None)
    [summary] = telemetry.gpu_summaries([window])
    assert (summary.temperature_max, summary.throttled_share) == (None, None)


def test_what_is_known_of_throttling_counts_for_the_time_in_which_it_is_known() -> None:
    known, unknown = windows([60.0] * 10), windows([60.0] * 10)
    slowed = [replace(each, throttled_s=5.0) for each in known]
    silent = [replace(each, throttled_s=None, reasons=None) for each in unknown]
    assert telemetry.throttled_share([*slowed, *silent]) == 0.5
    assert telemetry.throttled_share(silent) is None


@pytest.mark.parametrize(
    ("reasons", "throttled"), [(0x1, False), (0x4, False), (0x8, True), (0x20, True), (0x84, True)]
)
def test_a_power_cap_does_not_count_as_throttling(reasons: int, throttled: bool) -> None:
    assert replace(COOL, reasons=reasons).throttled is throttled


@given(st.lists(st.floats(20, 110), min_size=1, max_size=60))
def test_a_mean_lies_between_the_extremes_and_times_within_the_window(temperatures: list[float]) -> None:
    for window in windows(temperatures):
        assert window.temperature_min is not None
        assert window.temperature_mean is not None
        assert window.temperature_max is not None
        assert window.temperature_min <= window.temperature_mean <= window.temperature_max
        assert 0 <= window.hot_s <= window.seconds * (1 + 1e-9)


@given(st.lists(st.sampled_from([80.0, 83.0]), min_size=1, max_size=200))
def test_the_longest_heat_is_never_too_short_and_too_long_by_less_than_two_windows(temperatures: list[float]) -> None:
    longest = max((len(list(run)) for hot, run in groupby(temperatures, lambda each: each > 82) if hot), default=0)
    found = telemetry.longest_hot(windows(temperatures))
    assert longest - 1e-6 <= found < longest + 20


def test_heat_does_not_continue_over_a_time_in_which_nobody_looked() -> None:
    first, second = windows([90.0] * 10), windows([90.0] * 10)
    apart = [replace(each, started_at=each.started_at + timedelta(seconds=30)) for each in second]
    assert telemetry.longest_hot([*first, *apart]) == 10
    near = [replace(each, started_at=each.started_at + timedelta(seconds=12)) for each in second]
    assert telemetry.longest_hot([*first, *near]) == 20


def test_windows_of_a_benchmark_are_those_that_touch_its_time() -> None:
    found = windows([60.0] * 40)
    inside = telemetry.within(found, NOON + timedelta(seconds=10), NOON + timedelta(seconds=25))
    assert inside == found[1:3]
    assert telemetry.within(found, None, None) == found


def test_each_gpu_is_summed_up_over_the_job_each_window_by_its_length() -> None:
    hot = windows([90.0] * 10 + [60.0] * 5)
    other = [replace(each, device="GPU-1", throttled_s=each.seconds / 2, power_mean=None) for each in hot]
    first = GpuSummary(
        device="GPU-0",
        name="H200",
        driver="570.1",
        seconds=15,
        temperature_max=90.0,
        power_mean=300.0,
        utilisation_mean=None,
        throttled_share=0.0,
        longest_hot_s=10.0,
    )
    second = replace(first, device="GPU-1", power_mean=None, throttled_share=0.5)
    assert telemetry.gpu_summaries([*other, *hot]) == (first, second)


def test_throughput_counts_from_the_first_answer_to_the_last() -> None:
    seen = [served(0, 0), served(10, 100, 500, 3), served(20, 0, 0, 9), served(30, 20, 100, 1), served(40, 0)]
    assert telemetry.throughput(seen) == Throughput(
        seconds=30, samples_per_minute=240.0, tokens_per_second=20.0, waiting_max=9, preemptions=2
    )
    assert telemetry.throughput([served(0, 60)]) == Throughput(
        seconds=10, samples_per_minute=360.0, tokens_per_second=None, waiting_max=None, preemptions=None
    )
    assert telemetry.throughput([served(0, 0)]) is None
