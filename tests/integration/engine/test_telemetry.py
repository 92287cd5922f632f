"""GPUs and model servers are watched while a job runs, and speak against its numbers: real processes, real Postgres."""

import asyncio
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.integration.engine.watched import CATALOG, OneGpu, Planted, job, settings

from evallab.api.job import EvalJob, Validity
from evallab.engine import validating
from evallab.local.lab import Lab, open_lab
from evallab.local.resuming import resume
from evallab.planning.telemetry import SERVER
from evallab.planning.validity import Judgement, Verdict
from evallab.runtimes.local import gpu_users
from evallab.store.interface import ScoreRow, Store
from evallab.store.postgres import PostgresStore

SOON = Validity(max_seconds_hot=1)


@pytest.fixture
def home() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="evallab-watched-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


async def run(home: Path, database_url: str, spec: EvalJob, planted: Planted) -> str:
    async with _opened(home, database_url, planted) as lab:
        job_id = await lab.submit(spec, manifest="", manifest_dir=None)
        plan = await lab.run(job_id)
        assert plan.state == "completed"
        return job_id


def _opened(home: Path, database_url: str, planted: Planted) -> AbstractAsyncContextManager[Lab]:
    return open_lab(settings(home, database_url), CATALOG, environ=os.environ, inventory=OneGpu(), gpus=planted)


async def score(store: Store, job_id: str) -> ScoreRow:
    [found] = await store.scores(job_id, primary_only=True)
    return found


async def words(store: Store, job_id: str) -> tuple[Any, ...]:
    """What was found: validities, and the first words of the reasons."""
    found = (await store.judgements(job_id))[0]
    said = [[reason.partition(":")[0] for reason in each.reasons] for each in (found.scores, found.throughput)]
    return found.scores.validity, said[0], found.throughput.validity, said[1]


async def test_a_cool_gpu_is_watched_and_says_nothing_against_the_numbers(
    home: Path, database_url: str, store: PostgresStore
) -> None:
    planted = Planted()
    job_id = await run(home, database_url, job(home), planted)
    assert set(planted.asked) == {("GPU-0",)}
    assert await store.judgements(job_id) == {0: Judgement()}
    [window] = await store.gpu_windows(job_id)
    assert (window.device, window.name, window.driver) == ("GPU-0", "H200", "570.1")
    assert (window.temperature_min, window.temperature_max, window.power_mean) == (60.0, 60.0, 312.0)
    assert (window.hot_s, window.throttled_s, window.reasons) == (0.0, 0.0, 0x4)
    [served] = await store.server_windows(job_id)
    assert (served.device, served.samples, served.tokens, served.waiting, served.preemptions) == (SERVER, 1, 100, 7, 1)
    assert served.started_at == window.started_at
    summary = await store.telemetry_summary(job_id)
    assert summary is not None
    [gpu] = summary["gpus"]
    assert (gpu["temperature_max"], gpu["power_mean"], gpu["throttled_share"]) == (60.0, 312.0, 0.0)
    assert summary["throughput"]["samples_per_minute"] == pytest.approx(60 / served.seconds)
    assert summary["throughput"]["tokens_per_second"] == pytest.approx(100 / served.seconds)
    assert (await score(store, job_id)).validity == "valid"


@pytest.mark.parametrize(
    ("planted", "word"), [({"temperature_c": 90.0}, "Heat"), ({"reasons": 0x40}, "Throttled")], ids=["heat", "throttle"]
)
async def test_what_slows_a_gpu_invalidates_both_or_leniently_the_throughput(
    home: Path, database_url: str, store: PostgresStore, planted: dict[str, Any], word: str
) -> None:
    strict = await run(home, database_url, job(home, validity=SOON), Planted(planted))
    assert await words(store, strict) == ("invalid", [word], "invalid", [word])
    found = await score(store, strict)
    assert (found.validity, [each.partition(":")[0] for each in found.validity_reasons]) == ("invalid", [word])
    lenient = SOON.model_copy(update={"policy": "Lenient"})
    other = await run(home, database_url, job(home, validity=lenient), Planted(planted))
    assert await words(store, other) == ("valid", [], "invalid", [word])
    assert (await score(store, other)).validity == "valid"


async def test_the_thresholds_are_those_of_the_job(home: Path, database_url: str, store: PostgresStore) -> None:
    warm = Validity(max_seconds_hot=1, max_temperature_celsius=95, max_throttled_percent=100)
    job_id = await run(home, database_url, job(home, validity=warm), Planted({"temperature_c": 90.0, "reasons": 0x40}))
    assert await words(store, job_id) == ("valid", [], "valid", [])


@pytest.mark.skipif(gpu_users.foreign((), ()) is None, reason="process ids of a container say nothing about the GPU's")
async def test_a_foreign_process_on_the_gpu_is_found(home: Path, database_url: str, store: PostgresStore) -> None:
    job_id = await run(home, database_url, job(home), Planted({"processes": (os.getpid(),)}))
    assert await words(store, job_id) == ("invalid", ["ForeignProcess"], "invalid", ["ForeignProcess"])
    [window] = await store.gpu_windows(job_id)
    assert window.foreign_pids == (os.getpid(),)


async def test_invalid_scores_are_never_a_baseline(home: Path, database_url: str, store: PostgresStore) -> None:
    good = await run(home, database_url, job(home), Planted())
    hot = await run(home, database_url, job(home, validity=SOON), Planted({"temperature_c": 90.0}))
    again = await run(home, database_url, job(home), Planted())
    assert [each.baseline_job_id for each in await store.comparisons(again)] == [good]
    assert await store.comparisons(hot) == []
    key = {"question_key": (await score(store, hot)).question_key, "metric": "acc", "filter_": "none"}
    assert await store.same_questions(hot, **key) is None  # type: ignore[arg-type]
    assert [row.job_id for row in await store.latest()] == [again]


async def test_without_a_gpu_telemetry_is_none_and_the_answers_are_counted(
    home: Path, database_url: str, store: PostgresStore
) -> None:
    async with open_lab(settings(home, database_url), CATALOG, environ=os.environ) as lab:
        job_id = await lab.submit(job(home, gpu=None), manifest="", manifest_dir=None)
        await lab.run(job_id)
    summary = await store.telemetry_summary(job_id)
    assert summary is not None
    assert (summary["gpus"], summary["none"], summary["throughput"]["preemptions"]) == ([], "no GPU", 1)


async def test_judging_again_ends_the_same(home: Path, database_url: str, store: PostgresStore) -> None:
    async with _opened(home, database_url, Planted({"reasons": 0x20})) as lab:
        job_id = await lab.submit(job(home), manifest="", manifest_dir=None)
        await lab.run(job_id)
        first = await store.judgements(job_id), await store.telemetry_summary(job_id)
        ports = lab.driver.engine._ports
        other = {0: Judgement(scores=Verdict("degraded", ("x",)))}
        await store.save_judgements(job_id, other, summary={}, now=datetime.now(UTC))
        await validating.validate(ports, (await store.snapshot(job_id)).job)
        assert (await store.judgements(job_id), await store.telemetry_summary(job_id)) == first


@pytest.mark.slow
async def test_killed_it_loses_the_open_window_at_most_and_another_driver_is_noticed(
    home: Path, database_url: str, store: PostgresStore
) -> None:
    command = [sys.executable, "-m", "tests.integration.engine.watched", str(home), database_url, "570.1"]
    running = await asyncio.create_subprocess_exec(*command)
    try:
        job_id = await _first_window(store)
    finally:
        running.send_signal(signal.SIGKILL)
        await running.wait()
    [before] = await store.gpu_windows(job_id)
    assert (before.driver, before.hot_s) == ("570.1", before.seconds)
    assert await store.judgements(job_id) == {}
    async with _opened(home, database_url, Planted({"driver": "575.2"})) as lab:
        await _ended(lab, job_id)
    windows = await store.gpu_windows(job_id)
    assert (windows[0], {each.driver for each in windows[1:]}) == (before, {"575.2"})
    assert (await store.judgements(job_id))[0].scores == Verdict(
        "invalid", ("DriverChanged: the GPU driver changed within the job, 570.1 to 575.2",)
    )


async def _first_window(store: PostgresStore) -> str:
    async with asyncio.timeout(90):
        while True:
            for row in await store.jobs():
                if await store.gpu_windows(row.id):
                    return row.id
            await asyncio.sleep(0.1)


async def _ended(lab: Lab, job_id: str) -> None:
    """Go on with the job of a command that was killed; its adapter need not sleep so long now."""
    async with asyncio.timeout(90):
        while await lab.store.lease_holder(job_id) is not None:  # noqa: ASYNC110 - it expires by itself
            await asyncio.sleep(0.2)
        await lab.driver.bury(job_id)
        assert await resume(lab, job_id)
        driving = asyncio.create_task(lab.run(job_id))
        while len(await lab.store.gpu_windows(job_id)) < 2:  # noqa: ASYNC110 - what is waited for is a row
            await asyncio.sleep(0.2)
        await lab.cancel(job_id)
        await driving
