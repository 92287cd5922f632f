"""Windows are kept once, judgements replaced, and a score is as bad as the worst of both."""

from dataclasses import replace
from datetime import timedelta

from tests.integration.store.making import NOON, QUESTIONS, attempt, benchmark, ended_job, job, result, score

from evallab.planning.telemetry import GpuReading, ServerWindow, roll_up
from evallab.planning.validity import Judgement, Verdict
from evallab.store.postgres import PostgresStore

READING = GpuReading(
    uuid="GPU-0", name="H200", driver="570.1", temperature_c=70.5, power_w=300.0, memory_used=2**40, reasons=0x24
)
WINDOW = roll_up([READING], started_at=NOON, seconds=10, hot_above=82, foreign=(7, 9))
SILENT = roll_up(
    [GpuReading(uuid="GPU-1", name="x", driver="")], started_at=NOON, seconds=0.5, hot_above=82, foreign=None
)
SERVED = ServerWindow(started_at=NOON, seconds=10, samples=12, tokens=340, waiting=3, preemptions=0)
HOT = Judgement(scores=Verdict("invalid", ("Heat: hot",)), throughput=Verdict("invalid", ("Heat: hot",)))
SAME = {"question_key": QUESTIONS, "metric": "exact_match", "filter_": "none"}


async def test_windows_are_kept_as_they_were_and_once(store: PostgresStore) -> None:
    await store.create_job(job(), [benchmark()], actor="ada")
    later = replace(WINDOW, started_at=NOON + timedelta(seconds=10))
    await store.add_telemetry("job-1", [WINDOW, SILENT, SERVED])
    await store.add_telemetry("job-1", [later, replace(WINDOW, temperature_max=99.0), SERVED])
    await store.add_telemetry("job-1", [])
    assert await store.gpu_windows("job-1") == [WINDOW, SILENT, later]
    assert await store.server_windows("job-1") == [SERVED]
    assert await store.gpu_windows("job-2") == []


async def test_a_judgement_makes_scores_worse_never_better_and_leaves_what_was_recorded(store: PostgresStore) -> None:
    mixed = (score(), score(metric="f1", primary=False, validity="valid", validity_reasons=()))
    await ended_job(store, job(), replace(result(), scores=mixed))
    await store.save_judgements("job-1", {0: Judgement()}, summary={}, now=NOON)
    assert await store.scores("job-1") == list(mixed)
    await store.save_judgements("job-1", {0: HOT}, summary={"gpus": []}, now=NOON)
    assert [(each.validity, each.validity_reasons) for each in await store.scores("job-1")] == [
        ("invalid", ("small n", "Heat: hot")),
        ("invalid", ("Heat: hot",)),
    ]
    drift = Judgement(scores=Verdict("degraded", ("CanaryDrift: x",)))
    await store.save_judgements("job-1", {0: drift}, summary={"gpus": [1]}, now=NOON)
    assert [each.validity for each in await store.scores("job-1")] == ["degraded", "degraded"]
    assert await store.judgements("job-1") == {0: drift}
    assert await store.telemetry_summary("job-1") == {"gpus": [1]}
    assert (await store.judgements("job-2"), await store.telemetry_summary("job-2")) == ({}, None)


async def test_what_was_judged_invalid_is_no_baseline_and_not_the_latest(store: PostgresStore) -> None:
    row = job("old")
    await store.create_job(row, [benchmark("old")], actor="ada")
    await store.save_attempt(attempt("old"))
    await store.record_result(result("old"))
    await store.save_judgements("old", {0: HOT}, summary={}, now=NOON)
    await store.save_job(replace(row, state="completed", finished_at=NOON), [benchmark("old", state="completed")])
    await ended_job(store, job("new"))
    assert await store.comparable("new", **SAME) is None
    assert await store.same_questions("old", **SAME) is None
    assert [each.job_id for each in await store.latest()] == ["new"]
    assert [(each.job_id, each.validity) for each in await store.history("tiny-q4", "sums")] == [
        ("old", "invalid"),
        ("new", "degraded"),
    ]
