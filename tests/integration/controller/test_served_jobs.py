"""A job with a model server in a cluster: its canary is asked, and it is watched; the cluster is played (`played`)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.controller.pages import Pages, gpu_page, serving
from tests.integration.controller.played import UID, Played, Remembered, playing
from tests.integration.engine.drifting import Serving, plain
from tests.integration.engine.drifting import serving as serving_model

from evallab.api.job import Gpu, Hardware, Model
from evallab.controller import seeing
from evallab.engine import canary_asking
from evallab.kubeapi.interface import JOB
from evallab.planning import canary
from evallab.planning.cluster import labels
from evallab.planning.cluster.model_server import CONTAINER
from evallab.store.postgres import PostgresStore

SEEN = "telemetry"


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time enough on a machine that does other things, too."""
    monkeypatch.setattr(canary_asking, "SECONDS", dict.fromkeys(canary_asking.SECONDS, 120.0))


@pytest.fixture(scope="module")
def model() -> Iterator[Serving]:
    with serving_model(plain()) as running:
        yield running


async def begun(operator: Played) -> str:
    """Bring a job to its attempt; return the name of its model server's pod."""
    pod = await serves(operator)
    await operator.until(operator.attempt_is_there)
    return pod


async def serves(operator: Played) -> str:
    async def there() -> bool:
        return bool(operator.jobs(labels.SERVER_ROLE))

    await operator.until(there)
    return operator.runs(labels.SERVER_ROLE, CONTAINER)


async def measured(operator: Played) -> dict[str, Any]:
    """Let the attempt answer and end; return what the record of the job says of its course."""
    operator.runs(labels.ATTEMPT_ROLE, "adapter")
    await operator.look()
    await operator.reports({"status": "running", "progress": {"done": 3, "total": 4}})
    await operator.look()
    await operator.ends()
    return await finished(operator)


async def finished(operator: Played) -> dict[str, Any]:
    async def ended() -> bool:
        return (await operator.store.snapshot(UID)).job.finished_at is not None

    await operator.until(ended)
    assert (await operator.store.snapshot(UID)).job.state == "completed"
    found: dict[str, Any] = (await operator.store.provenance(UID))["job"]
    return found


async def test_its_canary_is_asked_before_and_after_and_its_speed_is_in_the_record(
    store: PostgresStore, database_url: str, tmp_path: Path, model: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with playing(store, database_url, tmp_path, url=model.url, monkeypatch=monkeypatch) as operator:
        await operator.submit()
        await begun(operator)
        assert operator.woken.get_nowait() == UID  # nobody has to look in between to find out
        row = await store.canary(UID)
        assert row is not None
        assert set(row.passes) == {"alone", "at_once"}
        record = await measured(operator)
    told = record["canary"]
    assert (told["outcome"], told["prompts"], told["within"]) == ("first", 16, "identical")
    assert (record[SEEN]["gpus"], record[SEEN]["none"]) == ([], seeing.NOT_SET)
    assert record[SEEN]["throughput"]["samples_per_minute"] > 0
    assert record[SEEN]["throughput"]["tokens_per_second"] is not None
    [score] = await store.scores(UID)
    assert (score.value, score.validity) == (0.75, "degraded")  # no samples


async def test_the_gpus_of_its_pods_are_seen_and_judged(
    store: PostgresStore, database_url: str, tmp_path: Path, model: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpu = {"hardware": Hardware(gpu=Gpu(count=1))}
    with serving(Pages()) as exporter:
        service = f"127.0.0.1:{exporter.port}"
        async with playing(
            store, database_url, tmp_path, url=model.url, monkeypatch=monkeypatch, exporter=service
        ) as operator:
            await operator.submit(**gpu)
            pod = await serves(operator)
            others = gpu_page("team/somebody-else", uuid="GPU-9", reasons="64")
            exporter.texts["/metrics"] = gpu_page(pod, temperature=71, reasons="64") + others
            await operator.until(operator.attempt_is_there)
            record = await measured(operator)
    [seen] = record[SEEN]["gpus"]
    assert (seen["device"], seen["name"], seen["driver"], seen["temperature_max"]) == (
        "GPU-0",
        "NVIDIA H200",
        "570.1",
        71.0,
    )
    assert seen["throttled_share"] == 1.0
    [window] = await store.gpu_windows(UID)
    assert window.foreign_pids is None
    [score] = await store.scores(UID)
    assert "Throttled: NVIDIA H200 (GPU-0) was slowed 100.0 % of the time (hardware thermal slowdown)" in (
        score.validity_reasons
    )


async def test_without_the_reasons_of_clocks_throttling_is_unknown_and_not_fine(
    store: PostgresStore, database_url: str, tmp_path: Path, model: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(Pages()) as exporter:
        service = f"127.0.0.1:{exporter.port}"
        async with playing(
            store, database_url, tmp_path, url=model.url, monkeypatch=monkeypatch, exporter=service
        ) as operator:
            await operator.submit(canary="Off")
            exporter.texts["/metrics"] = gpu_page(await serves(operator), reasons="")
            await operator.until(operator.attempt_is_there)
            record = await measured(operator)
    [seen] = record[SEEN]["gpus"]
    assert (seen["temperature_max"], seen["throttled_share"]) == (71.0, None)
    assert record["canary"] == {"outcome": "none", "why": "switched off"}


async def test_an_operator_that_takes_over_asks_only_what_is_missing(
    store: PostgresStore, database_url: str, tmp_path: Path, model: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = Remembered()
    async with playing(store, database_url, tmp_path / "a", url=model.url, monkeypatch=monkeypatch, api=api) as first:
        await first.submit()
        await serves(first)

        async def asked() -> bool:
            row = await store.canary(UID)
            return row is not None and "alone" in row.passes

        await first.until(asked)
    before = await store.canary(UID)
    async with playing(store, database_url, tmp_path / "b", url=model.url, monkeypatch=monkeypatch, api=api) as second:
        for body in api.objects.values():  # what its watches bring
            if body["kind"] == "Job":
                second.cache.put(JOB, body)
        second.runs(labels.SERVER_ROLE, CONTAINER)
        await second.until(second.attempt_is_there)
        after = await store.canary(UID)
        record = await measured(second)
    assert before is not None
    assert after is not None
    assert after.asked_at["alone"] == before.asked_at["alone"]
    assert (record["canary"]["outcome"], record["canary"]["within"]) == ("first", "identical")


async def test_an_address_that_a_job_names_is_not_asked_and_the_record_says_why(
    store: PostgresStore, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(Pages()) as outside:
        url = f"http://127.0.0.1:{outside.port}/v1"
        async with playing(store, database_url, tmp_path, url="", monkeypatch=monkeypatch) as operator:
            await operator.submit(model=Model(name="m", url=url))
            await operator.until(operator.attempt_is_there)
            record = await measured(operator)
    assert record["canary"] == {"outcome": "none", "why": canary.ELSEWHERE}
    assert record["not_enforced"] == ["determinism.canary"]
    assert record[SEEN] == {"gpus": [], "none": seeing.NOT_SET, "throughput": None}
    assert outside.asked == []


async def test_the_writes_to_the_cluster_are_those_of_the_objects(
    store: PostgresStore, database_url: str, tmp_path: Path, model: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with playing(store, database_url, tmp_path, url=model.url, monkeypatch=monkeypatch) as operator:
        await operator.submit()
        await begun(operator)
        await measured(operator)
    assert sorted(operator.api.writes) == ["ConfigMap", "Job", "Job", "Service"]
