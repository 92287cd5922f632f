"""Bodies that are too large, too slow, cut off or garbage, sent to a real server through real sockets."""

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.integration.server.small import HOST, Small, small_server, status_of, until_closed

MIB = 1024 * 1024
ENDLESS = 64 * 1024  #: MiB; a refused body is still taken, and thrown away, for half a second
CHUNKED = b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Small]:
    with small_server(tmp_path_factory.mktemp("small"), read_timeout="2s", read_header_timeout="2s") as server:
        yield server


def code_of(answer: bytes) -> str:
    return str(json.loads(answer.partition(b"\r\n\r\n")[2])["message_code"])


def test_a_body_is_read_whole_and_the_connection_is_kept(small: Small) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{small.port}") as client:
        answers = [client.post("/", content=bytes(size)).text for size in (0, 1, 70_000, 10 * MIB)]
    assert answers == ["POST 0", "POST 1", "POST 70000", f"POST {10 * MIB}"]


def test_what_is_announced_too_large_is_refused_before_it_is_read(small: Small) -> None:
    size = str(10 * MIB + 1).encode()
    answer = small.ask(b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: " + size + b"\r\n\r\n")
    assert (status_of(answer), code_of(answer)) == (413, "request_body_too_large")
    assert b"connection: close" in answer.lower()


def test_a_client_that_sends_too_much_reads_the_refusal(small: Small) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{small.port}") as client:
        answers = [client.post("/", content=bytes(11 * MIB)) for _ in range(5)]
    assert [each.status_code for each in answers] == [413] * 5


def test_a_body_of_a_gigabyte_in_chunks_costs_no_memory(small: Small) -> None:
    before, chunk = small.resident_kib(), b"100000\r\n" + bytes(MIB) + b"\r\n"
    with small.connected() as connection:
        connection.sendall(CHUNKED)
        sent = 0
        try:
            while sent < ENDLESS:
                connection.sendall(chunk)
                sent += 1
        except (BrokenPipeError, ConnectionResetError):
            pass
        answer = until_closed(connection)
    assert sent < ENDLESS
    assert answer == b"" or status_of(answer) == 413
    assert small.resident_kib() - before < 64 * 1024


def test_many_large_bodies_at_once_are_bounded_each(small: Small) -> None:
    before, connections = small.resident_kib(), []
    for _ in range(8):
        connection = socket.create_connection(("127.0.0.1", small.port), timeout=20)
        connection.sendall(CHUNKED + b"900000\r\n" + bytes(9 * MIB))
        connections.append(connection)
    grown = small.resident_kib() - before
    for connection in connections:
        connection.close()
    assert grown < 8 * 24 * 1024


def test_a_body_that_takes_too_long_is_given_up(small: Small) -> None:
    with small.connected() as connection:
        connection.sendall(b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 10\r\n\r\n12345")
        answer = until_closed(connection)
    assert (status_of(answer), code_of(answer)) == (408, "request_timeout")


def test_a_body_that_drips_is_given_up_too(small: Small) -> None:
    with small.connected() as connection:
        connection.sendall(CHUNKED)
        try:
            for _ in range(200):
                connection.sendall(b"1\r\nx\r\n")
                time.sleep(0.05)
        except (BrokenPipeError, ConnectionResetError):
            pass
        answer = until_closed(connection)
    assert answer == b"" or status_of(answer) == 408


def test_a_client_that_leaves_in_the_middle_leaves_nothing_behind(small: Small) -> None:
    for _ in range(20):
        with small.connected() as connection:
            connection.sendall(b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 10\r\n\r\n12345")
    assert small.ask(b"GET / HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n").endswith(b"GET 0")
    assert "Traceback" not in small.said()


def test_half_a_body_and_half_a_connection_end_cleanly(small: Small) -> None:
    with small.connected() as connection:
        connection.sendall(b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 10\r\n\r\n12345")
        connection.shutdown(socket.SHUT_WR)
        assert until_closed(connection) == b""
    assert "Traceback" not in small.said()


def test_who_closes_only_the_sending_half_still_gets_the_answer(small: Small) -> None:
    for path in (b"/", b"/slow"):
        with small.connected() as connection:
            connection.sendall(b"POST " + path + b" HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\n\r\n12345")
            connection.shutdown(socket.SHUT_WR)
            assert until_closed(connection).endswith(b"POST 5")


@pytest.mark.parametrize(
    "body",
    [b"zz\r\nnot a chunk\r\n", b"5\r\n12345XX\r\n", b"-1\r\n\r\n", b"fffffffffffffffff\r\n"],
)
def test_chunks_that_are_none_are_a_bad_request(small: Small, body: bytes) -> None:
    assert status_of(small.ask(CHUNKED + body)) == 400


def test_both_lengths_at_once_are_a_bad_request(small: Small) -> None:
    head = b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert status_of(small.ask(head + b"0\r\n\r\n")) == 400


def test_garbage_behind_a_request_neither_replaces_nor_precedes_its_answer(small: Small) -> None:
    request = b"GET /slow HTTP/1.1\r\n" + HOST + b"\r\n"
    answer = small.ask(request + b"\x16\x03\x01 garbage \r\n\r\n")
    assert (answer.count(b"HTTP/1.1"), status_of(answer), answer.endswith(b"GET 0")) == (1, 200, True)


def test_requests_in_a_row_are_answered_in_their_order(small: Small) -> None:
    requests = [
        b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % size + bytes(size) for size in range(50)
    ]
    answer = small.ask(b"".join(requests) + b"GET / HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n")
    assert [answer.find(b"POST %d" % size) for size in range(50)] == sorted(
        answer.find(b"POST %d" % size) for size in range(50)
    )
    assert answer.endswith(b"GET 0")


def test_requests_without_end_are_cut_off(small: Small, tmp_path: Path) -> None:
    before = small.resident_kib()
    with small.connected() as connection:
        try:
            for _ in range(2000):
                connection.sendall((b"GET /slow HTTP/1.1\r\n" + HOST + b"\r\n") * 500)
        except (BrokenPipeError, ConnectionResetError):
            pass
    assert small.resident_kib() - before < 64 * 1024


def test_a_body_that_is_all_framing_is_cut_off(small: Small) -> None:
    before = small.resident_kib()
    with small.connected() as connection:
        try:
            connection.sendall(CHUNKED + b"0\r\n")
            for _ in range(1000):
                connection.sendall(b"Trailer: " + b"x" * 65536)
        except (BrokenPipeError, ConnectionResetError):
            pass
    assert small.resident_kib() - before < 32 * 1024
