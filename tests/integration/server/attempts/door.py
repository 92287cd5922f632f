"""A door of attempts around a real store, over real HTTP; who may speak is said by the test."""

import asyncio
import hashlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from tests.integration.server.about_house import Server
from tests.integration.store.making import attempt, benchmark, job, minutes

from evallab.api.job import TestData
from evallab.datasets.fetching import Fetcher
from evallab.datasets.snapshots import Snapshots
from evallab.server.attempts.app import app
from evallab.server.attempts.parts import Parts
from evallab.server.attempts.supply import Supply
from evallab.server.boundary import Boundary
from evallab.server.boundary_rules import Rules
from evallab.store.interface import JobRow, Store

A1 = "job-1-a1"
NOW = minutes(10)
EVENTS = "/api/v1/evaluations/jobs/job-1/events"
EVENT = {"benchmark_status_event": {"provider_id": "lm_evaluation_harness", "id": "sums", "status": "running"}}


@dataclass(frozen=True)
class Tokens:
    """Tokens that were made for attempts, in a namespace each."""

    made: dict[str, tuple[str, str]] = field(default_factory=dict)

    async def admits(self, attempt_id: str, token: str, tenant: str) -> bool:
        return self.made.get(token) == (attempt_id, tenant)

    async def made_for(self, attempt_id: str, token: str) -> bool:
        return self.made.get(token, ("", ""))[0] == attempt_id


def clustered(*, data: TestData | None = None, **changes: Any) -> JobRow:
    """Return a job of a cluster with one benchmark."""
    row = job(**{"runtime": "kubernetes", "tenant": "team", "resource": "mine", "state": "running"} | changes)
    asked = row.spec.benchmarks[0].model_copy(update={"test_data": data})
    return replace(row, spec=row.spec.model_copy(update={"benchmarks": (asked,)}))


async def begun(store: Store, row: JobRow | None = None, attempts: int = 1) -> None:
    """Store a job with attempts that run."""
    owner = row or clustered()
    await store.create_job(owner, [benchmark(owner.id)], actor="ada")
    for number in range(1, attempts + 1):
        await store.save_attempt(attempt(owner.id, number))


def sealed(*files: tuple[str, str, bytes], events: int = 0) -> dict[str, Any]:
    """Return the body of a seal."""
    return {
        "files": [
            {"area": area, "name": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            for area, name, content in files
        ],
        "events": events,
    }


def parts(store: Store, home: Path, **changes: Any) -> Parts:
    """Return the parts of a door at which A1 shows "token", and the second attempt "second"."""
    known = {"token": (A1, "team"), "second": ("job-1-a2", "team"), "third": ("job-1-a3", "team")}
    supply = Supply(Fetcher(snapshots=Snapshots(home / "datasets"), now=lambda: NOW), patience_s=20)
    made = Parts(store=store, bearers=Tokens(known), supply=supply, now=lambda: NOW)
    return replace(made, **changes)


@asynccontextmanager
async def opened(of: Parts) -> AsyncIterator[httpx.AsyncClient]:
    """Serve a door; the client asks as A1."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    guarded: Any = Boundary(app(of), Rules(any_host=True))
    server = Server(uvicorn.Config(guarded, log_config=None, access_log=False, lifespan="off"))
    task = asyncio.create_task(server.serve(sockets=[listener]))
    base = f"http://127.0.0.1:{listener.getsockname()[1]}/a/{A1}"
    try:
        async with httpx.AsyncClient(base_url=base, headers={"Authorization": "Bearer token"}, timeout=60) as client:
            yield client
    finally:
        server.should_exit = True
        await task
        await of.supply.close()
        listener.close()
