"""HTTP trailers for uvicorn, which has none: the ASGI extension `http.response.trailers` for its httptools protocol.

`serving` runs uvicorn with `TrailersProtocol`, or with `with_trailers` around another protocol. The application finds
the extension in its scope; where it is missing (another protocol, HTTP/1.0) it must not announce trailers. Uvicorn's
cycle writes the end of a chunked body itself; here that end is written with the trailers in it, as the last bytes of a
body whose framing the cycle no longer adds.
"""

import re
from collections.abc import Iterable
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

EXTENSION = "http.response.trailers"
NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")


def with_trailers(protocol: type[HttpToolsProtocol]) -> type[HttpToolsProtocol]:
    """Return the protocol, able to send trailers."""

    class WithTrailers(protocol):  # type: ignore[misc, valid-type]
        def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
            super()._start_asgi_task(cycle, _Trailing(app, cycle))

    return WithTrailers


class _Trailing:
    """An application whose response may end in trailers."""

    def __init__(self, app: ASGIApp, cycle: RequestResponseCycle) -> None:
        self._app, self._cycle = app, cycle
        self._announced = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["http_version"] == "1.1":
            scope.setdefault("extensions", {})[EXTENSION] = {}
        self._send_plain = send
        await self._app(scope, receive, self._send)

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._announced = bool(message.get("trailers"))
        if message["type"] == EXTENSION:
            await self._end(message)
        elif self._announced and message["type"] == "http.response.body" and not message.get("more_body"):
            await self._send_plain({**message, "more_body": True})
        else:
            await self._send_plain(message)

    async def _end(self, message: Message) -> None:
        """Write the last chunk, which is empty, and the trailers after it."""
        if not self._announced:
            raise RuntimeError("Trailers must be announced with `trailers: True` in http.response.start.")
        end = b"0\r\n" + b"".join(_lines(message.get("headers", ()))) + b"\r\n"
        if self._cycle.chunked_encoding:
            self._cycle.chunked_encoding, self._cycle.expected_content_length = False, len(end)
        else:  # HEAD, or a length was given: there is no place for trailers
            end = b""
        await self._send_plain({"type": "http.response.body", "body": end, "more_body": False})


def _lines(headers: Iterable[tuple[bytes, bytes]]) -> Iterable[bytes]:
    for name, value in headers:
        if not NAME.fullmatch(name) or not VALUE.fullmatch(value):
            raise RuntimeError("Invalid HTTP trailer.")
        yield name + b": " + value + b"\r\n"


TrailersProtocol = with_trailers(HttpToolsProtocol)
