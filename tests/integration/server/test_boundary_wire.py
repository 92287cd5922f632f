"""The boundary behind a real uvicorn: hosts, origins, and headers that are too many, too large or too late."""

import socket
import time
from collections.abc import Iterator

import httpx
import pytest
from tests.integration.server.small import HOST, Small, small_server, status_of, until_closed

JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Small]:
    settings = {"read_header_timeout": "1s", "write_timeout": "1s", "idle_timeout": "30s", "max_header_bytes": 65536}
    with small_server(tmp_path_factory.mktemp("small"), **settings) as server:
        yield server


def test_hosts_and_origins(small: Small) -> None:
    url = f"http://127.0.0.1:{small.port}/"
    asked = [
        {},
        {"Host": "evil.example"},
        {"Origin": "http://localhost:3000"},
        {"Origin": "https://evil.example"},
        {"Origin": f"http://127.0.0.1:{small.port}", "Content-Type": "text/plain"},
    ]
    answers = [httpx.post(url, headers={**JSON, **headers}, content=b"{}") for headers in asked]
    assert [each.status_code for each in answers] == [200, 403, 200, 403, 415]
    assert [each.headers.get("access-control-allow-origin") for each in answers] == [
        "*",
        None,
        "http://localhost:3000",
        None,
        None,
    ]
    assert all(each.headers["x-global-transaction-id"] for each in answers)
    assert [each.json()["message_code"] for each in answers if each.is_error] == [
        "host_not_allowed",
        "origin_not_allowed",
        "unsupported_media_type",
    ]


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
def test_a_request_without_a_host_is_refused(small: Small, version: bytes) -> None:
    assert status_of(small.ask(b"GET / HTTP/" + version + b"\r\n\r\n")) == 403


def test_a_target_with_a_host_of_its_own_does_not_help(small: Small) -> None:
    target = b"http://localhost/"
    assert status_of(small.ask(b"GET " + target + b" HTTP/1.1\r\nHost: evil.example\r\n\r\n")) == 403


def test_an_old_client_with_a_host_is_served(small: Small) -> None:
    assert small.ask(b"GET / HTTP/1.0\r\n" + HOST + b"\r\n").endswith(b"GET 0")


@pytest.mark.parametrize(
    "head",
    [
        b"X: " + b"y" * 70_000 + b"\r\n\r\n",
        b"".join(b"X-%d: y\r\n" % number for number in range(600)) + b"\r\n",
    ],
    ids=["too large", "too many"],
)
def test_headers_beyond_the_limit_are_refused(small: Small, head: bytes) -> None:
    answer = small.ask(b"GET / HTTP/1.1\r\n" + HOST + head)
    assert (status_of(answer), answer.endswith(b"431 Request Header Fields Too Large")) == (431, True)


def test_a_flood_of_headers_costs_no_memory(small: Small) -> None:
    before = small.resident_kib()
    for flood in (b"X: y\r\n" * 10_000, b"X" * 65536):
        with small.connected() as connection:
            try:
                connection.sendall(b"GET / HTTP/1.1\r\n" + HOST)
                for _ in range(2000):
                    connection.sendall(flood)
            except (BrokenPipeError, ConnectionResetError):
                pass
    assert small.resident_kib() - before < 32 * 1024


@pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\nHost: local"])
def test_headers_that_do_not_come_are_not_waited_for(small: Small, begun: bytes) -> None:
    with small.connected() as connection:
        connection.sendall(begun)
        assert until_closed(connection) == b""


def test_a_kept_connection_may_rest_longer_than_headers_may_take(small: Small) -> None:
    request = b"GET / HTTP/1.1\r\n" + HOST + b"\r\n"
    with small.connected() as connection:
        for _ in range(2):
            connection.sendall(request)
            until(connection, b"GET 0")
            connection.settimeout(1.5)
            with pytest.raises(TimeoutError):
                connection.recv(1)
            connection.settimeout(20)
        connection.sendall(b"GET / HT")
        assert until_closed(connection) == b""


def until(connection: socket.socket, end: bytes) -> None:
    """Read until the answer ends so."""
    found = b""
    while not found.endswith(end):
        part = connection.recv(65536)
        assert part, found
        found += part


def test_a_client_that_takes_nothing_is_left(small: Small) -> None:
    with small.connected() as connection:
        connection.sendall(b"GET /endless HTTP/1.1\r\n" + HOST + b"\r\n")
        while "the stream ended" not in small.said():
            assert small.process.poll() is None
            time.sleep(0.05)
    assert "Traceback" not in small.said()
