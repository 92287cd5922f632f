"""The client of the server's benchmark understands what servers answer, over a real socket. No clock is looked at."""

import http.server
import threading
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from benchmarks import server_sides
from benchmarks.row import Row
from benchmarks.server_client import Client, encoded, flood

LONG = b"x" * 300_000


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    posted: ClassVar[list[bytes]] = []

    def do_GET(self) -> None:
        self.send_response(404 if self.path == "/missing" else 200)
        if self.path == "/chunked":
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for part in (b'{"a":', b'"' + LONG + b'"}', b""):
                self.wfile.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
            return
        self.send_header("Content-Length", "7")
        self.end_headers()
        self.wfile.write(b'{"a":1}')

    def do_POST(self) -> None:
        self.posted.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    _Handler.posted.clear()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_one_connection_reads_every_kind_of_answer(port: int) -> None:
    client = Client(port)
    found = [client.ask("GET", path).body for path in ("/chunked", "/sized", "/chunked", "/sized")]
    empty = client.ask("POST", "/", {"b": 2})
    client.close()
    assert found == [{"a": LONG.decode()}, {"a": 1}] * 2
    assert (empty.status, empty.raw, _Handler.posted) == (204, b"", [b'{"b": 2}'])


def test_a_refusal_is_an_error(port: int) -> None:
    client = Client(port)
    with pytest.raises(RuntimeError, match="answered 404"):
        client.ask("GET", "/missing")
    client.close()


def test_a_flood_sends_every_request_once(port: int) -> None:
    requests = [encoded("POST", "/", number) for number in range(50)]
    assert flood(port, requests, connections=7) > 0
    assert sorted(_Handler.posted, key=int) == [str(number).encode() for number in range(50)]


def test_rows_compare_medians_or_speak_for_ours_alone() -> None:
    both = server_sides.compared("GET", [[0.003, 0.001, 0.002], [0.001, 0.001, 0.001]], note="how", target=3)
    alone = server_sides.compared("GET", [[0.003, 0.001, 0.002]], note="how", target=3)
    said = "2.00 ms (p95 3.00)"
    assert both == Row(
        metric="GET: p50 ÷ EvalHub's",
        measured=2,
        unit="×",
        target=3,
        note=f"{said}, EvalHub's 1.00 ms (p95 1.00); how",
    )
    assert alone == Row(metric="GET, p50", measured=2, unit="ms", note=f"{said}; how")
