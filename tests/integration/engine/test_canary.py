"""The canary: planted changes of a real server are caught, honest servers are not, and no trouble fails a job."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.integration.engine.drifting import (
    NAME,
    OtherTemplate,
    Serving,
    at_most,
    default_temperature,
    plain,
    serving,
)
from tests.integration.engine.test_jobs import CATALOG, job, run, until

from evallab.api.job import Model, Serve, WeightsSource
from evallab.engine import canary_asking
from evallab.local.lab import Lab, open_lab
from evallab.modelserver.reference.service import Service
from evallab.planning import canary
from evallab.planning.canary_passes import Pass
from evallab.settings import Settings
from evallab.store.interface import JobRow, JobSnapshot

NOW = datetime(2026, 1, 1, tzinfo=UTC)

CHANGES: dict[str, tuple[Any, str]] = {
    "quantised to 4 bits": (lambda: plain("demo-q4_0"), "prompt"),
    "quantised to 3 bits": (lambda: plain("demo-q3"), "prompt"),
    "another chat template": (lambda: plain(vocabulary=OtherTemplate), "tokens now, and had"),
    "a lower default temperature": (lambda: default_temperature(0.7), "asked without a temperature, is sampled"),
    "greedy by default": (lambda: default_temperature(0), "asked without a temperature, is sampled"),
    "answers cut off": (lambda: at_most(8), "is cut off differently from token 9 on"),
    "a shorter context": (lambda: plain(context=256), "the server takes 256 tokens now, and took 512"),
}


@pytest.fixture
def home() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="evallab-canary-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def settings(home: Path, database_url: str) -> Settings:
    return Settings(home=home, jobs_dir=home / "jobs-dir", config_dir=home, database_url=database_url)


@pytest.fixture
async def lab(settings: Settings) -> AsyncIterator[Lab]:
    async with open_lab(settings, CATALOG, environ=os.environ) as lab:
        yield lab


@pytest.fixture(scope="module", autouse=True)
def unhurried() -> Iterator[None]:
    """Time enough on a machine that does other things, too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(canary_asking, "SECONDS", dict.fromkeys(canary_asking.SECONDS, 120.0))
        yield


@pytest.fixture(scope="module")
def f16() -> Service:
    return plain()


@pytest.fixture
def model_server(f16: Service) -> Iterator[Serving]:
    with serving(f16) as serving_:
        yield serving_


async def asked(lab: Lab, model_server: Serving, name: str, **fields: Any) -> JobSnapshot:
    return await run(lab, job({"answers": [1, 0]}, name=name, model=Model(name=NAME, url=model_server.url), **fields))


async def verdict(lab: Lab, done: JobSnapshot) -> dict[str, Any]:
    row = await lab.store.canary(done.job.id)
    assert row is not None
    assert row.verdict is not None
    return row.verdict


async def validity(lab: Lab, done: JobSnapshot) -> tuple[str, tuple[str, ...]]:
    [score] = await lab.store.scores(done.job.id)
    return score.validity, score.validity_reasons


async def was_asked(lab: Lab, job_id: str, name: str) -> bool:
    row = await lab.store.canary(job_id)
    return row is not None and name in row.passes


async def test_two_honest_jobs_on_one_server_are_identical(lab: Lab, model_server: Serving) -> None:
    first = await asked(lab, model_server, "first")
    second = await asked(lab, model_server, "second")
    alone = (await verdict(lab, first)) | {"outcome": "first", "compared": 0, "baseline_job": None}
    assert await verdict(lab, first) == alone
    said = await verdict(lab, second)
    assert (said["outcome"], said["baseline_job"], said["prompts"], said["compared"]) == (
        "identical",
        first.job.id,
        16,
        16,
    )
    assert (said["within"], said["batch_effect"], said["drift"], said["detail"]) == (
        "identical",
        "identical",
        0.0,
        "token ids",
    )
    assert (await validity(lab, second))[0] == "valid"
    assert second.job.setup_key == first.job.setup_key
    assert (await lab.store.provenance(second.job.id))["job"]["canary"]["outcome"] == "identical"


async def passes(url: str) -> dict[str, Pass]:
    """What is asked before the benchmarks, without a job around it."""
    row = JobRow(id="j", name="j", spec=job({}, model=Model(name=NAME, url=url)), state="running", created_at=NOW)
    alone = await canary_asking.ask("alone", row, url)
    return {"alone": alone, "at_once": await canary_asking.ask("at_once", row, url, alone)}


@pytest.fixture(scope="module")
def before(f16: Service) -> dict[str, Pass]:
    with serving(f16) as honest:
        return asyncio.run(passes(honest.url))


@pytest.mark.parametrize("change", CHANGES)
async def test_a_planted_change_is_caught(model_server: Serving, before: dict[str, Pass], change: str) -> None:
    make, said = CHANGES[change]
    model_server.become(make())
    found = canary.judge(await passes(model_server.url), ("earlier", before), policy="Enforce")
    assert found.outcome == "changed"
    assert not found.usable
    [finding] = canary.findings(asdict(found), "Enforce")
    assert (finding.verdict, finding.touches) == ("invalid", frozenset({"scores"}))
    assert finding.reason.startswith("CanaryDrift: ")
    assert said in finding.reason


async def test_a_quantisation_as_fine_as_rounding_is_told_as_numeric_drift(
    model_server: Serving, before: dict[str, Pass]
) -> None:
    model_server.become(plain("demo-q8_0"))
    now = await passes(model_server.url)
    found = canary.judge({**now, "again": now["alone"]}, ("earlier", before), policy="Enforce")
    assert (found.outcome, found.within, found.compared) == ("numeric_drift", "identical", 16)
    assert 0.01 < found.drift <= 0.25
    [finding] = canary.findings(asdict(found), "Enforce")
    assert (finding.verdict, finding.touches) == ("degraded", frozenset({"scores"}))


async def test_a_server_that_is_swapped_while_the_job_runs_makes_scores_invalid(
    lab: Lab, model_server: Serving
) -> None:
    spec = job({"answers": [1, 0], "sleep": 3}, model=Model(name=NAME, url=model_server.url))
    job_id = await lab.submit(spec, manifest="", manifest_dir=None)
    driving = asyncio.create_task(lab.run(job_id))
    await until(lambda: was_asked(lab, job_id, "at_once"))
    model_server.become(plain("demo-q4_0"))
    await driving
    done = await lab.store.snapshot(job_id)
    assert (await verdict(lab, done))["within"] == "changed"
    judged, reasons = await validity(lab, done)
    assert judged == "invalid"
    assert any(reason.startswith("CanaryChanged: ") for reason in reasons)


async def test_a_changed_job_is_no_baseline_and_one_with_warn_is_the_next(lab: Lab, model_server: Serving) -> None:
    first = await asked(lab, model_server, "first")
    model_server.become(plain("demo-q4_0"))
    refused = await asked(lab, model_server, "refused")
    assert (await verdict(lab, refused))["baseline_job"] == first.job.id
    warned = await asked(lab, model_server, "warned", canary="Warn")
    assert ((await verdict(lab, warned))["outcome"], (await validity(lab, warned))[0]) == ("changed", "degraded")
    after = await asked(lab, model_server, "after")
    said = await verdict(lab, after)
    assert (said["outcome"], said["baseline_job"]) == ("identical", warned.job.id)


async def test_switched_off_nothing_is_asked(lab: Lab, model_server: Serving) -> None:
    done = await asked(lab, model_server, "off", canary="Off")
    assert await lab.store.canary(done.job.id) is None
    said = (await lab.store.provenance(done.job.id))["job"]["canary"]
    assert said == {"outcome": "none", "why": "switched off"}


async def test_an_endpoint_that_does_not_answer_fails_no_job(lab: Lab) -> None:
    done = await run(lab, job({"answers": [1, 0]}))
    said = await verdict(lab, done)
    assert (done.job.state, said["outcome"], said["within"]) == ("completed", "unknown", "unknown")
    assert "does not answer" in said["why"]
    assert (await validity(lab, done))[0] == "valid"


async def test_a_server_that_has_no_time_for_it_fails_no_job(
    lab: Lab, model_server: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(canary_asking, "SECONDS", dict.fromkeys(canary_asking.SECONDS, 0.0))
    done = await asked(lab, model_server, "slow")
    said = await verdict(lab, done)
    assert (done.job.state, said["outcome"]) == ("completed", "unknown")
    assert said["why"] == "0 of 16 prompts were answered within 0 s"


@pytest.mark.parametrize("name", ["alone", "at_once"])
async def test_killed_when_a_pass_was_kept_only_the_others_are_asked(
    settings: Settings, model_server: Serving, name: str
) -> None:
    async with open_lab(settings, CATALOG, environ=os.environ) as lab:
        spec = job({"answers": [1, 0]}, model=Model(name=NAME, url=model_server.url))
        job_id = await lab.submit(spec, manifest="", manifest_dir=None)
        driving = asyncio.create_task(lab.run(job_id))
        await until(lambda: was_asked(lab, job_id, name))
        driving.cancel()
        await asyncio.gather(driving, return_exceptions=True)
        before = await lab.store.canary(job_id)
    async with open_lab(settings, CATALOG, environ=os.environ) as lab:
        await lab.store.resume_job(job_id, actor="test", now=datetime.now(UTC))  # its attempt may have begun
        await lab.run(job_id)
        after, done = await lab.store.canary(job_id), await lab.store.snapshot(job_id)
    assert before is not None
    assert after is not None
    assert done.job.state == "completed"
    assert {each: after.asked_at[each] for each in before.asked_at} == dict(before.asked_at)
    assert set(after.passes) == {"alone", "at_once", "again"}


async def test_the_last_pass_is_asked_before_the_model_server_is_stopped(lab: Lab) -> None:
    serve = Serve(runtime="reference", source=WeightsSource(bundled="demo-f16"))
    done = await run(lab, job({"answers": [1, 0]}, model=Model(name=NAME, serve=serve)))
    said = await verdict(lab, done)
    assert (done.job.state, said["outcome"], said["within"]) == ("completed", "first", "identical")
