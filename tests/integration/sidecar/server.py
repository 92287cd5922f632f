"""A server that keeps what a sidecar hands in, by the rules of the protocol; it can be away, and lose things.

It lives in the test's process: what the sidecar was told it took is compared with what is here.
"""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "projected-token"
Key = tuple[str, str]


@dataclass
class Server:
    """What came in, and how to behave."""

    port: int = 0
    token: str = TOKEN
    away: bool = False  #: 503, as while Postgres is away
    events: dict[str, dict[str, Any]] = field(default_factory=dict)  #: by id, in the order in which they came
    pieces: dict[Key, dict[int, bytes]] = field(default_factory=dict)
    seals: list[dict[str, Any]] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)  #: statuses of events that are never taken
    lose: set[Key] = field(default_factory=set)  #: forgotten once, when the seal comes
    gone: bool = False  #: the attempt is not known any more
    log: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def sealed(self) -> bool:
        return bool(self.seals)

    def content(self, key: Key) -> bytes:
        """Return a file up to its first gap."""
        whole = b""
        for start, piece in sorted(self.pieces.get(key, {}).items()):
            if start > len(whole):
                break
            whole = whole[:start] + piece
        return whole

    def files(self) -> dict[Key, bytes]:
        return {key: self.content(key) for key in self.pieces}

    def statuses(self) -> list[str]:
        return [body["benchmark_status_event"]["status"] for body in self.events.values()]

    def event(self, event_id: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if body["benchmark_status_event"]["status"] in self.refused:
            return 400, {"message_code": "request_validation_failed", "message": "no", "trace": "t"}
        self.events.setdefault(event_id, body)
        return 204, {}

    def seal(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        for key in self.lose:
            self.pieces.pop(key, None)
        self.lose = set()
        said = {(each["area"], each["name"]): (each["bytes"], each["sha256"]) for each in body["files"]}
        have = {key: (len(whole), hashlib.sha256(whole).hexdigest()) for key, whole in self.files().items()}
        missing = [key for key in said if have.get(key) != said[key]]
        if missing:
            return 409, {"missing": missing}
        self.seals.append(body)
        return 204, {}


@contextmanager
def serving(server: Server) -> Iterator[Server]:  # noqa: C901 - a small server, whole
    """Serve on the server's port; leave and come back by ending and opening the block."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self._answer()

        def do_PUT(self) -> None:
            self._answer()

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"] or 0))
            if gone.is_set():  # a connection that was kept
                self.close_connection = True
                return
            with lock:
                status, said = self._take(body)
                server.log.append(f"{self.command} {urlsplit(self.path).path} {status}")
            content = json.dumps(said).encode() if said else b""
            with suppress(OSError):  # who asked was killed
                self.send_response(status)
                if status != 204:
                    self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        def _take(self, body: bytes) -> tuple[int, dict[str, Any]]:
            parts = urlsplit(self.path)
            if server.away:
                return 503, {"message_code": "service_unavailable", "message": "Postgres is away", "trace": "t"}
            if server.gone:
                return 410, {"message_code": "attempt_gone", "message": "There is no such attempt", "trace": "t"}
            if self.headers["Authorization"] != f"Bearer {server.token}":
                return 401, {"message_code": "invalid_callback_token", "message": "no", "trace": "t"}
            below = parts.path.removeprefix("/a/a1/")
            if below == "api/v1/evaluations/jobs/job-1/events":
                return server.event(self.headers["X-Evallab-Event-Id"], json.loads(body))
            if below == "seal":
                return server.seal(json.loads(body))
            if below.startswith("leavings/") and len(body) <= 1 << 20:
                area, _, name = below.removeprefix("leavings/").partition("/")
                start = int(parse_qs(parts.query)["start"][0])
                server.pieces.setdefault((area, unquote(name)), {})[start] = body
                return 204, {}
            return 404, {"message_code": "resource_not_found", "message": "no", "trace": "t"}

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    lock, gone = threading.Lock(), threading.Event()
    with ThreadingHTTPServer(("127.0.0.1", server.port), Handler) as http:
        http.daemon_threads = True
        server.port = http.server_port
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            gone.set()
            http.shutdown()
            thread.join()
