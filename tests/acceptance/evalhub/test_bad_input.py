"""Input that is wrong, too much or too slow: an error or a clean close, bounded memory, and the next one is served."""

import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from tests.acceptance.evalhub.hostile import (
    COLLECTIONS,
    PROVIDERS,
    job,
    jobs_made,
    most_memory_kib,
    parsed,
    refused,
    served,
    until_closed,
    wire,
)
from tests.acceptance.evalhub.running import JOBS, Server

MIB = 1024 * 1024
ENDLESS = 64 * 1024  #: MiB; a refused body is still taken, and thrown away, for half a second
INVALID = (400, "invalid_json_request")
TIMES = "service: {read_timeout: 1s, read_header_timeout: 1s, write_timeout: 2s}\n"


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that does not wait long."""
    overlay = tmp_path_factory.mktemp("overlay") / "times.yaml"
    overlay.write_text(TIMES)
    with served(environ={"CONFIG_PATH": str(overlay)}) as server:
        yield server


def lines(server: Server) -> list[dict[str, Any]]:
    """Return the records of a server's log, every line of which is one."""
    return [json.loads(line) for line in server.log.read_text().splitlines()]


def whole(inner: bytes) -> bytes:
    return b'{"name":"x","custom":{"x":' + inner + b"}}"


NOT_JSON = {
    b"": "the body is empty",
    b" \n": "the body is empty",
    b'{"name":"\xff"}': "byte 0xff at position 9 is not UTF-8 text",
    b'{"name":"\xed\xa0\x80"}': "byte 0xed at position 9 is not UTF-8 text",
    b'\xef\xbb\xbf{"name":"x"}': "the body begins with a byte order mark; send plain UTF-8",
    b'{"name":"a","name":"b"}': 'the field "name" is given twice',
    whole(b'{"a":1,"a":1}'): 'the field "a" is given twice',
    whole(b"NaN"): "NaN is not a JSON number",
    whole(b"-Infinity"): "-Infinity is not a JSON number",
    whole(b"1e999"): "the number 1e999 does not fit",
    whole(b"9" * 400): f"the number {'9' * 37}… does not fit",
    whole(b"[" * 10_000 + b"]" * 10_000): "values are nested more than 64 levels deep",
    whole(b'{"a":' * 10_000 + b"1" + b"}" * 10_000): "values are nested more than 64 levels deep",
    b"[" * 10_000: "values are nested more than 64 levels deep",
    whole(rb'"\u0000"'): "a text holds the character NUL (\\u0000), which cannot be stored",
    whole(rb'"\ud800"'): "a text holds half of a surrogate pair (\\ud800 to \\udfff)",
    b'{"name":"x"} {}': "there is more after the JSON value, from line 1, column 14 on",
    b'{"name":"x"': "expecting ',' delimiter at line 1, column 12 (the text ends there)",
    b'{"name":01}': "expecting ',' delimiter at line 1, column 10",
    b"{'name':1}": "expecting property name enclosed in double quotes at line 1, column 2",
    b'"\x07"': "invalid control character at line 1, column 2",
}


@pytest.mark.parametrize("raw", NOT_JSON, ids=[f"{each[:30]!r}" for each in NOT_JSON])
def test_what_is_no_json_is_refused_with_its_place(server: Server, raw: bytes) -> None:
    before = jobs_made(server)
    answer = server.request("POST", JOBS, raw)
    message = f"The request JSON is invalid: '{NOT_JSON[raw]}'. Please check the request and try again."
    assert (refused(answer), answer.body["message"]) == (INVALID, message)
    others = [("POST", PROVIDERS), ("POST", COLLECTIONS), ("POST", f"{JOBS}/x/events")]
    assert [refused(server.request(*each, raw)) for each in others] == [INVALID] * 3
    assert jobs_made(server) == before


def test_what_is_no_json_changes_no_entry_either(server: Server) -> None:
    made = server.request("POST", PROVIDERS, {"name": "x"}).body
    path = f"{PROVIDERS}/{made['resource']['id']}"
    for raw in NOT_JSON:
        assert [refused(server.request(method, path, raw)) for method in ("PUT", "PATCH")] == [INVALID] * 2, raw[:40]
    assert server.get(path).body == made


@pytest.mark.parametrize("raw", [b"[]", b"1", b"null", b'"x"', b"true"])
def test_json_that_is_no_object_is_refused(server: Server, raw: bytes) -> None:
    for path in (JOBS, PROVIDERS, COLLECTIONS, f"{JOBS}/x/events", f"{COLLECTIONS}/mini/clones"):
        assert refused(server.request("POST", path, raw)) == INVALID, path


LARGE = 10**300
HUGE: list[dict[str, Any]] = [
    {"custom": {"evallab": {"timeout_seconds": LARGE}}},
    {"custom": {"evallab": {"retries": -1}}},
    {"custom": {"evallab": {"priority": 2**31}}},
    {"custom": {"evallab": {"priority": -LARGE}}},
    {"custom": {"evallab": {"lineage": {"family": "x" * 10_000}}}},
    {"name": "x" * 1_000_000},
    {"model": {"url": "http://x/v1", "name": "x" * 1_000_000}},
    {"pass_criteria": {"threshold": LARGE}},
    {"hardware_config": {"gpu": {"count": LARGE}}},
    {"tags": ["x" * 129]},
    {"tags": [""] * 20_000},
]


@pytest.mark.parametrize("more", HUGE, ids=[str(each)[:50] for each in HUGE])
def test_numbers_and_texts_without_measure_are_refused(server: Server, more: dict[str, Any]) -> None:
    assert server.request("POST", JOBS, job(**more)).status == 400


def test_a_text_that_is_made_to_be_slow_to_look_at_is_not(hasty: Server) -> None:
    """Each of these took a pattern that goes back and forth minutes."""
    slow = "http://" + "a" * 500_000 + "::"
    harness = {"id": "gsm8k", "provider_id": "lm_evaluation_harness", "parameters": {"tokenizer": slow}}
    answer = hasty.request("POST", JOBS, job(harness), timeout=20)
    assert refused(answer) == (403, "not_allowed_over_rest")


NUMBERS = ["-1", "abc", "1.5", "1e3", "%D9%A3", "0x10", "99999999999999999999", "-99999999999999999999", "%00", "1%00"]
COUNTED = [f"{JOBS}?limit=", f"{JOBS}?offset=", f"{PROVIDERS}?limit=", f"{COLLECTIONS}?offset="]


@pytest.mark.parametrize("path", COUNTED)
def test_counts_are_whole_numbers(server: Server, path: str) -> None:
    assert {refused(server.get(path + each)) for each in NUMBERS} == {(400, "query_parameter_invalid")}
    assert [server.get(path + each).status for each in ("0", "", "9223372036854775807")] == [200] * 3


CURSORS = ["x", "%00", "MjAyMC0wMS0wMVQwMDowMDowMCswMDowMHwA", "MjAyMC0wMS0wMXx4", "=" * 9000]


@pytest.mark.parametrize("cursor", CURSORS)
def test_places_in_lists_are_those_that_were_given(server: Server, cursor: str) -> None:
    assert refused(server.get(f"{JOBS}?after={cursor}")) == (400, "query_parameter_invalid")


@pytest.mark.parametrize("name", ["X-Tenant", "X-User", "Idempotency-Key"])
def test_names_in_headers_have_an_end(server: Server, name: str) -> None:
    answer = server.request("POST", JOBS, job(), headers={name: "x" * 8000})
    assert (refused(answer), name in answer.body["message"]) == ((400, "request_validation_failed"), True)


@pytest.mark.parametrize(
    "accept", ["application/openmetrics-text; version=abc", "application/openmetrics-text; version=", ";"]
)
def test_metrics_come_to_whoever_asks_strangely(server: Server, accept: str) -> None:
    assert server.get("/metrics", Accept=accept).status == 200


EVENTS: list[tuple[dict[str, Any], int]] = [
    ({"progress": {"done": 10**30, "total": 10**30}}, 204),
    ({"progress": {"done": -1, "total": 0}}, 204),
    ({"started_at": "0001-01-01T00:00:00+23:59"}, 204),
    ({"completed_at": "9999-12-31T23:59:59-23:59"}, 204),
    ({"metrics": {"a": 10**300, "b": [1] * 10_000}}, 204),
    ({"metrics": {"x" * 5000: 1}}, 400),
    ({"started_at": "0000-01-01T00:00:00Z"}, 400),
    ({"benchmark_index": 2**63}, 400),
    ({"benchmark_index": -1}, 404),
    ({"status": "cancelled"}, 400),
]


def test_events_without_measure_do_not_hold_up_their_job(server: Server) -> None:
    job_id = server.submit({"id": "z", "provider_id": "sleeper"})
    named = {"provider_id": "sleeper", "id": "z"}
    answers = [server.event(job_id, **named, **{"status": "running", **each}) for each, _ in EVENTS]
    assert [each.status for each in answers] == [status for _, status in EVENTS]
    assert server.event(job_id, **named, status="running", progress={"done": 1, "total": 2}).status == 204
    server.until(lambda: server.job(job_id)["status"]["benchmarks"][0].get("progress"), what="progress")
    assert server.request("DELETE", f"{JOBS}/{job_id}").status == 204
    assert server.finished(job_id)["status"]["state"] == "cancelled"


@pytest.mark.parametrize("metrics", [(1e308, 1e308), (10**308, 10**308), (-1e308, 1e308)])
def test_scores_too_large_to_be_averaged_break_no_list(server: Server, metrics: tuple[float, float]) -> None:
    entries = [{"id": "a", "provider_id": "plain", "weight": 1e308, "parameters": {"acc": each}} for each in metrics]
    done = server.finished(server.submit(*entries, tags=["large"]))
    assert "too large" in done["results"]["test_unavailable"]
    assert [server.get(f"{JOBS}?tags=large").status, server.get(f"{JOBS}?limit=0").status] == [200, 200]
    stream = server.get(f"{JOBS}/{done['resource']['id']}/stream")
    assert "event: end" in stream.text


def head(path: str = JOBS, *more: str) -> bytes:
    """Return the head of a POST."""
    said = (f"POST {path} HTTP/1.1", "Host: localhost", "Content-Type: application/json", *more)
    return "".join(f"{each}\r\n" for each in (*said, "")).encode()


def test_a_gigabyte_is_refused_before_it_comes_and_while_it_comes(hasty: Server) -> None:
    before = most_memory_kib(hasty)
    announced = parsed(wire(hasty, head(JOBS, f"Content-Length: {2**30}")))
    assert (refused(announced), announced.headers["connection"]) == ((413, "request_body_too_large"), "close")
    assert announced.body["message"] == f"The request body is larger than the allowed {10 * MIB} bytes."
    chunk, sent = b"%x\r\n" % MIB + bytes(MIB) + b"\r\n", 0
    with socket.create_connection(("127.0.0.1", hasty.port), timeout=30) as connection:
        connection.sendall(head(JOBS, "Transfer-Encoding: chunked"))
        try:
            while sent < ENDLESS:
                connection.sendall(chunk)
                sent += 1
        except OSError:
            pass
        raw = until_closed(connection)
    assert sent < ENDLESS
    assert raw == b"" or refused(parsed(raw)) == (413, "request_body_too_large")
    assert most_memory_kib(hasty) - before < 64 * 1024


def test_many_gigabytes_at_once_are_bounded_too(hasty: Server) -> None:
    before, connections = most_memory_kib(hasty), []
    for _ in range(20):
        connection = socket.create_connection(("127.0.0.1", hasty.port), timeout=30)
        connection.sendall(head(JOBS, "Transfer-Encoding: chunked") + b"40000000\r\n" + bytes(MIB))
        connections.append(connection)
    assert [parsed(until_closed(each)).status for each in connections] == [408] * 20
    for each in connections:
        each.close()
    assert most_memory_kib(hasty) - before < 96 * 1024
    assert hasty.get("/api/v1/health").status == 200


def test_slow_bodies_and_slow_headers_are_given_up(hasty: Server) -> None:
    late = parsed(wire(hasty, head(JOBS, "Content-Length: 100") + b'{"name"'))
    assert (refused(late), late.body["message"]) == (
        (408, "request_timeout"),
        "The request did not arrive within 1 seconds. Please send it again.",
    )
    assert wire(hasty, head()[:40]) == b""
    with socket.create_connection(("127.0.0.1", hasty.port), timeout=30) as connection:
        connection.sendall(head(JOBS, "Transfer-Encoding: chunked"))
        try:
            for _ in range(600):
                connection.sendall(b"1\r\n \r\n")
                time.sleep(0.05)
        except OSError:
            pass
        raw = until_closed(connection)
    assert raw == b"" or parsed(raw).status == 408


def test_half_closed_connections_end_cleanly(hasty: Server) -> None:
    body = json.dumps(job()).encode()
    before = jobs_made(hasty)
    cut = [head(), head()[:30], head(JOBS, "Content-Length: 500") + body[:20], b"", b"\r\n", body]
    assert {wire(hasty, each, shut=True)[:12] for each in cut} <= {b"", b"HTTP/1.1 400"}
    assert jobs_made(hasty) == before
    complete = wire(hasty, head(JOBS, f"Content-Length: {len(body)}") + body, shut=True)
    assert parsed(complete).status == 202  # who only closes the sending half still hears
    assert jobs_made(hasty) == before + 1


def test_clients_that_leave_in_the_middle_leave_nothing_behind(hasty: Server) -> None:
    before = jobs_made(hasty)
    for _ in range(200):
        with socket.create_connection(("127.0.0.1", hasty.port), timeout=30) as connection:
            connection.sendall(head(JOBS, "Content-Length: 500") + b'{"name"')
    assert jobs_made(hasty) == before


@pytest.mark.parametrize(
    "raw",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"G\xc3\x89T / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n12",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip, chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: a\x00b\r\n\r\n",
    ],
)
def test_what_is_no_http_is_a_bad_request(hasty: Server, raw: bytes) -> None:
    assert parsed(wire(hasty, raw)).status in {400, 403, 404}


def test_headers_have_an_end(hasty: Server) -> None:
    large = wire(hasty, b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 2 * MIB + b"\r\n\r\n")
    many = wire(hasty, b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 600 + b"\r\n")
    assert [parsed(each).status for each in (large, many)] == [431, 431]


def test_no_input_was_more_than_an_answer(server: Server, hasty: Server) -> None:
    """Last: nothing above has left an error in the log, or a server that is not ready."""
    for each in (server, hasty):
        assert [
            line for line in lines(each) if line["level"] == "ERROR" and line.get("action") in {"answer", "look"}
        ] == []
        assert not [line for line in lines(each) if line["msg"].startswith("Exception in ASGI")]
        assert each.get("/readyz").status == 200
