"""The lines about GPUs and speed."""

from dataclasses import asdict, replace
from typing import Any

from tests.unit.reporting.making import telemetry

from evallab.reporting.telemetry import lines
from evallab.reporting.telemetry import telemetry as read

SEEN = telemetry()
assert SEEN.throughput is not None
SPEED = SEEN.throughput
[GPU] = SEEN.gpus


def test_one_gpu_in_a_line_and_the_speed_in_another() -> None:
    assert list(lines(SEEN)) == [
        ("telemetry", "1 × NVIDIA H200, max 71 °C, 312 W mean, throttled 0.0 %"),
        ("throughput", "812 samples/min, 3,400 tokens/s, valid"),
    ]


def test_of_several_gpus_the_hottest_the_mean_and_the_most_throttled() -> None:
    hot = replace(GPU, temperature_max=88.4, power_mean=100.0, throttled_share=0.021)
    other = replace(GPU, name="NVIDIA A100", temperature_max=None, power_mean=None)
    [(_, said), _] = lines(telemetry(gpus=(GPU, hot, other)))
    assert said == "2 × NVIDIA H200, 1 × NVIDIA A100, max 88 °C, 206 W mean, throttled 2.1 %"
    [(_, said), _] = lines(telemetry(gpus=(other,)))
    assert said == "1 × NVIDIA A100, temperature unknown, power unknown, throttled 0.0 %"


def test_what_is_not_known_of_throttling_is_not_called_fine() -> None:
    silent = replace(GPU, throttled_share=None)
    [(_, said), _] = lines(telemetry(gpus=(GPU, silent)))
    assert said == "2 × NVIDIA H200, max 71 °C, 312 W mean, throttling unknown"


def test_without_a_gpu_it_says_why_and_without_a_count_of_tokens_nothing_of_them() -> None:
    speed = replace(SPEED, tokens_per_second=None, preemptions=3, samples_per_minute=7.6)
    assert list(lines(telemetry(gpus=(), none="no GPU", throughput=speed))) == [
        ("telemetry", "none (no GPU)"),
        ("throughput", "8 samples/min, 3 preemptions, valid"),
    ]
    assert list(lines(telemetry(gpus=(), none="cluster", throughput=None))) == [("telemetry", "none (cluster)")]
    assert list(lines(None)) == []


def test_a_speed_is_told_with_what_speaks_against_it() -> None:
    reasons = ("Heat: hot", "DriverChanged: new")
    speed = asdict(SPEED) | {"validity": "invalid", "validity_reasons": list(reasons)}
    made = read({"job": {"telemetry": {"gpus": [asdict(GPU)], "throughput": speed}}})
    assert made is not None
    assert made == telemetry(throughput=replace(SPEED, validity="invalid", validity_reasons=reasons))
    assert list(lines(made))[1:] == [
        ("throughput", "812 samples/min, 3,400 tokens/s, invalid"),
        ("throughput", "invalid: Heat: hot"),
        ("throughput", "invalid: DriverChanged: new"),
    ]


def test_a_job_that_runs_or_was_imported_says_nothing() -> None:
    unsaid: tuple[dict[str, Any], ...] = ({}, {"job": {"telemetry": None}}, {"job": {}})
    assert [read(each) for each in unsaid] == [None, None, None]
