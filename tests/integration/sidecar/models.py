"""A model server on the loopback, written with plain sockets in mind: it streams, breaks off, and says what it saw."""

import json
import select
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Model:
    """What it was asked."""

    url: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list)
    connections: set[tuple[str, int]] = field(default_factory=set)
    go_on: threading.Event = field(default_factory=threading.Event)
    left: threading.Event = field(default_factory=threading.Event)  #: who asked for a stream went away


@contextmanager
def model_server(tls: ssl.SSLContext | None = None) -> Iterator[Model]:  # noqa: C901 - a small server, whole
    """Serve: /v1/chat/completions answers, /v1/stream streams, /v1/broken breaks off, /v1/away redirects."""
    model = Model()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(b"")

        def do_POST(self) -> None:
            self._answer(self._body())

        def _body(self) -> bytes:
            if "chunked" not in (self.headers["Transfer-Encoding"] or ""):
                return self.rfile.read(int(self.headers["Content-Length"] or 0))
            whole = b""
            while size := int(self.rfile.readline(), 16):
                whole += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return whole

        def _answer(self, body: bytes) -> None:
            model.connections.add(self.client_address)
            seen = {"path": self.path, "headers": {k.lower(): v for k, v in self.headers.items()}, "body": body}
            model.requests.append(seen)
            if self.path == "/v1/stream":
                return self._stream()
            if self.path == "/v1/broken":
                return self._broken()
            if self.path == "/v1/away":
                return self._plain(307, b"", Location=f"{model.url}/v1/there?x=1")
            if self.path == "/v1/refused":
                return self._plain(429, b'{"error": "slow down"}', **{"Retry-After": "7"})
            return self._plain(200, json.dumps({"bytes": len(body)}).encode(), **{"X-Model": "yes"})

        def _plain(self, status: int, content: bytes, **headers: str) -> None:
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def _stream(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self._chunk(b"data: 1\n\n")
            while not model.go_on.wait(0.02):
                if self._alone():
                    model.left.set()
                    return
            for _ in range(200):
                self._chunk(b"data: 2\n\n")
            self.wfile.write(b"0\r\n\r\n")

        def _alone(self) -> bool:
            """Whether who asked has closed the connection."""
            if not select.select([self.connection], [], [], 0)[0]:
                return False
            try:
                return not self.connection.recv(1, socket.MSG_PEEK)
            except OSError:
                return True

        def _chunk(self, content: bytes) -> None:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(content), content))

        def _broken(self) -> None:
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self._chunk(b"half of ")
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        http.daemon_threads = True
        if tls is not None:
            http.socket = tls.wrap_socket(http.socket, server_side=True)
        model.url = f"http{'s' if tls else ''}://127.0.0.1:{http.server_port}"
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield model
        finally:
            model.go_on.set()
            http.shutdown()
            thread.join()
