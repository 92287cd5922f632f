"""Whom GPUs speak against, and what all that was seen comes to."""

from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta

from evallab.planning import telemetry
from evallab.planning.judging import judge, summary
from evallab.planning.telemetry import GpuReading, GpuWindow, ServerWindow, roll_up
from evallab.planning.validity import STRICT, Finding, Judgement, Verdict

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
THROTTLED = "Throttled: H200 (GPU-0) was slowed 50.0 % of the time (hardware thermal slowdown)"
NEW_DRIVER = "DriverChanged: the GPU driver changed within the job, 1 to 2"


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def window(start: float, *, reasons: int = 0, driver: str = "1") -> GpuWindow:
    reading = GpuReading(uuid="GPU-0", name="H200", driver=driver, temperature_c=60.0, reasons=reasons)
    return roll_up([reading], started_at=at(start), seconds=10, hot_above=82, foreign=None)


COOL, SLOWED = window(0), window(10, reasons=0x40)
INVALID = Verdict("invalid", (THROTTLED,))


def test_a_gpu_speaks_against_the_benchmarks_that_ran_meanwhile_and_no_others() -> None:
    spans = {0: (at(0), at(10)), 1: (at(5), at(20)), 2: None, 3: (at(30), None)}
    found = judge(spans, [COOL, SLOWED], policy=STRICT, whole=())
    assert found == {0: Judgement(), 1: Judgement(scores=INVALID, throughput=INVALID), 2: Judgement(), 3: Judgement()}


def test_of_a_time_that_is_not_known_everything_counts() -> None:
    found = judge({0: (None, None)}, [COOL, SLOWED], policy=replace(STRICT, lenient=True), whole=())
    assert found == {0: Judgement(throughput=INVALID)}


def test_a_driver_and_the_canary_speak_against_all() -> None:
    drift = Finding(verdict="degraded", reason="CanaryDrift: it drifted", touches=frozenset({"scores"}))
    found = judge({0: (at(0), at(10)), 1: None}, [COOL, window(90, driver="2")], policy=STRICT, whole=[drift])
    said = Judgement(
        scores=Verdict("invalid", (NEW_DRIVER, drift.reason)), throughput=Verdict("invalid", (NEW_DRIVER,))
    )
    assert found == {0: said, 1: said}


def test_a_speed_is_as_good_as_that_of_the_worst_benchmark() -> None:
    served = [ServerWindow(started_at=NOON, seconds=30, samples=10, tokens=60)]
    slow = Verdict("invalid", ("Heat: hot", "Throttled: slow"))
    found = {
        0: Judgement(),
        1: Judgement(throughput=slow),
        2: Judgement(throughput=Verdict("degraded", ("Heat: hot",))),
    }
    said = summary("unused", [COOL], served, found)
    [gpu] = telemetry.gpu_summaries([COOL])
    assert said["gpus"] == [asdict(gpu)]
    assert "none" not in said
    assert said["throughput"] == {
        "seconds": 30,
        "samples_per_minute": 20.0,
        "tokens_per_second": 2.0,
        "waiting_max": None,
        "preemptions": None,
        "validity": "invalid",
        "validity_reasons": ["Heat: hot", "Throttled: slow"],
    }


def test_without_gpus_it_says_why_and_without_answers_nothing_of_speed() -> None:
    assert summary("cluster: why", [], [], {0: Judgement()}) == {"gpus": [], "none": "cluster: why", "throughput": None}
