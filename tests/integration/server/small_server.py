"""A server with the real boundary, protocol and body reader around one handler that says what it got.

Run as a process by test_boundary_wire.py and test_bad_input_bodies.py: `small_server.py PORT-FILE SETTINGS-JSON`.
"""

import asyncio
import json
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import uvicorn
import uvloop
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from evallab.api.evalhub.errors import ApiError
from evallab.server.answers import refusal
from evallab.server.body import raw_body
from evallab.server.boundary import Boundary
from evallab.server.boundary_http import protocol
from evallab.server.boundary_rules import rules
from evallab.server.config import ServerConfig
from evallab.server.trailers import with_trailers

CONFIG = ServerConfig.model_validate({"service": json.loads(sys.argv[2])})


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    request = Request(scope, receive)
    if scope["path"] == "/slow":
        await asyncio.sleep(0.3)
    if scope["path"] == "/endless":
        await StreamingResponse(_zeros())(scope, receive, send)
        return
    response: Response
    try:
        body = await raw_body(request, CONFIG.service.max_request_body_bytes)
        response = PlainTextResponse(f"{request.method} {len(body)}")
    except ApiError as error:
        response = refusal(error, request.state.trace)
    except ClientDisconnect:
        sys.stdout.write("the client left\n")
        sys.stdout.flush()
        return
    await response(scope, receive, send)


async def _zeros() -> AsyncIterator[bytes]:
    try:
        while True:
            yield bytes(65536)
            await asyncio.sleep(0)
    finally:
        sys.stdout.write("the stream ended\n")
        sys.stdout.flush()


async def main() -> None:
    door = socket.create_server(("127.0.0.1", 0))
    settings = uvicorn.Config(
        Boundary(app, rules(CONFIG)),
        http=with_trailers(protocol(CONFIG.service)),
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        timeout_keep_alive=int(CONFIG.service.idle_timeout),
    )
    await asyncio.to_thread(Path(sys.argv[1]).write_text, str(door.getsockname()[1]))
    await uvicorn.Server(settings).serve(sockets=[door])


if __name__ == "__main__":
    uvloop.run(main())
