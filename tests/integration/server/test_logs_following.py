"""Logs as they grow, over real HTTP: through attempts, until the end, and gone when the client is."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.integration.server.about_house import NOW
from tests.integration.server.about_logs import JOBS, Logs, logs_of
from tests.integration.store import making

from evallab.runtimes.local.log_reader import LogReader
from evallab.store.postgres import PostgresStore


@pytest.fixture
async def logs(store: PostgresStore, tmp_path: Path) -> AsyncIterator[Logs]:
    async with logs_of(store, tmp_path) as found:
        yield found


async def until(check: Callable[[], Awaitable[bool] | bool]) -> None:
    async with asyncio.timeout(30):
        while not (found if isinstance(found := check(), bool) else await found):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


class Reader:
    """Reads a response that goes on."""

    def __init__(self, response: httpx.Response) -> None:
        self.text, self._pieces = "", response.aiter_text()

    async def until(self, words: str) -> None:
        async with asyncio.timeout(30):
            while words not in self.text:
                self.text += await anext(self._pieces)

    async def rest(self) -> str:
        async with asyncio.timeout(30):
            async for piece in self._pieces:
                self.text += piece
        return self.text


@asynccontextmanager
async def following(logs: Logs, path: str, **query: Any) -> AsyncIterator[Reader]:
    async with logs.client.stream("GET", f"{logs.url}{JOBS}/{path}", params={**query, "follow": "true"}) as response:
        yield Reader(response)


async def test_following_goes_through_attempts_and_benchmarks_until_the_end(logs: Logs) -> None:
    await logs.job("a", "b")
    logs.write(1, b"early\n")
    async with following(logs, "job-1/logs") as reader:
        await reader.until("benchmark_id=a ===\n")
        logs.write(0, b"one\n")
        await reader.until("one\n")
        await logs.attempt(0, 2)
        logs.write(0, b"=== attempt 2 ===\n", b"two")
        await logs.end(0)
        await reader.until("early\n")
        await logs.end(1)
        assert await reader.rest() == (
            "=== pod=job-1-0 container=local benchmark_id=a ===\none\n=== attempt 2 ===\ntwo\n"
            "=== pod=job-1-1 container=local benchmark_id=b ===\nearly\n"
        )
    assert len(logs.house.streams) == 0


async def test_following_begins_before_the_first_attempt_and_from_the_last_lines(logs: Logs) -> None:
    await logs.store.create_job(making.job(), [making.benchmark()], actor="test")
    async with following(logs, "job-1/benchmarks/0/logs", tail_lines=1, timestamps="true") as reader:
        await until(lambda: len(logs.house.streams) == 1)
        logs.write(0, b"one\ntwo\n")
        await logs.attempt(0)
        await reader.until("two\n")
        logs.write(0, b"three\n")
        await reader.until("three\n")
        await logs.end(0)
        lines = (await reader.rest()).splitlines()
    assert [line.split(" ", 1)[1] for line in lines] == ["two", "three"]


async def test_a_client_that_goes_away_ends_its_stream(logs: Logs) -> None:
    await logs.job("a")
    async with following(logs, "job-1/logs") as reader:
        await reader.until("benchmark_id=a")
        assert len(logs.house.streams) == 1
    await until(lambda: len(logs.house.streams) == 0)


async def test_a_server_that_ends_says_that_something_is_missing(logs: Logs) -> None:
    await logs.job("a")
    asked = asyncio.create_task(logs.raw("job-1/logs?follow=true"))
    await until(lambda: len(logs.house.streams) == 1)
    logs.house.streams.close()
    assert (await asked).endswith(b"0\r\nX-Log-Truncated: true\r\n\r\n")


async def test_a_job_that_is_deleted_ends_its_streams(logs: Logs) -> None:
    await logs.job("a")
    async with following(logs, "job-1/logs") as reader:
        await reader.until("benchmark_id=a")
        await logs.store.delete_job("job-1", actor="test", now=NOW)
        assert await reader.rest() == "=== pod=job-1-0 container=local benchmark_id=a ===\n"


@pytest.mark.parametrize("follow", ["true", "false"])
async def test_a_client_that_does_not_read_costs_no_memory(
    logs: Logs, monkeypatch: pytest.MonkeyPatch, follow: str
) -> None:
    """What is read of the log is what the client took, and what the machine holds on the way."""
    await logs.job("a")
    logs.path(0).parent.mkdir(parents=True)
    size = 40 << 20
    with logs.path(0).open("wb") as stream:
        stream.truncate(size)
    read = 0
    stamped = LogReader._stamped

    def counting(self: LogReader, begin: int, data: bytes) -> Any:
        nonlocal read
        read += len(data)
        return stamped(self, begin, data)

    monkeypatch.setattr(LogReader, "_stamped", counting)
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(client, ("127.0.0.1", int(logs.url.rpartition(":")[2])))
        request = f"GET {JOBS}/job-1/logs?tail_lines=-1&follow={follow} HTTP/1.1\r\nHost: localhost\r\n\r\n"
        await loop.sock_sendall(client, request.encode())
        before = -1
        while before != read or not read:
            before = read
            await asyncio.sleep(0.5)
        assert 0 < read < size // 2
