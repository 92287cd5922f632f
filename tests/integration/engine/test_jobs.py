"""One engine, one reconcile: jobs of real processes, a real receiver, a real Postgres."""

import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evallab.api.job import Benchmark, Compare, EvalJob, Lineage, Model, Serve
from evallab.api.provider import LocalRuntime, Provider, ProviderRuntime
from evallab.catalog import Catalog, Entry
from evallab.local.lab import Lab, open_lab
from evallab.settings import Settings
from evallab.store.interface import AttemptResult, AttemptRow, JobSnapshot

SCRIPT = Path(__file__).with_name("scripted_adapter.py")
COMMAND = f"{sys.executable} {SCRIPT}"


def provider(provider_id: str = "scripted", command: str = COMMAND) -> Provider:
    return Provider(id=provider_id, runtime=ProviderRuntime(local=LocalRuntime(command=command)))


CATALOG = Catalog.of(
    [
        Entry(provider()),
        Entry(provider("missing", "/no/such/adapter")),
        Entry(provider("silent", "true")),
        Entry(Provider(id="nowhere")),
    ]
)


def job(*benchmarks: dict[str, Any] | str, name: str = "job", **fields: Any) -> EvalJob:
    """A job with one benchmark per dictionary of parameters, or per provider id."""
    listed = [
        Benchmark(provider_id=each, id="b") if isinstance(each, str) else _scripted(index, each)
        for index, each in enumerate(benchmarks)
    ]
    fields = {"model": Model(name="m", url="http://127.0.0.1:9/v1"), "retries": 0} | fields
    return EvalJob(name=name, benchmarks=tuple(listed), **fields)


def served_by(serve: Serve) -> dict[str, Any]:
    """A job's model that is served."""
    return {"model": Model(name="m", serve=serve)}


def _scripted(index: int, parameters: dict[str, Any]) -> Benchmark:
    return Benchmark(provider_id="scripted", id=f"b{index}", parameters=parameters)


@pytest.fixture
def home() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="evallab-engine-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def settings(home: Path, database_url: str) -> Settings:
    return Settings(home=home, jobs_dir=home / "jobs-dir", config_dir=home, database_url=database_url)


@pytest.fixture
async def lab(settings: Settings) -> AsyncIterator[Lab]:
    async with open_lab(settings, CATALOG, environ=os.environ) as lab:
        yield lab


async def run(lab: Lab, spec: EvalJob) -> JobSnapshot:
    job_id = await lab.submit(spec, manifest="", manifest_dir=None)
    await lab.run(job_id)
    return await lab.store.snapshot(job_id)


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not await condition():  # noqa: ASYNC110 - what is waited for is in a file or a row
            await asyncio.sleep(0.05)


def gone(pid_file: Path) -> bool:
    stat = Path(f"/proc/{pid_file.read_text()}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z"


async def test_a_job_completes_with_scores_samples_and_provenance(lab: Lab) -> None:
    done = await run(lab, job({"answers": [1, 0, 1, 1]}))
    assert (done.job.state, done.job.reason, done.benchmarks[0].state) == ("completed", "Completed", "completed")
    [score] = await lab.store.scores(done.job.id)
    assert (score.value, score.n, score.interval_method, score.validity) == (0.75, 4, "wilson", "valid")
    assert score.ci_low is not None
    assert score.ci_low < 0.75
    samples = await lab.store.samples(done.job.id, 0)
    assert [dict(sample.scores) for sample in samples] == [{("acc", "none"): value} for value in (1.0, 0.0, 1.0, 1.0)]
    record = await lab.store.provenance(done.job.id)
    assert record["job"]["evallab"]["version"]
    assert record["benchmarks"]["0"]["question"]["task_hash"] == "t"
    assert done.job.setup_key is not None
    kinds = {artifact.kind for artifact in await lab.store.artifacts(done.job.id)}
    assert kinds == {"samples", "result", "log"}


async def test_a_foreign_adapter_that_only_posts_events_is_recorded(lab: Lab) -> None:
    done = await run(lab, job({"metrics": {"acc": 0.5, "grade": "B"}}))
    assert done.job.state == "completed"
    [score] = await lab.store.scores(done.job.id)
    assert (score.metric, score.value, score.ci_low, score.validity) == ("acc", 0.5, None, "degraded")


@pytest.mark.parametrize(
    ("benchmark", "reason"),
    [
        ({"exit": 3}, "ExitedNonZero"),
        ({"error": "no such task"}, "AdapterRefused"),
        ({"answers": [1, 0], "mean": "nan"}, "DamagedResult"),
        ({"answers": [1, 0], "mean": "inf"}, "DamagedResult"),
        ("silent", "NoResult"),
        ("missing", "CommandNotFound"),
        ("nowhere", "NotStarted"),
    ],
)
async def test_every_failure_ends_with_its_reason(lab: Lab, benchmark: Any, reason: str) -> None:
    done = await run(lab, job(benchmark))
    assert (done.job.state, done.job.reason) == ("failed", reason)
    assert done.benchmarks[0].message


async def test_a_failed_attempt_is_tried_again_as_often_as_asked(lab: Lab) -> None:
    done = await run(lab, job({"exit": 1}, retries=2))
    assert [(each.number, each.state, each.exit_code) for each in done.attempts] == [
        (1, "failed", 1),
        (2, "failed", 1),
        (3, "failed", 1),
    ]


async def test_one_failure_leaves_the_other_benchmarks_alone(lab: Lab) -> None:
    done = await run(lab, job({"exit": 1}, {"answers": [1, 0]}))
    assert done.job.state == "partially_failed"
    assert [each.state for each in done.benchmarks] == ["failed", "completed"]


async def test_time_out_ends_the_whole_tree(lab: Lab, tmp_path: Path) -> None:
    child = tmp_path / "child"
    done = await run(lab, job({"sleep": 600, "child": str(child)}, timeout_seconds=2))
    assert done.job.reason == "TimedOut"
    assert gone(child)


async def test_cancel_ends_the_whole_tree_and_keeps_logs(lab: Lab, tmp_path: Path) -> None:
    child = tmp_path / "child"
    spec = job({"sleep": 600, "child": str(child)}, {"answers": [1]})
    job_id = await lab.submit(spec, manifest="", manifest_dir=None)
    driving = asyncio.create_task(lab.run(job_id))

    async def started() -> bool:
        return child.exists() and bool(child.read_text())

    await until(started)
    await lab.cancel(job_id)
    await driving
    done = await lab.store.snapshot(job_id)
    assert (done.job.state, [each.state for each in done.benchmarks]) == ("cancelled", ["cancelled", "cancelled"])
    assert gone(child)
    assert [each.kind for each in await lab.store.artifacts(job_id)] == ["log"]


async def test_one_job_at_a_time_the_others_queued(settings: Settings, tmp_path: Path) -> None:
    diary = tmp_path / "diary"

    async def one(name: str) -> None:
        async with open_lab(settings, CATALOG, environ=os.environ) as own:
            done = await run(own, job({"answers": [1, 1], "sleep": 0.3, "diary": str(diary)}, name=name))
            assert done.job.state == "completed"

    await asyncio.gather(*(one(name) for name in "abc"))
    entries = [line.split() for line in diary.read_text().splitlines()]
    assert [word for word, _ in entries] == ["start", "end"] * 3
    assert all(entries[i][1] == entries[i + 1][1] for i in (0, 2, 4))


async def test_a_model_server_that_cannot_start_is_said_with_the_end_of_its_log(lab: Lab) -> None:
    serve = Serve(runtime="custom", command="echo out of cheese >&2; exit 3", health_path="/health")
    done = await run(lab, job({"answers": [1]}, **served_by(serve)))
    assert (done.job.state, done.job.reason) == ("failed", "ModelServerFailed")
    assert "out of cheese" in (done.job.message or "")
    assert done.attempts == ()


async def test_a_model_server_is_shared_and_gone_at_the_end(lab: Lab, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    command = f'echo $$ >> {pid}; exec {sys.executable} -m http.server --bind 127.0.0.1 "$PORT"'
    serve = Serve(runtime="custom", command=command, health_path="/")
    done = await run(lab, job({"answers": [1, 1]}, {"answers": [1, 0]}, **served_by(serve)))
    assert done.job.state == "completed"
    assert len(pid.read_text().split()) == 1
    pid.write_text(pid.read_text().strip())
    assert gone(pid)


async def test_scores_of_the_same_questions_are_compared_pairwise(lab: Lab) -> None:
    before = await run(lab, job({"answers": [1] * 60}, name="before"))
    lineage = Model(name="b", url="http://127.0.0.1:9/v1", lineage=Lineage(family="f"))
    after = await run(
        lab,
        job({"answers": [0] * 20 + [1] * 40}, name="after", model=lineage, compare=Compare(against="before")),
    )
    [row] = await lab.store.comparisons(after.job.id)
    assert (row.baseline_job_id, row.n, row.lost, row.gained, row.verdict) == (before.job.id, 60, 20, 0, "REGRESSION")


async def test_killed_between_result_and_settlement_a_result_is_recorded_once(settings: Settings) -> None:
    async with open_lab(settings, CATALOG, environ=os.environ) as lab:
        store = lab.store
        job_id = await lab.submit(job({"answers": [1, 0, 1]}), manifest="", manifest_dir=None)
        real = store.record_result

        async def record_and_die(result: AttemptResult) -> bool:
            await real(result)
            raise KeyboardInterrupt

        store.record_result = record_and_die  # type: ignore[method-assign]
        with pytest.raises(KeyboardInterrupt):
            await lab.run(job_id)
    async with open_lab(settings, CATALOG, environ=os.environ) as lab:
        await lab.run(job_id)
        done = await lab.store.snapshot(job_id)
        assert (done.job.state, len(done.attempts), len(done.results)) == ("completed", 1, 1)
        assert len(await lab.store.samples(job_id, 0)) == 3


async def test_killed_before_the_process_was_started_the_attempt_is_tried_again(settings: Settings) -> None:
    async with open_lab(settings, CATALOG, environ=os.environ) as lab:
        job_id = await lab.submit(job({"answers": [1, 0, 1]}, retries=1), manifest="", manifest_dir=None)
        real = lab.store.save_attempt

        async def save_and_die(attempt: AttemptRow) -> None:
            await real(attempt)
            raise KeyboardInterrupt

        lab.store.save_attempt = save_and_die  # type: ignore[method-assign]
        with pytest.raises(KeyboardInterrupt):
            await lab.run(job_id)
    async with open_lab(settings, CATALOG, environ=os.environ) as lab:
        await lab.run(job_id)
        done = await lab.store.snapshot(job_id)
        assert (done.job.state, [each.reason for each in done.attempts]) == ("completed", ["Vanished", "Completed"])


async def test_two_drivers_do_not_drive_one_job(settings: Settings) -> None:
    from evallab.engine.driver import LeaseLost

    async with (
        open_lab(settings, CATALOG, environ=os.environ) as lab,
        open_lab(settings, CATALOG, environ=os.environ) as other,
    ):
        job_id = await lab.submit(job({"sleep": 3, "answers": [1, 1]}), manifest="", manifest_dir=None)
        driving = asyncio.create_task(lab.run(job_id))

        async def leased() -> bool:
            return await lab.store.lease_holder(job_id) is not None

        await until(leased)
        with pytest.raises(LeaseLost):
            await other.run(job_id)
        await driving
        assert (await lab.store.snapshot(job_id)).job.state == "completed"


async def test_a_finished_job_stays_as_it_is(lab: Lab) -> None:
    done = await run(lab, job({"answers": [1, 0]}))
    await lab.cancel(done.job.id)
    await lab.run(done.job.id)
    again = await lab.store.snapshot(done.job.id)
    assert again == replace(
        done, job=replace(done.job, cancel_requested=again.job.cancel_requested, updated_at=again.job.updated_at)
    )
