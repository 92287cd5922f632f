"""The way to the model: what an adapter sends to `/model/…` goes on to the real endpoint, with the real credential.

Bodies stream both ways untouched. An adapter that goes away ends the request upstream too; a model that breaks off in
the middle of an answer breaks off for the adapter as well. No message holds a credential: of errors only their kind is
told.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from evallab.receiver.app import Scope, Send
from evallab.receiver.body import Receive
from evallab.sidecar import headers
from evallab.sidecar.credentials import BadReference, Credentials

log = logging.getLogger(__name__)
PREFIX = b"/model"
_OURS = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")  #: what aiohttp would add
_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=30.0)
_IDLE_S = 4.0  #: shorter than servers keep idle connections, so that no request meets one that just closed


class BrokenOff(Exception):
    """The model's answer ended early, and the adapter must notice."""


class _Incoming:
    """The body of one request."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.read = asyncio.Event()  #: nothing more of it comes

    async def body(self, said: Mapping[bytes, bytes]) -> bytes | AsyncIterator[bytes] | None:
        """Return None without a body, bytes when it is here already, else what yields it."""
        if b"content-length" not in said and b"transfer-encoding" not in said:
            self.read.set()
            return None
        first = await self._receive()
        if not first.get("more_body", False):
            self.read.set()
            return bytes(first.get("body", b""))
        return self._parts(first)

    async def gone(self) -> None:
        """Return when the adapter has gone away."""
        await self.read.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def _parts(self, first: Mapping[str, Any]) -> AsyncIterator[bytes]:
        message = first
        while message["type"] == "http.request":
            yield message.get("body", b"")
            if not message.get("more_body", False):
                self.read.set()
                return
            message = await self._receive()
        raise BrokenOff("the adapter went away in the middle of its request")


class ModelProxy:
    """The ASGI application below `/model`."""

    def __init__(self, session: aiohttp.ClientSession, base: str, credentials: Credentials, *, here: str) -> None:
        """`base`: the real endpoint, of which the origin counts; `here`: how adapters reach the proxy."""
        self._session, self._credentials, self._here = session, credentials, here
        parts = urlsplit(base)
        self._origin = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" if base else ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, for as long as the adapter waits for it."""
        incoming = _Incoming(receive)
        answering = asyncio.create_task(self._answer(scope, incoming, send))
        leaving = asyncio.create_task(incoming.gone())
        try:
            await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()
            if not answering.done():
                answering.cancel()
        with suppress(asyncio.CancelledError):
            await answering

    async def _answer(self, scope: Scope, incoming: _Incoming, send: Send) -> None:
        try:
            if not self._origin:
                return await _say(send, 404, "This job has no model endpoint: its adapter loads the model itself.")
            async with await self._ask(scope, incoming) as answer:
                return await self._pass_on(answer, send)
        except BadReference as error:
            return await _say(send, 400, str(error))
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            log.warning("no answer", extra={"action": "proxy", "origin": self._origin, "reason": type(error).__name__})
            return await _say(send, 502, f"The model at {self._origin} does not answer ({type(error).__name__}).")

    async def _ask(self, scope: Scope, incoming: _Incoming) -> aiohttp.ClientResponse:
        """Send the request on; once more when a kept connection turned out to be closed."""
        said = headers.first(scope["headers"])
        offered = said.get(b"authorization")
        authorization = self._credentials.authorization(offered.decode("latin-1") if offered else None)
        body = await incoming.body(said)
        told = CIMultiDict(headers.of_request(scope["headers"], authorization))
        for again in (True, False):
            try:
                return await self._session.request(
                    scope["method"],
                    self._target(scope),
                    data=body,
                    headers=told,
                    skip_auto_headers=_OURS,
                    allow_redirects=False,
                    timeout=_TIMEOUT,
                    ssl=self._credentials.tls() if self._origin.startswith("https:") else True,
                )
            except (aiohttp.ServerDisconnectedError, ConnectionResetError):
                if not again or not isinstance(body, bytes | None):
                    raise
        raise AssertionError("unreachable")

    def _target(self, scope: Scope) -> URL:
        path = scope["raw_path"].removeprefix(PREFIX).decode("latin-1") or "/"
        query = scope["query_string"].decode("latin-1")
        return URL(f"{self._origin}{path}{f'?{query}' if query else ''}", encoded=True)

    async def _pass_on(self, answer: aiohttp.ClientResponse, send: Send) -> None:
        passed = headers.of_answer(answer.raw_headers, self._origin, self._here)
        await send({"type": "http.response.start", "status": answer.status, "headers": passed})
        try:
            async for part in answer.content.iter_any():
                await send({"type": "http.response.body", "body": part, "more_body": True})
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            log.warning("broke off", extra={"action": "proxy", "origin": self._origin, "reason": type(error).__name__})
            raise BrokenOff from None
        await send({"type": "http.response.body", "body": b""})


def session() -> aiohttp.ClientSession:
    """Return the client of the model: as many connections as the adapter opens, and nothing it would add of its own."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_IDLE_S),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        max_line_size=64 * 1024,
        max_field_size=64 * 1024,
        read_bufsize=256 * 1024,
    )


async def _say(send: Send, status: int, sentence: str) -> None:
    """Answer as the endpoints do that adapters know."""
    said = {"error": {"message": sentence, "type": "evallab_model_proxy", "code": status}}
    body = json.dumps(said).encode()
    head = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": body})
