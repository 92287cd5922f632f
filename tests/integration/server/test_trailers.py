"""Trailers as bytes on a socket, and as a client without any knowledge of them sees the response."""

import asyncio
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.types import Message, Receive, Scope, Send

from evallab.server.boundary_http import protocol
from evallab.server.config_blocks import Service
from evallab.server.log_response import LogResponse, Truncation
from evallab.server.trailers import EXTENSION, TrailersProtocol, with_trailers

Protocol = Any
START: Message = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"trailer", b"X-Log-Truncated")],
    "trailers": True,
}
LAST: Message = {"type": EXTENSION, "headers": [(b"X-Log-Truncated", b"true")]}


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with two chunks and trailers, or in the way that the path names."""
    assert scope["path"] in {"/", "/log", "/length", "/bad", "/unannounced"}
    if scope["path"] == "/log":
        truncation = Truncation()
        await LogResponse(truncation.bounded(text(), max_bytes=5, seconds=60), truncation, timed=False)(
            scope, receive, send
        )
        return
    length = [(b"content-length", b"6")] if scope["path"] == "/length" else []
    announced = scope["path"] != "/unannounced"
    await send({**START, "headers": [*START["headers"], *length], "trailers": announced})
    await send({"type": "http.response.body", "body": b"one", "more_body": True})
    await send({"type": "http.response.body", "body": b"two", "more_body": not announced})
    headers = [(b"x", b"a\r\nb: c")] if scope["path"] == "/bad" else LAST["headers"]
    await send({**LAST, "headers": headers})


async def text() -> AsyncGenerator[bytes]:
    yield b"123"
    yield b"456"


@asynccontextmanager
async def serving(http: Protocol) -> AsyncIterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(
            app, http=http, lifespan="off", ws="none", log_config=None, server_header=False, date_header=False
        )
        server = uvicorn.Server(config)
        server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            await task


async def raw(port: int, request: bytes, *, until: Callable[[bytes], bool]) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    found = b""
    async with asyncio.timeout(20):
        while not until(found) and (data := await reader.read(4096)):
            found += data
    writer.close()
    return found


HEAD = b"HTTP/1.1 200 OK\r\ntrailer: X-Log-Truncated\r\n"
CHUNKED = b"transfer-encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\nX-Log-Truncated: true\r\n\r\n"


@pytest.fixture(params=["alone", "bounded"])
async def port(request: pytest.FixtureRequest) -> AsyncIterator[int]:
    chosen = TrailersProtocol if request.param == "alone" else with_trailers(protocol(Service()))
    async with serving(chosen) as number:
        yield number


async def test_the_last_chunk_is_followed_by_the_trailers_and_the_connection_lives_on(port: int) -> None:
    found = await raw(port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 2, until=lambda data: data.count(b"\r\n0\r\n") == 2)
    assert found == (HEAD + CHUNKED) * 2


async def test_a_client_that_closes(port: int) -> None:
    found = await raw(port, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", until=lambda _: False)
    assert found == HEAD + b"connection: close\r\n" + CHUNKED


async def test_clients_that_know_nothing_of_trailers(port: int) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        found = [await client.get("/") for _ in range(3)]
        found.append(await client.head("/"))
    assert [(each.status_code, each.text) for each in found] == [(200, "onetwo")] * 3 + [(200, "")]


async def test_where_there_is_no_place_for_them_there_are_none(port: int) -> None:
    request = b"GET /length HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    found = await raw(port, request, until=lambda _: False)
    assert found == HEAD + b"content-length: 6\r\nconnection: close\r\n\r\nonetwo"


@pytest.mark.parametrize("path", ["/bad", "/unannounced"])
async def test_a_mistake_of_the_application_cuts_the_response(port: int, path: str) -> None:
    found = await raw(port, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode(), until=lambda _: False)
    assert found.endswith(b"one\r\n3\r\ntwo\r\n")


async def test_a_log_announces_and_sends_one(port: int) -> None:
    found = await raw(port, b"GET /log HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", until=lambda _: False)
    head, _, body = found.partition(b"\r\n\r\n")
    assert sorted(head.split(b"\r\n")[1:]) == [
        b"connection: close",
        b"content-type: text/plain; charset=utf-8",
        b"trailer: X-Log-Truncated",
        b"transfer-encoding: chunked",
        b"x-log-times: unavailable",
    ]
    assert body == b"3\r\n123\r\n2\r\n45\r\n0\r\nX-Log-Truncated: true\r\n\r\n"


@pytest.mark.parametrize(("http", "version"), [("h11", "1.1"), (TrailersProtocol, "1.0")])
async def test_without_the_extension_nothing_is_announced(http: Protocol, version: str) -> None:
    async with serving(http) as port:
        request = f"GET /log HTTP/{version}\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
        found = await raw(port, request, until=lambda _: False)
    assert (found.lower().count(b"trailer"), found.lower().count(b"x-log-truncated")) == (0, 0)
    assert (b"123" in found, b"45" in found, b"456" in found) == (True, True, False)
