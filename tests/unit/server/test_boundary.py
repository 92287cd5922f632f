"""The boundary, called as the ASGI application that it is: who gets in, and what every answer carries."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from evallab.server.boundary import Boundary
from evallab.server.boundary_rules import Rules, answers_host, answers_origin, rules
from evallab.server.config import ServerConfig
from evallab.server.config_blocks import Evallab, Service

SAMPLES = Path(os.environ.get("EVALLAB_EVALHUB_SAMPLES", Path(__file__).parents[4] / "shared" / "evalhub" / "samples"))
HERE = {"host": "127.0.0.1:8080"}
CORS = {
    "access-control-allow-origin": "*",
    "access-control-allow-methods": "GET, POST, PUT, PATCH, DELETE, OPTIONS",
    "access-control-allow-headers": "Content-Type, Authorization, X-Global-Transaction-Id, X-Tenant, X-User, "
    "Idempotency-Key, Last-Event-ID",
    "access-control-max-age": "3600",
    "vary": "Origin",
}
OWN = {"access-control-expose-headers": "X-Global-Transaction-Id, X-Log-Truncated, Location, Retry-After"}


async def inner(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the trace, or with the status that the path names."""
    status = int(scope["path"].strip("/") or 200)
    await PlainTextResponse(scope["state"]["trace"], status)(scope, receive, send)


async def ask(
    headers: dict[str, str] | list[tuple[str, str]],
    *,
    method: str = "GET",
    path: str = "/",
    known: Rules | None = None,
) -> tuple[int, dict[str, str], str]:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    pairs = headers.items() if isinstance(headers, dict) else headers
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "scheme": "http",
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in pairs],
    }
    await Boundary(inner, known or Rules(), new_id=lambda: "t-1")(scope, receive, send)
    found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], found, sent[1]["body"].decode()


async def refused(headers: dict[str, str] | list[tuple[str, str]], **more: Any) -> tuple[int, str]:
    status, found, body = await ask(headers, **more)
    document = json.loads(body)
    assert found == {
        "content-length": str(len(body.encode())),
        "content-type": "application/json",
        "x-content-type-options": "nosniff",
        "connection": "close",
        "vary": "Origin",
        "x-global-transaction-id": document["trace"],
    }
    return status, document["message_code"]


async def test_every_answer_has_the_transaction_id_and_evalhubs_cors() -> None:
    plain = {"content-length": "3", "content-type": "text/plain; charset=utf-8"}
    assert await ask(HERE) == (200, {**plain, **CORS, "x-global-transaction-id": "t-1"}, "t-1")


@pytest.mark.parametrize(
    ("sent", "trace"),
    [("mine-1", "mine-1"), ("", "t-1"), ("  ", "t-1"), ("x" * 129, "t-1"), ("a\x1bb", "t-1"), ("é", "t-1")],
)
async def test_the_clients_transaction_id_is_taken_when_it_may_stand_in_a_log(sent: str, trace: str) -> None:
    status, headers, body = await ask({**HERE, "x-global-transaction-id": sent})
    assert (status, headers["x-global-transaction-id"], body) == (200, trace, trace)


@pytest.mark.parametrize("status", [400, 404, 500])
async def test_errors_forbid_sniffing(status: int) -> None:
    found = await ask(HERE, path=f"/{status}")
    assert (found[0], found[1]["x-content-type-options"]) == (status, "nosniff")


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:1", "a.localhost:80", "127.9.9.9", "[::1]:8080", "localhost.", "[::ffff:127.0.0.1]"],
)
async def test_hosts_of_this_machine_are_answered(host: str) -> None:
    assert (await ask({"host": host}))[0] == 200


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "192.168.1.5",
        "0.0.0.0",
        "notlocalhost",
        "localhost:80:80",
        "localhost@evil.example",
        "[::1",
        "::1",
        "[127.0.0.1]",
        "localhost:http",
        "a b",
        "é",
        "2130706433",
        "localhost:99999",
        "[fe80::1%25lo]",
        "localhost/x",
        ".localhost\x00",
    ],
)
async def test_other_hosts_are_refused(host: str) -> None:
    assert await refused({"host": host}) == (403, "host_not_allowed")


async def test_a_request_without_a_host_or_with_two_is_refused() -> None:
    assert await refused({}) == (403, "host_not_allowed")
    assert await refused([("host", "localhost"), ("host", "localhost")]) == (403, "host_not_allowed")


def config(host: str, *, hosts: tuple[str, ...] = (), origins: tuple[str, ...] = ()) -> ServerConfig:
    return ServerConfig(service=Service(host=host), evallab=Evallab(hosts=hosts, origins=origins))


@pytest.mark.parametrize(
    ("bound", "answered"),
    [
        ("127.0.0.1", {"localhost", "gpu-box"}),
        ("192.168.1.5", {"localhost", "gpu-box", "192.168.1.5:80"}),
        ("lab.example", {"localhost", "gpu-box", "lab.example"}),
        ("0.0.0.0", {"localhost", "gpu-box", "192.168.1.5:80", "10.0.0.7", "[2001:db8::1]"}),
        ("::", {"localhost", "gpu-box", "192.168.1.5:80", "10.0.0.7", "[2001:db8::1]"}),
    ],
)
def test_a_server_that_listens_elsewhere_answers_there_too(bound: str, answered: set[str]) -> None:
    known = rules(config(bound, hosts=("gpu-box",)))
    asked = ["localhost", "gpu-box", "192.168.1.5:80", "10.0.0.7", "[2001:db8::1]", "lab.example", "evil.example"]
    assert {host for host in asked if answers_host(known, host)} == answered


@pytest.mark.parametrize(
    "origin", ["http://localhost:3000", "https://127.0.0.1", "http://[::1]:5173", "http://app.localhost"]
)
async def test_pages_of_this_machine_may_call(origin: str) -> None:
    status, headers, _ = await ask({**HERE, "origin": origin})
    assert (status, {name: headers[name] for name in (CORS | OWN)}) == (
        200,
        CORS | OWN | {"access-control-allow-origin": origin},
    )


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "http://evil.example",
        "http://localhost.evil.example",
        "http://192.168.1.5",
        "file://",
        "chrome-extension://abc",
        "http://localhost@evil.example",
        "http://evil.example#.localhost",
        "ftp://localhost",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "DELETE"])
async def test_pages_of_others_may_not(origin: str, method: str) -> None:
    assert await refused({**HERE, "origin": origin}, method=method) == (403, "origin_not_allowed")


async def test_a_listed_origin_may_call() -> None:
    known = rules(config("127.0.0.1", origins=("https://pages.example", "chrome-extension://abc")))
    asked = ["https://pages.example", "https://pages.example:443", "chrome-extension://abc", "http://pages.example"]
    assert [(await ask({**HERE, "origin": origin}, known=known))[0] for origin in asked] == [200, 200, 200, 403]


@pytest.mark.parametrize(
    ("origin", "host", "own"),
    [
        ("http://gpu-box:8080", "gpu-box:8080", True),
        ("http://gpu-box", "gpu-box:80", True),
        ("http://GPU-box:80", "gpu-box", True),
        ("http://gpu-box:8081", "gpu-box:8080", False),
        ("https://gpu-box:8080", "gpu-box:8080", False),
        ("http://other:8080", "gpu-box:8080", False),
    ],
)
def test_the_servers_own_pages_may_call(origin: str, host: str, own: bool) -> None:
    assert answers_origin(Rules(frozenset({"gpu-box"})), origin, host=host, scheme="http") is own


@pytest.mark.parametrize(("method", "status"), [("POST", 403), ("DELETE", 403), ("GET", 200), ("HEAD", 200)])
async def test_another_site_may_not_change_anything_without_an_origin_either(method: str, status: int) -> None:
    assert (await ask({**HERE, "sec-fetch-site": "cross-site"}, method=method))[0] == status
    assert (await ask({**HERE, "sec-fetch-site": "same-origin"}, method=method))[0] == 200


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"content-type": "application/json"}, 200),
        ({"content-type": "Application/JSON; charset=utf-8"}, 200),
        ({"content-type": "application/json-patch+json"}, 200),
        ({"content-type": "text/plain"}, 415),
        ({"content-type": "application/x-www-form-urlencoded"}, 415),
        ({"content-type": "text/plain; application/json"}, 415),
        ({}, 415),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
async def test_a_page_must_say_that_it_sends_json(more: dict[str, str], status: int, method: str) -> None:
    page = {**HERE, "origin": "http://localhost:3000"}
    assert (await ask({**page, "content-length": "2", **more}, method=method))[0] == status
    assert (await ask({**page, "transfer-encoding": "chunked", **more}, method=method))[0] == status
    assert (await ask({**page, "content-length": "0", **more}, method=method))[0] == 200
    assert (await ask({**HERE, "content-length": "2", **more}, method=method))[0] == 200


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="EvalHub's data is not here")
async def test_preflights_are_answered_as_evalhub_does() -> None:
    recorded = json.loads((SAMPLES / "options.json").read_text())["response"]
    status, headers, body = await ask(HERE, method="OPTIONS", path="/404")
    ours = {name.lower(): value for name, value in headers.items()}
    theirs = {name.lower(): value for name, value in recorded["headers"].items() if name != "Date"}
    assert (status, body) == (recorded["status"], recorded["body"])
    assert ours == {**theirs, **CORS, "x-global-transaction-id": "t-1"}
    assert ours["access-control-allow-headers"].startswith(theirs["access-control-allow-headers"])


async def test_there_are_no_web_sockets() -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    await Boundary(inner, Rules())({"type": "websocket"}, lambda: None, send)  # type: ignore[arg-type,return-value]
    assert sent == [{"type": "websocket.close", "code": 1008}]
