"""Jobs with test data: fetched by the engine, the same for each attempt, verified before it, named by the result."""

import asyncio
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.integration.cli.command import Command
from tests.integration.datasets.conftest import FILES
from tests.integration.datasets.servers import Hub, Server, serving

from evallab.api import job as internal
from evallab.api.job import Benchmark, EvalJob, Model, TestData
from evallab.api.provider import LocalRuntime, Provider, ProviderRuntime
from evallab.catalog import Catalog, Entry
from evallab.datasets.snapshots import Snapshots
from evallab.local.lab import Lab, open_lab
from evallab.settings import Settings
from evallab.store.interface import JobSnapshot

COMMAND = f"{sys.executable} {Path(__file__).with_name('data_adapter.py')}"
READER = Provider(id="reader", runtime=ProviderRuntime(local=LocalRuntime(command=COMMAND)))
CATALOG = Catalog.of([Entry(READER)])
TEXT = "What is the secret of the guild?"


@pytest.fixture
def home() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="evallab-data-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def settings(home: Path, database_url: str) -> Settings:
    return Settings(home=home, jobs_dir=home / "jobs-dir", config_dir=home, database_url=database_url)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "own.jsonl"
    path.write_text(TEXT + "\n")
    return path


def job(data: TestData, *, retries: int = 0, **parameters: Any) -> EvalJob:
    benchmark = Benchmark(provider_id="reader", id="b", parameters=parameters, test_data=data)
    model = Model(name="m", url="http://127.0.0.1:9/v1")
    return EvalJob(name="exam", model=model, benchmarks=(benchmark,), retries=retries)


async def run(settings: Settings, spec: EvalJob, **environ: str) -> tuple[JobSnapshot, dict[str, Any]]:
    """Run a job to its end; return how it ended and its benchmark's provenance."""
    async with open_lab(settings, CATALOG, environ={**os.environ, **environ}) as lab:
        job_id = await lab.submit(spec, manifest="", manifest_dir=None)
        await lab.run(job_id)
        record = await lab.store.provenance(job_id)
        return await lab.store.snapshot(job_id), (record["benchmarks"] or {}).get("0", {})


async def test_a_job_names_the_revision_it_used(settings: Settings, hub: Hub, hub_server: Server) -> None:
    sha = hub.commit(FILES)
    data = TestData(hf=internal.HubSource(repo_id="acme/exam", revision="main", sub_path="data"))
    done, record = await run(settings, job(data), HF_ENDPOINT=hub_server.url)
    assert (done.job.state, done.benchmarks[0].reason) == ("completed", "Completed")
    used = record["test_data"]
    [snapshot] = Snapshots(settings.datasets_dir).all()
    assert (used["source"], used["asked"], used["revision"]) == ("hf acme/exam@main (data)", "main", sha)
    assert (used["snapshot"], used["sha256"]) == (snapshot.id, snapshot.manifest.sha256)
    hub.commit({**FILES, "data/test.jsonl": b"{}\n"})
    again, record = await run(replace(settings, offline=True), job(data), HF_ENDPOINT=hub_server.url)
    assert (again.job.state, record["test_data"]["revision"]) == ("completed", sha)
    assert record["answered_by"]["offline"] == "1"


async def test_each_attempt_gets_the_same_data(settings: Settings, own: Path) -> None:
    spec = job(TestData(path=str(own)), retries=1, failures=1, source=str(own))
    done, record = await run(settings, spec)
    assert [attempt.reason for attempt in done.attempts] == ["ExitedNonZero", "Completed"]
    assert own.read_text() != TEXT
    assert record["test_data"]["size"] == len(TEXT) + 1


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (TestData(hf=internal.HubSource(repo_id="acme/nothing")), "DatasetNotFound"),
        (TestData(hf=internal.HubSource(repo_id="acme/exam"), sha256="0" * 64), "DatasetHashMismatch"),
        (TestData(hf=internal.HubSource(repo_id="acme/exam", secret_ref="/no/such/secret")), "DatasetCredentials"),
        (TestData(bundled="nothing"), "DatasetNotFound"),
        (TestData(path="/no/such/file"), "DatasetNotFound"),
    ],
)
async def test_each_failure_has_its_own_reason(
    settings: Settings, hub: Hub, hub_server: Server, data: TestData, reason: str
) -> None:
    hub.commit(FILES)
    done, _ = await run(settings, job(data, retries=2), HF_ENDPOINT=hub_server.url)
    assert (done.job.state, done.job.reason) == ("failed", reason)
    assert len(done.attempts) == 1, "a typo is not retried"
    assert done.benchmarks[0].message


async def test_a_gated_dataset_and_a_token_that_is_in_no_message(
    settings: Settings, hub: Hub, hub_server: Server, tmp_path: Path
) -> None:
    hub.commit(FILES)
    hub.token, hub.gated = "hf_right", True
    (tmp_path / "hf-token").write_text("hf_wrong")
    data = TestData(hf=internal.HubSource(repo_id="acme/exam", secret_ref=f"file://{tmp_path}"))
    done, _ = await run(settings, job(data), HF_ENDPOINT=hub_server.url)
    assert (done.job.reason, "hf_wrong" in str(done)) == ("DatasetCredentials", False)
    (tmp_path / "hf-token").write_text("hf_right")
    done, record = await run(settings, job(data), HF_ENDPOINT=hub_server.url)
    assert (done.job.state, "hf_right" in json.dumps(record)) == ("completed", False)


async def test_offline_without_the_data(settings: Settings, hub_server: Server) -> None:
    data = TestData(hf=internal.HubSource(repo_id="acme/exam"))
    done, _ = await run(replace(settings, offline=True), job(data), HF_ENDPOINT=hub_server.url)
    assert (done.job.reason, hub_server.requests) == ("DatasetOffline", [])


async def test_a_snapshot_that_was_changed_fails_the_benchmark_before_the_adapter_starts(
    settings: Settings, own: Path
) -> None:
    await run(settings, job(TestData(path=str(own))))
    [snapshot] = Snapshots(settings.datasets_dir).all()
    (snapshot.content / own.name).unlink()
    (snapshot.content / own.name).write_text("another question")
    done, _ = await run(settings, job(TestData(path=str(own))))
    assert (done.job.state, done.job.reason, done.attempts[0].handle) == ("failed", "DatasetChanged", {})
    assert "evallab datasets fetch" in (done.benchmarks[0].message or "")


async def test_a_job_that_waits_for_its_data_can_be_cancelled(settings: Settings) -> None:
    """The server never answers; the job says what it waits for, and ends at once when it is told to."""
    asked, release = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def answer(_: object) -> tuple[int, dict[str, str], bytes]:
        loop.call_soon_threadsafe(asked.set)
        asyncio.run_coroutine_threadsafe(release.wait(), loop).result()
        return 200, {}, b"{}"

    with serving(answer) as web:
        async with open_lab(settings, CATALOG, environ=os.environ) as lab:
            job_id = await lab.submit(job(TestData(http=f"{web.url}/x.jsonl")), manifest="", manifest_dir=None)
            driving = asyncio.create_task(lab.run(job_id))
            await asked.wait()
            await until_it_says(lab, job_id, f"fetching http {web.url}/x.jsonl")
            await lab.cancel(job_id)
            loop.call_later(0.5, release.set)
            await driving
            done = await lab.store.snapshot(job_id)
    assert (done.job.state, done.attempts) == ("cancelled", ())


async def until_it_says(lab: Lab, job_id: str, words: str) -> None:
    async with asyncio.timeout(60):
        while (await lab.store.snapshot(job_id)).benchmarks[0].message != words:  # noqa: ASYNC110 - it is in a row
            await asyncio.sleep(0.05)


async def test_confidential_texts_stay_where_they_are(settings: Settings, own: Path, database_url: str) -> None:
    data = TestData(path=str(own), confidential=True)
    done, record = await run(settings, job(data))
    assert (done.job.state, TEXT in json.dumps(record)) == ("completed", False)
    private = Path(record["answered_by"]["cache"])
    assert private.is_relative_to(settings.datasets_dir)
    assert not private.exists(), "what harnesses copied goes with the job"
    await run(settings, job(data))
    evallab = Command(settings.home, database_url)
    for args in (
        ("samples", "exam", "-b", "b"),
        ("samples", "exam", "-b", "b", "--output", "json"),
        ("samples", "exam", "-b", "b", "--output", "jsonl"),
        ("samples", "exam", "-b", "b", "--grep", "secret"),
        ("diff", "exam", "-b", "b", "--output", "json"),
        ("diff", "exam", "--changed", "--words"),
        ("show", "exam", "--output", "json"),
        ("logs", "exam"),
    ):
        told = await asyncio.to_thread(evallab, *args)
        assert (told.returncode, "guild" in told.stdout + told.stderr) == (0, False), (args, told)
    hidden = await asyncio.to_thread(evallab, "samples", "exam", "-b", "b", "--output", "json")
    [sample] = json.loads(hidden.stdout)["samples"]
    assert (sample["score"], sample["prompt"], len(sample["doc_hash"])) == (1.0, None, 64)
    assert "--confidential" in hidden.stderr
    shown = await asyncio.to_thread(evallab, "samples", "exam", "-b", "b", "--output", "json", "--confidential")
    assert json.loads(shown.stdout)["samples"][0]["prompt"] == TEXT
    artifacts = [path for path in settings.artifacts_dir.rglob("*") if path.is_file()]
    assert {path.stat().st_mode & 0o777 for path in artifacts} == {0o600}
