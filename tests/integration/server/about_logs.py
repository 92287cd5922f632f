"""Jobs with logs behind their real routes, over real HTTP: what the tests of logs ask."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from tests.integration.server.about_house import Server
from tests.integration.server.about_house import house as new_house
from tests.integration.store import making

from evallab.runtimes.local.bounded_log import BoundedLog
from evallab.runtimes.local.log_reader import index_of
from evallab.server.app import application
from evallab.server.boundary import Boundary
from evallab.server.boundary_http import protocol
from evallab.server.boundary_rules import Rules
from evallab.server.config import ServerConfig
from evallab.server.house import House
from evallab.server.routes.logs import OPERATIONS
from evallab.server.trailers import with_trailers
from evallab.store.postgres import PostgresStore

JOBS = "/api/v1/evaluations/jobs"
NO_EVENTS: Any = type("NoEvents", (), {"pending": lambda _: False})()


@dataclass
class Logs:
    """Jobs with logs in a folder of the test, a server, and a client of it."""

    folder: Path
    store: PostgresStore
    house: House
    url: str
    client: httpx.AsyncClient

    async def job(self, *ids: str, job_id: str = "job-1", state: Any = "running", **changes: Any) -> None:
        """Make a job with these benchmarks, each of which has an attempt that writes a log."""
        rows = [making.benchmark(job_id, index, benchmark_id=id_, state=state) for index, id_ in enumerate(ids)]
        await self.store.create_job(making.job(job_id, **changes), rows, actor="test")
        await self.store.save_job(replace(making.job(job_id, **changes), state=state), rows)
        for index in range(len(ids)):
            await self.attempt(index, job_id=job_id)

    async def attempt(self, index: int, number: int = 1, *, job_id: str = "job-1") -> None:
        """Make an attempt."""
        handle = {"log_file": str(self.path(index, job_id))}
        await self.store.save_attempt(
            making.attempt(job_id, number, id=f"{job_id}-{index}-{number}", index=index, handle=handle)
        )

    def path(self, index: int, job_id: str = "job-1") -> Path:
        """Return where the log of a benchmark lies."""
        return self.folder / job_id / str(index) / "jobrun.log"

    def write(self, index: int, *parts: bytes, job_id: str = "job-1") -> None:
        """Write as an attempt of that benchmark does."""
        path = self.path(index, job_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        log = BoundedLog(str(path), limit=1 << 20)
        for part in parts:
            log.write(part)

    async def end(self, index: int, *, job_id: str = "job-1") -> None:
        """End a benchmark."""
        snapshot = await self.store.snapshot(job_id)
        rows = [replace(row, state="completed") if row.index == index else row for row in snapshot.benchmarks]
        await self.store.save_job(snapshot.job, rows)

    async def keep(self, index: int, *, times: bool, job_id: str = "job-1") -> None:
        """Keep a log as the engine does, and clean up."""
        found = {"log": self.path(index, job_id)} | ({"log-times": index_of(self.path(index, job_id))} if times else {})
        owner = making.artifact(job_id=job_id, index=index, attempt_id=f"{job_id}-{index}-1")
        for kind, path in found.items():
            await self.store.add_artifact(self.house.files.store_file(path, kind=kind, name=path.name, owner=owner))
            path.unlink()

    async def get(self, path: str, **query: Any) -> httpx.Response:
        """Ask below the jobs."""
        return await self.client.get(f"{self.url}{JOBS}/{path}", params=query)

    async def text(self, path: str = "job-1/logs", **query: Any) -> str:
        """Return the text of a log."""
        response = await self.get(path, **query)
        assert (response.status_code, response.headers["content-type"]) == (200, "text/plain; charset=utf-8")
        return response.text

    async def raw(self, path: str = "job-1/logs") -> bytes:
        """Return all bytes of a response."""
        reader, writer = await asyncio.open_connection("127.0.0.1", int(self.url.rpartition(":")[2]))
        writer.write(f"GET {JOBS}/{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        found = await reader.read(-1)
        writer.close()
        return found


@asynccontextmanager
async def logs_of(store: PostgresStore, folder: Path, **service: Any) -> AsyncIterator[Logs]:
    config = ServerConfig.model_validate({"service": service})
    house = replace(new_house(store, folder), config=config, receiver=NO_EVENTS)
    door = socket.create_server(("127.0.0.1", 0))
    app: Any = Boundary(application(OPERATIONS, house), Rules())
    http: Any = with_trailers(protocol(config.service))
    server = Server(uvicorn.Config(app, http=http, log_config=None, access_log=False, lifespan="off"))
    task = asyncio.create_task(server.serve(sockets=[door]))
    try:
        async with httpx.AsyncClient(timeout=30) as client:
            yield Logs(folder / "jobs", store, house, f"http://127.0.0.1:{door.getsockname()[1]}", client)
    finally:
        house.streams.close()
        server.should_exit = True
        await task
        door.close()
