"""Whole attempts: real adapters beside a real sidecar, before the server's real door and a real Postgres."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.evalhub.sdk_environment import sdk_environment
from tests.integration.datasets.servers import serving
from tests.integration.initializer.conftest import Pod as Init
from tests.integration.server.attempts.door import A1, begun, opened, parts
from tests.integration.sidecar.conftest import Pod
from tests.integration.sidecar.models import model_server

from evallab.api.contract import Result
from evallab.store.interface import LeavingRow
from evallab.store.postgres import PostgresStore

ADAPTERS = Path(__file__).parents[2] / "acceptance" / "evalhub" / "adapters"


@pytest.fixture
async def pod(store: PostgresStore, tmp_path: Path) -> AsyncIterator[Pod]:
    """A pod before the real door."""
    await begun(store, attempts=2)
    with model_server() as model:
        async with opened(parts(store, tmp_path)) as client:
            made = Pod(
                tmp_path / "pod",
                f"http://127.0.0.1:{client.base_url.port}",
                model=f"{model.url}/v1",
                attempt=A1,
                benchmark=("lm_evaluation_harness", "sums"),
            ).make()
            (made.root / "token").write_text("token")
            (made.root / "secret" / "api-key").write_text("sk-real")
            await asyncio.to_thread(made.start)
            yield made
            made.kill()
    assert {each["headers"]["authorization"] for each in model.requests} <= {"Bearer sk-real"}


async def content(store: PostgresStore, area: str, name: str) -> bytes:
    return b"".join([piece async for piece in store.read_leaving(A1, area, name)])


async def events(store: PostgresStore) -> list[dict[str, Any]]:
    return [each.event.body for each in await store.events_after("job-1", 0, limit=1000)]


async def test_our_own_adapter(pod: Pod, store: PostgresStore) -> None:
    done = await asyncio.to_thread(pod.adapter, Path(__file__).with_name("own_adapter.py"))
    assert done.returncode == 0, done.stderr
    assert await asyncio.to_thread(pod.finish) == 0

    said = await events(store)
    assert [each["phase"] for each in said if "progress" not in each] == [
        "initializing",
        "loading_data",
        "running_evaluation",
        "post_processing",
        "persisting_artifacts",
        "completed",
    ]
    result = Result.model_validate_json(await content(store, "result", "result.json"))
    assert (result.status, result.scores[0].value, result.artifacts) == ("completed", 0.5, ("questions.txt",))
    assert len((await content(store, "artifacts", "samples.jsonl")).splitlines()) == 3
    assert await content(store, "work", "answers.jsonl") == (pod.data / "work" / "answers.jsonl").read_bytes()
    seal = await store.sealed(A1)
    assert seal is not None
    assert [(each["area"], each["name"]) for each in seal["files"]] == [
        ("result", "result.json"),
        ("artifacts", "questions.txt"),
        ("artifacts", "samples.jsonl"),
        ("work", "answers.jsonl"),
    ]
    assert seal["events"] == len(said)


async def test_an_adapter_of_evalhubs_sdk(pod: Pod, store: PostgresStore) -> None:
    python = (await asyncio.to_thread(sdk_environment)).python
    done = await asyncio.to_thread(pod.adapter, ADAPTERS / "sdk_adapter.py", python=python)
    assert (done.returncode, "EVALUATION COMPLETE" in done.stdout) == (0, True), done.stderr
    assert await asyncio.to_thread(pod.finish) == 0

    said = await events(store)
    assert [each["status"] for each in said] == ["running", "running", "completed"]
    assert said[-1]["metrics"] == {"acc": 0.7, "note": "text-metric"}
    assert await store.sealed(A1) == {"files": [], "events": 3}


async def test_what_was_rewritten_shorter_ends_as_it_is(pod: Pod, store: PostgresStore) -> None:
    work = pod.data / "work" / "answers.jsonl"
    work.write_bytes(b"long\n" * 100_000)
    streamed = [LeavingRow(area="work", name="answers.jsonl", bytes=500_000)]
    async with asyncio.timeout(60):
        while await store.leavings(A1) != streamed:  # noqa: ASYNC110 - the sidecar sets no event
            await asyncio.sleep(0.01)
    work.write_bytes(b"short\n")
    (pod.data / "artifacts" / "empty").touch()
    (pod.data / "artifacts" / "bad\\name").write_text("the server takes no such name")
    assert await asyncio.to_thread(pod.finish) == 0
    assert await content(store, "work", "answers.jsonl") == b"short\n"
    assert [(each.area, each.name, each.bytes) for each in await store.leavings(A1)] == [
        ("artifacts", "empty", 0),
        ("work", "answers.jsonl", 6),
    ]


async def test_killed_before_it_knew_that_it_had_sealed(pod: Pod, store: PostgresStore) -> None:
    (pod.data / "result.json").write_text(json.dumps({"status": "completed"}))
    assert await asyncio.to_thread(pod.finish) == 0
    seal = await store.sealed(A1)
    (pod.root / "spool" / "sealed.json").unlink()
    await asyncio.to_thread(pod.start)
    assert await asyncio.to_thread(pod.finish) == 0
    assert await store.sealed(A1) == seal


async def test_a_second_attempt_with_data_goes_on(pod: Pod, store: PostgresStore, tmp_path: Path) -> None:
    kept = b'{"key": "0", "answer": {}}\n' * 10_000
    (pod.data / "work" / "answers.jsonl").write_bytes(kept)
    assert await asyncio.to_thread(pod.finish) == 0

    second = Pod(tmp_path / "second", pod.server, attempt="job-1-a2", benchmark=pod.benchmark).make()
    (second.root / "token").write_text("second")
    first_step = Init(second.root, second.spec)
    try:
        with serving(lambda _: (200, {}, b"{}\n")) as web:
            await asyncio.to_thread(second.start)
            fields: dict[str, Any] = {"server": pod.server, "attempt": "job-1-a2", "restore": True}
            code = await asyncio.to_thread(first_step.init, {"http": f"{web.url}/exam.jsonl"}, **fields)
        assert (code, (second.data / "work" / "answers.jsonl").read_bytes()) == (0, kept), first_step.log
        assert first_step.job()["evallab"]["test_data"]["files"] == ["exam.jsonl"]
        assert await asyncio.to_thread(second.finish) == 0
    finally:
        second.kill()
    assert [each.get("phase") for each in await events(store)] == ["loading_data"]
    left = await store.leavings("job-1-a2")
    assert [(each.area, each.name) for each in left] == [("meta", "test_data.json"), ("work", "answers.jsonl")]
