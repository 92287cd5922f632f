"""The client of the server's benchmark: one kept connection and as little work as HTTP allows, the same for any server.

`http.client` costs more than some of the answers that are measured, so requests are bytes that were made before, and of
an answer only its end is looked for. Called by `bench_server`.
"""

import json
import selectors
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

HOST = "127.0.0.1"
PATIENCE_S = 60.0


@dataclass(frozen=True)
class Answer:
    """What came back, and how long it took."""

    status: int
    raw: bytes
    seconds: float

    @property
    def body(self) -> Any:
        """The JSON body."""
        return json.loads(self.raw)

    def taken(self) -> "Answer":
        """Return itself. Raises RuntimeError when the server refused."""
        if self.status >= 300:
            raise RuntimeError(f"The server answered {self.status}: {self.raw[:1000].decode(errors='replace')}")
        return self


def encoded(method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> bytes:
    """Return a request as it goes over the wire."""
    raw = b"" if body is None else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", f"Host: {HOST}", "Content-Type: application/json"]
    lines += [f"Content-Length: {len(raw)}", *(f"{name}: {value}" for name, value in (headers or {}).items())]
    return "\r\n".join([*lines, "", ""]).encode() + raw


class Client:
    """One connection that is kept."""

    def __init__(self, port: int) -> None:
        """Connect."""
        self.socket = socket.create_connection((HOST, port), timeout=PATIENCE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._unread = b""

    def close(self) -> None:
        """Close it."""
        self.socket.close()

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Ask once. Raises RuntimeError when the server refuses."""
        return self.send(encoded(method, path, body, headers)).taken()

    def send(self, request: bytes) -> Answer:
        """Send a request and read its answer."""
        began = time.perf_counter()
        self.socket.sendall(request)
        return self.answer(began)

    def answer(self, began: float) -> Answer:
        """Read the answer to what was sent at that time."""
        status, raw = self._read()
        return Answer(status, raw, time.perf_counter() - began)

    def _read(self) -> tuple[int, bytes]:
        head, _, rest = self._until(b"\r\n\r\n").partition(b"\r\n\r\n")
        self._unread = rest
        head = head.lower()
        status = int(head[9:12])
        if b"transfer-encoding: chunked" in head:
            return status, b"".join(self._chunks())
        length = int(head.partition(b"content-length: ")[2].split(b"\r\n")[0] or 0) if status != 204 else 0
        return status, self._exactly(length)

    def _chunks(self) -> Iterator[bytes]:
        while True:
            line, _, self._unread = self._until(b"\r\n").partition(b"\r\n")
            size = int(line, 16)
            yield self._exactly(size + 2)[:size]
            if not size:
                return

    def _until(self, mark: bytes) -> bytes:
        while mark not in self._unread:
            self._unread += self._received()
        return self._unread

    def _exactly(self, size: int) -> bytes:
        parts, missing = [self._unread], size - len(self._unread)
        while missing > 0:
            parts.append(self._received())
            missing -= len(parts[-1])
        whole = b"".join(parts)
        self._unread = whole[size:]
        return whole[:size]

    def _received(self) -> bytes:
        data = self.socket.recv(1 << 20)
        if not data:
            raise ConnectionError("The server closed the connection.")
        return data


def flood(port: int, requests: Sequence[bytes], *, connections: int) -> float:
    """Send requests over so many connections, each the next when its answer came; return the seconds for all.

    The answers must be without a body.
    """
    clients, left = [Client(port) for _ in range(min(connections, len(requests)))], list(reversed(requests))
    with selectors.DefaultSelector() as waiting:
        for each in clients:
            waiting.register(each.socket, selectors.EVENT_READ)
        began = time.perf_counter()
        for each in clients:
            each.socket.sendall(left.pop())
        busy = len(clients)
        while busy:
            for key, _ in waiting.select(PATIENCE_S):
                busy -= not _next(key.fileobj, left)
        seconds = time.perf_counter() - began
    for each in clients:
        each.close()
    return seconds


def _next(connection: Any, left: list[bytes]) -> bool:
    answer = connection.recv(65536)
    if not answer.startswith(b"HTTP/1.1 204"):
        raise RuntimeError(f"The server answered {answer[:1000].decode(errors='replace')}")
    if not left:
        return False
    connection.sendall(left.pop())
    return True
