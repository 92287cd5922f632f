"""What other processes did is heard, and what pods write is read: streams, logs, events by hand."""

import asyncio
import os
import secrets
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
from tests.cluster.kubelet import kubelet
from tests.cluster.server.replicas import JOBS, NOW, Replica, Shared, Tenant, error, posted, running

from evallab.controller.server_logs import ServerLogs
from evallab.engine.recording import Owner
from evallab.store.interface import EventRow
from evallab.store.postgres import PostgresStore


async def test_a_stream_hears_what_another_process_did(
    tenant: Tenant, client: httpx.Client, two: Replica, store: PostgresStore
) -> None:
    job_id, _ = await asyncio.to_thread(posted, client, name="followed")
    headers = {"Authorization": f"Bearer {tenant.token()}", "X-Tenant": tenant.name}
    async with (
        httpx.AsyncClient(base_url=two.url, headers=headers, timeout=60) as asking,
        asking.stream("GET", f"{JOBS}/{job_id}/stream") as stream,
    ):
        lines = stream.aiter_lines()
        assert await _line(lines, "event: status") == "event: status"
        attempt = await running(store, job_id)
        body = {
            "provider_id": "demo",
            "id": "sums",
            "benchmark_index": 0,
            "status": "running",
            "phase": "running_evaluation",
        }
        await store.add_event(EventRow(id="e1", attempt_id=attempt.id, received_at=NOW, body=body))
        assert '"phase":"running_evaluation"' in await _line(lines, "data: ", then="running_evaluation")
    by_hand = {"benchmark_status_event": {**body, "status": "completed", "metrics": {"acc": 1.0}}}
    taken = await asyncio.to_thread(lambda: client.post(f"{JOBS}/{job_id}/events", json=by_hand))
    assert taken.status_code == 204, taken.text
    seen = (await asyncio.to_thread(lambda: client.get(f"{JOBS}/{job_id}"))).json()
    assert [each["status"] for each in seen["status"]["benchmarks"]] == ["completed"]


async def _line(lines: Any, begin: str, then: str = "") -> str:
    async with asyncio.timeout(20):
        async for line in lines:
            if line.startswith(begin) and then in line:
                return str(line)
    raise AssertionError(f"no line {begin!r}")


def pod(name: str, node: str, *, container: str = "adapter", **labels: str) -> dict[str, Any]:
    """Return a pod as the runtime makes it, as far as logs need it."""
    container_of_it = {"name": container, "image": "docker.io/evallab/demo:1"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {f"evallab.dev/{key}": value for key, value in labels.items()}},
        "spec": {"nodeName": node, "containers": [container_of_it], "restartPolicy": "Never"},
    }


async def test_logs_of_pods_and_what_is_kept_of_them(
    tenant: Tenant, client: httpx.Client, other: httpx.Client, shared: Shared, tmp_path: Path
) -> None:
    store, files = shared.store, shared.files
    job_id, _ = await asyncio.to_thread(posted, client, name="logged")
    path, node = f"{JOBS}/{job_id}/logs", f"node-{secrets.token_hex(3)}"

    async def text(asking: httpx.Client, **query: Any) -> str:
        return (await asyncio.to_thread(lambda: asking.get(path, params=query))).text

    head = "=== pod={} container=adapter benchmark_id=sums ===\n"
    assert await text(client) == head.format("unknown")
    first = await running(store, job_id, state="failed")
    (tmp_path / "jobrun.log").write_text("the first attempt\n")
    kept = files.store_file(
        tmp_path / "jobrun.log", kind="log", name="jobrun.log", owner=Owner(job_id=job_id, index=0, attempt_id=first.id)
    )
    await store.add_artifact(kept)
    second = await running(store, job_id, 2)
    with kubelet(tenant.cluster, tmp_path, node) as machine:
        tenant.cluster.apply(pod("pod-2", node, attempt=second.id), namespace=tenant.name)
        machine.write("one", "two", "three")
        assert await text(client) == head.format("pod-2") + "the first attempt\none\ntwo\nthree"
        assert await text(other, tail_lines=2) == head.format("pod-2") + "two\nthree"
        stamped = f"{JOBS}/{job_id}/benchmarks/0/logs?tail_lines=1&timestamps=true"
        assert (await asyncio.to_thread(client.get, stamped)).text == "2026-11-22T12:00:02.5Z three"

        machine.cut_after = [2]  # it is asked again, and sends the last second once more
        following = asyncio.create_task(text(other, follow="true", tail_lines=-1))
        await _until(lambda: len([each for each in machine.asked if "follow" in each]) >= 2)
        machine.write("four", end=True)
        await store.save_attempt(replace(second, state="completed", finished_at=NOW))
        snapshot = await store.snapshot(job_id)
        rows = [replace(each, state="completed", finished_at=NOW) for each in snapshot.benchmarks]
        await store.save_job(replace(snapshot.job, state="completed", finished_at=NOW), rows)
        everything = "the first attempt\none\ntwo\nthree\nfour\n"
        assert (await following).removeprefix(head.format(f"{job_id}-0")) == everything

    (tmp_path / "jobrun.log").write_text("one\ntwo\nthree\nfour\n")
    kept = files.store_file(
        tmp_path / "jobrun.log",
        kind="log",
        name="jobrun.log",
        owner=Owner(job_id=job_id, index=0, attempt_id=second.id),
    )
    await store.add_artifact(kept)
    assert [await text(each) for each in (client, other)] == [head.format("unknown") + everything.rstrip()] * 2


async def test_the_log_of_a_model_server_is_kept_once_and_shown(
    tenant: Tenant, client: httpx.Client, one: Replica, shared: Shared, tmp_path: Path
) -> None:
    job_id, _ = await asyncio.to_thread(posted, client, name="served")
    node, api = f"node-{secrets.token_hex(3)}", await tenant.cluster.api()
    logs = ServerLogs(api=api, store=shared.store, files=shared.files)
    server = pod("server-0", node, container="server")
    body = {**server, "metadata": server["metadata"] | {"namespace": tenant.name}}
    with kubelet(tenant.cluster, tmp_path, node) as machine:
        await logs.keep(job_id, body)  # no pod, no log
        tenant.cluster.apply(server, namespace=tenant.name)
        machine.write("loading", "ready")
        await logs.keep(job_id, body)
        await logs.keep(job_id, body)
    await api.close()
    (row,) = await shared.store.artifacts(job_id)
    assert (row.kind, row.name, row.index) == ("server-log", "model-server server-0", None)
    environ = {"EVALLAB_URL": one.url, "EVALLAB_TOKEN": tenant.token(), "EVALLAB_TENANT": tenant.name}
    argv = [sys.executable, "-m", "evallab.cli", "logs", job_id, "--tail", "1"]
    said = await asyncio.to_thread(
        subprocess.run, argv, env={**os.environ, **environ}, capture_output=True, text=True, timeout=60, check=False
    )
    assert (said.returncode, said.stdout) == (0, "ready\n"), said.stderr


async def _until(look: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not look():  # noqa: ASYNC110 - another thread's doing
            await asyncio.sleep(0.05)


def test_events_by_hand_need_an_attempt(client: httpx.Client) -> None:
    job_id, _ = posted(client, name="by-hand")
    event = {"provider_id": "demo", "id": "sums", "benchmark_index": 0, "status": "running"}
    refused = client.post(f"{JOBS}/{job_id}/events", json={"benchmark_status_event": event})
    assert error(refused)[:2] == (400, "not_supported")
