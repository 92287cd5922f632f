"""Who runs beside whom: jobs that ask endpoints share the machine, GPUs are reserved for model servers.

That two things run at once is shown by a meeting: each waits for the other. That they do not, by a diary.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from evallab.api.job import Benchmark, EvalJob, Gpu, Hardware, Model, Serve
from evallab.api.provider import LocalRuntime, Provider, ProviderRuntime
from evallab.catalog import Catalog, Entry
from evallab.local.attending import due
from evallab.local.lab import Lab, open_lab
from evallab.runtimes.local import gpus
from evallab.settings import Settings
from evallab.store.interface import JobSnapshot, QueueRow

SCRIPT = Path(__file__).with_name("scripted_adapter.py")


@dataclass
class OneGpu:
    """A stand-in for the driver's library: a machine with one GPU."""

    processes: tuple[int, ...] = ()

    def gpus(self) -> Sequence[gpus.Gpu]:
        return [gpus.Gpu(uuid="GPU-0", name="stand-in", memory=1, processes=self.processes)]


def catalog(folder: Path, guests: int) -> Catalog:
    """`meeting`: ends when so many came together; `scripted` does what its parameters say."""
    command = (
        f"touch {folder}/$EVALLAB_ATTEMPT_ID; until [ $(ls {folder} | wc -l) -ge {guests} ]; do sleep 0.05; done; "
        f"{sys.executable} {SCRIPT}"
    )
    commands = {"meeting": command, "scripted": f"{sys.executable} {SCRIPT}"}
    return Catalog.of(
        [
            Entry(Provider(id=name, runtime=ProviderRuntime(local=LocalRuntime(command=each))))
            for name, each in commands.items()
        ]
    )


def asks(*ids: str, name: str = "job") -> EvalJob:
    listed = tuple(Benchmark(provider_id="meeting", id=each, parameters={"answers": [1, 1]}) for each in ids)
    return EvalJob(name=name, model=Model(name="m", url="http://127.0.0.1:9/v1"), benchmarks=listed, timeout_seconds=60)


def serves(told: Path, *, diary: Path) -> EvalJob:
    """A job whose server writes down which GPUs it was given."""
    command = f'echo "$CUDA_VISIBLE_DEVICES" >> {told}; exec {sys.executable} -m http.server --bind 127.0.0.1 "$PORT"'
    return EvalJob(
        name="served",
        model=Model(name="m", serve=Serve(runtime="custom", command=command, health_path="/")),
        benchmarks=(Benchmark(provider_id="scripted", id="b", parameters={"answers": [1], "diary": str(diary)}),),
        hardware=Hardware(gpu=Gpu(count=1)),
    )


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    return Settings(
        home=tmp_path / "home",
        jobs_dir=tmp_path / "jobs-dir",
        config_dir=tmp_path,
        gpu_locks_dir=tmp_path / "gpus",
        database_url=database_url,
    )


@asynccontextmanager
async def opened(settings: Settings, catalog: Catalog, **options: Any) -> AsyncIterator[Lab]:
    settings.home.mkdir(exist_ok=True)
    async with open_lab(settings, catalog, environ=os.environ, **options) as lab:
        yield lab


async def ran(lab: Lab, job: EvalJob) -> JobSnapshot:
    job_id = await lab.submit(job, manifest="", manifest_dir=None)
    await lab.run(job_id)
    return await lab.store.snapshot(job_id)


async def test_benchmarks_of_one_job_that_asks_an_endpoint_run_at_once(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "meeting").mkdir()
    async with opened(settings, catalog(tmp_path / "meeting", 3), parallel=3) as lab:
        done = await ran(lab, asks("a", "b", "c"))
    assert (done.job.state, len(done.attempts)) == ("completed", 3)


async def test_jobs_that_ask_endpoints_run_at_once(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "meeting").mkdir()
    both = catalog(tmp_path / "meeting", 2)
    async with opened(settings, both, parallel=2) as one, opened(settings, both, parallel=2) as other:
        ends = await asyncio.gather(ran(one, asks("a", name="one")), ran(other, asks("a", name="other")))
    assert [done.job.state for done in ends] == ["completed", "completed"]


async def test_a_gpu_is_given_to_one_model_server_at_a_time(settings: Settings, tmp_path: Path) -> None:
    told, diary, none = tmp_path / "told", tmp_path / "diary", catalog(tmp_path, 0)
    async with opened(settings, none, inventory=OneGpu()) as lab:
        held = lab.driver.gpus
        assert held.take("another job", 1) == ""
        waits: list[str] = []

        def free(snapshot: JobSnapshot, plan: Any, turn: Any) -> None:
            waits.append(turn.waits_for)
            held.free("another job")

        async with opened(settings, none, inventory=OneGpu(), saw=free) as other:
            done = await ran(other, serves(told, diary=diary))
    assert (done.job.state, told.read_text(), waits[0], waits[-1]) == ("completed", "GPU-0\n", "a GPU", "")


def test_who_is_driven() -> None:
    now = datetime(2026, 1, 2, tzinfo=UTC)

    def row(job_id: str, **fields: Any) -> QueueRow:
        made: dict[str, Any] = {
            "running": False,
            "cancel_requested": False,
            "deadline": now + timedelta(days=1),
            **fields,
        }
        return QueueRow(id=job_id, shares=True, attached=False, created_at=now, **made)

    rows = [
        row("first"),
        row("second"),
        row("running", running=True),
        row("cancelled", cancel_requested=True),
        row("overdue", deadline=now),
        row("waits"),
    ]
    assert due(rows, width=1, now=now) == ("first", "running", "cancelled", "overdue")
    assert due(rows, width=2, now=now)[:2] == ("first", "second")
