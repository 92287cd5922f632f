"""HTTP on the wire, bounded: what uvicorn's protocol leaves open to a client that sends too much, or too little.

`serving` gives `protocol(service)` to uvicorn as `http`. Added to uvicorn's own: headers have a size, a number and a
time; chunk framing and trailers cannot outgrow the body; a client that takes nothing is left after a while; what
follows a broken request neither overtakes nor replaces an answer that is under way; who closes only their sending half
still gets the answer; and a refusal reaches a client that is still sending (a lingering close, as Go's server does it).
"""

import asyncio
from typing import Any, Literal

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from evallab.server.config_blocks import Service

MAX_HEADERS = 500
MAX_PIPELINED = 100
FRAMING_PER_BYTE = 16
SLACK = 1024 * 1024  # framing and trailers that a body may have besides
LINGER_SECONDS = 0.5
_TOO_LARGE = b"431 Request Header Fields Too Large"
_HEAD = b"HTTP/1.1 %b\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n" % _TOO_LARGE


class _TooMuch(Exception):
    """Raised in a callback of the parser, which stops at once and reports it as garbage."""


class Lingering:
    """A transport that, when closed, ends its own half first and throws away what still comes for a moment."""

    def __init__(self, transport: asyncio.Transport) -> None:
        """Wrap the transport of one connection."""
        self._transport = transport
        self._lingers = False
        self.ended = False  #: the client's half is closed already

    def __getattr__(self, name: str) -> Any:
        """Everything else is the transport's."""
        return getattr(self._transport, name)

    def is_closing(self) -> bool:
        """Tell whether nothing more is answered on this connection."""
        return self._lingers or self._transport.is_closing()

    def write(self, data: bytes) -> None:
        """Write, unless the sending half was closed already."""
        if not self.is_closing():
            self._transport.write(data)

    def close(self) -> None:
        """Close at once where nothing can come (or under TLS, which has no halves), else after a moment."""
        if self.is_closing():
            return
        if self.ended or not self._transport.can_write_eof():
            self._transport.close()
            return
        self._lingers = True
        self._transport.write_eof()
        self._transport.resume_reading()
        asyncio.get_running_loop().call_later(LINGER_SECONDS, self._transport.close)


class BoundedHttp(HttpToolsProtocol):
    """One connection. The limits are set by `protocol`; None is no limit."""

    head_limit: int | None = None
    head_seconds: float | None = None
    stall_seconds: float | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin; the first request's headers have their time from now on."""
        self._outgoing = Lingering(transport)
        super().connection_made(self._outgoing)  # type: ignore[arg-type]
        self._part: Literal["between", "head", "body"] = "between"
        self._chunk = self._head = self._count = self._fields = self._allowance = 0
        self._late: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """End; no timer outlives the connection."""
        _stop(self._late)
        self._late = None
        _stop(self._stalled)
        self._stalled = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, unless this connection is done or brings more than it may."""
        if self._outgoing.is_closing():
            return
        self._chunk = len(data)
        self._allowance -= len(data)
        super().data_received(data)
        if self._part == "head":
            self._head += len(data)
            self._await_head()
        if not self._outgoing.is_closing() and self._is_too_much():
            self._refuse()

    def _is_too_much(self) -> bool:
        if self._part == "body" and self._allowance < 0:
            return True
        return len(self.pipeline) > MAX_PIPELINED or (self._part == "head" and self._exceeds(self._head))

    def _exceeds(self, size: int) -> bool:
        return self.head_limit is not None and size > self.head_limit

    def on_message_begin(self) -> None:
        """A request begins; of its head, what comes in later chunks is counted."""
        self._part, self._head, self._count, self._fields = "head", -self._chunk, 0, 0
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count; the fields of a trailer come here too."""
        self._count += 1
        self._fields += len(name) + len(value)
        if self._count > MAX_HEADERS or self._exceeds(self._fields):
            raise _TooMuch
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The headers are whole, and in time; the body may begin."""
        self._part, self._allowance = "body", self._chunk + SLACK
        _stop(self._late)
        self._late = None
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of the body pays for its framing."""
        self._allowance += (FRAMING_PER_BYTE + 1) * len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._part = "between"
        super().on_message_complete()

    def _await_head(self) -> None:
        """Give the headers of the request that has begun their time."""
        if self._late is None and self.head_seconds is not None:
            self._late = self.loop.call_later(self.head_seconds, self._give_up_head)

    def _give_up_head(self) -> None:
        self._late = None
        if not self._is_answering():
            self._outgoing.close()

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _refuse(self) -> None:
        """Answer as Go's server does, if nothing else is being answered, and close."""
        if not self._is_answering():
            self._outgoing.write(_HEAD + _TOO_LARGE)
        self._outgoing.close()

    def send_400_response(self, msg: str) -> None:
        """Answer garbage with 400; garbage behind a whole request waits for that one's answer and gets none."""
        if self._count > MAX_HEADERS or self._exceeds(self._fields):
            self._refuse()
        elif self._is_answering() and not self.cycle.more_body:
            self.cycle.keep_alive = False
        elif self._is_answering() and self.cycle.response_started:
            self._outgoing.close()
        else:
            super().send_400_response(msg)

    def eof_received(self) -> bool | None:  # type: ignore[override]
        """Keep the way back open while a whole request waits for its answer to begin."""
        self._outgoing.ended = True
        cycle = self.cycle
        if self.scheme == "http" and self._is_answering() and not cycle.more_body and not cycle.response_started:
            cycle.keep_alive = False
            return True
        return None

    def pause_writing(self) -> None:
        """The client takes nothing: it has some time to begin again."""
        super().pause_writing()
        if self.stall_seconds is not None:
            self._stalled = self.loop.call_later(self.stall_seconds, self._outgoing.abort)

    def resume_writing(self) -> None:
        """The client took something."""
        _stop(self._stalled)
        self._stalled = None
        super().resume_writing()


def _stop(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()


def protocol(service: Service) -> type[BoundedHttp]:
    """Return the protocol with the limits of a configuration."""
    limits = {
        "head_limit": service.max_header_bytes,
        "head_seconds": service.read_header_timeout,
        "stall_seconds": service.write_timeout,
    }
    return type("ConfiguredHttp", (BoundedHttp,), limits)
