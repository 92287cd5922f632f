"""A job's events over HTTP as a server of any quality sends them: comments, pieces, cuts, an end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from evallab.remote import stream
from evallab.remote.client import connected
from evallab.remote.errors import ServerUnavailable

BEGIN = "retry: 2000\n\n: alive\n\n"


def status(number: int) -> str:
    return f'event: status\nid: {number}-new\ndata: {{"n": {number}}}\n\n'


END = 'event: end\nid: 9-end\ndata: {"state": "completed"}\n\n'


@asynccontextmanager
async def serving(*bodies: str | None) -> AsyncIterator[tuple[str, list[str]]]:
    """Serve each body once, in order, None as an error; yield the URL, and the places that were asked for."""
    left, asked = list(bodies), list[str]()

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        asked.append(next((line.partition(": ")[2] for line in head.split("\r\n") if "last-event-id" in line), ""))
        body = left.pop(0) if left else None
        said = "503 Busy" if body is None else "200 OK"
        writer.write(f"HTTP/1.1 {said}\r\nConnection: close\r\n\r\n{body or ''}".encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(one, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", asked


async def followed(url: str) -> list[int]:
    async with connected(url, token=None, tenant=None) as client:
        return [each["n"] async for each in stream.statuses(client, "/stream")]


async def test_statuses_until_the_end() -> None:
    event = 'event: event\nid: 3-new\ndata: {"late": false}\n\n'
    async with serving(BEGIN + status(1) + event + status(2) + END + status(3)) as (url, asked):
        assert (await followed(url), asked) == ([1, 2], [""])


async def test_what_was_cut_is_taken_up_where_it_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "PAUSE_S", 0.0)
    half = 'event: status\nid: 2-new\ndata: {"n"'
    async with serving(BEGIN + status(1) + half, None, BEGIN, BEGIN + status(2) + END) as (url, asked):
        assert (await followed(url), asked) == ([1, 2], ["", "1-new", "1-new", "1-new"])


async def test_patience_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "PAUSE_S", 0.0)
    monkeypatch.setattr(stream, "PATIENCE_S", 0.05)
    async with serving(BEGIN + status(1)) as (url, _):
        with pytest.raises(ServerUnavailable):
            await followed(url)
