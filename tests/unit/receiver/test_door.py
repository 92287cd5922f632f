"""The door as an application: bounds of bodies, and what is answered."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from evallab.api.contract import JobSpec, JobSpecModel
from evallab.receiver.app import Door
from evallab.receiver.body import SMALL, Bodies
from evallab.receiver.desk import Desk
from evallab.receiver.expected import Expectations
from evallab.receiver.spool import Spool

PATH = "/a/a1/api/v1/evaluations/jobs/job-1/events"
EVENT = {"benchmark_status_event": {"provider_id": "p", "id": "b", "benchmark_index": 0, "status": "running"}}
Part = bytes | float  #: what is sent, or for how long nothing is


class Asked:
    """One door, one attempt that is expected."""

    def __init__(self, root: Path, bodies: Bodies, *, require_token: bool = False) -> None:
        self.spool, expected = Spool(root), Expectations()
        model = JobSpecModel(name="m")
        spec = JobSpec(
            id="job-1",
            provider_id="p",
            benchmark_id="b",
            benchmark_index=0,
            model=model,
            parameters={},
            callback_url="",
        )
        self.token = expected.expect("a1", spec)
        desk = Desk(self.spool, expected, now=lambda: datetime(2026, 1, 1, tzinfo=UTC), require_token=require_token)
        self.door = Door(desk, bodies)

    async def __call__(
        self,
        *parts: Part,
        method: str = "POST",
        path: str = PATH,
        headers: Mapping[str, str] | None = None,
        disconnect: bool = False,
    ) -> tuple[int, dict[str, str], bytes]:
        """Send a request in parts; return what was answered."""
        sent = list[dict[str, Any]]()
        left = list(parts)

        async def receive() -> dict[str, Any]:
            if not left and disconnect:
                return {"type": "http.disconnect"}
            part = left.pop(0)  # who asks for more than there is would wait for ever, or fail here
            if isinstance(part, float):
                await asyncio.sleep(part)
                return await receive()
            return {"type": "http.request", "body": part, "more_body": bool(left) or disconnect}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        said = [(name.lower().encode(), value.encode("latin-1")) for name, value in (headers or {}).items()]
        await self.door({"type": "http", "method": method, "path": path, "headers": said}, receive, send)
        answered = {name.decode(): value.decode("latin-1") for name, value in sent[0]["headers"]}
        return sent[0]["status"], answered, sent[1]["body"]

    @property
    def kept(self) -> int:
        return sum(len(segment.events) for segment in self.spool.segments())


def code(answer: tuple[int, dict[str, str], bytes]) -> tuple[int, str]:
    return answer[0], json.loads(answer[2])["message_code"]


@pytest.fixture
def asked(tmp_path: Path) -> Asked:
    return Asked(tmp_path, Bodies(limit=200_000, large=1, patience_s=0.5))


async def test_an_event_is_taken(asked: Asked) -> None:
    answer = await asked(json.dumps(EVENT).encode(), headers={"X-Global-Transaction-Id": "t-1"})
    assert answer == (204, {"x-global-transaction-id": "t-1"}, b"")
    assert asked.kept == 1


async def test_a_refusal_is_evalhubs(asked: Asked) -> None:
    answer = await asked(b"{", headers={"X-Global-Transaction-Id": "t-1"}, path=PATH.replace("job-1", "job-2"))
    body = {
        "message_code": "resource_not_found",
        "message": "The evaluation job resource 'job-2' was not found.",
        "trace": "t-1",
    }
    written = json.dumps(body, separators=(",", ":")).encode()
    assert answer == (
        404,
        {
            "content-type": "application/json",
            "content-length": str(len(written)),
            "x-global-transaction-id": "t-1",
            "x-content-type-options": "nosniff",
        },
        written,
    )


async def test_every_answer_has_a_trace(asked: Asked) -> None:
    first, second = await asked(b"{"), await asked(b"{")
    traces = [json.loads(each[2])["trace"] for each in (first, second)]
    assert traces == [each[1]["x-global-transaction-id"] for each in (first, second)]
    assert len(set(traces)) == 2


@pytest.mark.parametrize(
    ("method", "path", "status", "text"),
    [
        ("GET", "/a/a1/api/v1/health", 200, '{"status":"healthy","timestamp":"'),
        ("POST", "/a/a1/api/v1/health", 405, "The HTTP method POST is not allowed for the API /a/a1/api/v1/health."),
        ("GET", PATH, 405, f"The HTTP method GET is not allowed for the API {PATH}."),
        ("DELETE", PATH, 405, "method_not_allowed"),
        ("POST", PATH + "/", 404, "404 page not found\n"),
        ("GET", "/", 404, "404 page not found\n"),
        ("POST", "/a/../a1/api/v1/evaluations/jobs/job-1/events", 404, "404 page not found\n"),
        ("POST", "/a/%2e%2e/api/v1/evaluations/jobs/job-1/events", 404, "resource_not_found"),
        ("POST", "/a/../api/v1/evaluations/jobs/job-1/events", 404, "resource_not_found"),
    ],
)
async def test_paths_and_methods(asked: Asked, method: str, path: str, status: int, text: str) -> None:
    answer = await asked(b"", method=method, path=path)
    assert answer[0] == status
    assert text in answer[2].decode()


@pytest.mark.parametrize(
    ("parts", "headers", "expected"),
    [
        ([b"x" * 200_001], {}, (413, "request_body_too_large")),
        ([b"x" * 100_000, b"x" * 100_001], {}, (413, "request_body_too_large")),
        ([b"{"], {"Content-Length": "200001"}, (413, "request_body_too_large")),
        ([b"{", 2.0, b"}"], {}, (408, "request_timeout")),
        ([b"x" * (SMALL + 1), b"x"], {}, (400, "invalid_json_request")),
    ],
)
async def test_bodies_have_bounds(
    asked: Asked, parts: Sequence[Part], headers: dict[str, str], expected: tuple[int, str]
) -> None:
    assert code(await asked(*parts, headers=headers)) == expected


async def test_many_large_bodies_wait_for_each_other(asked: Asked) -> None:
    filled = json.dumps({**EVENT, "filling": "x" * SMALL}).encode()
    answers = await asyncio.gather(*(asked(filled[:SMALL], 0.01, filled[SMALL:]) for _ in range(3)))
    assert [each[0] for each in answers] == [204] * 3
    assert asked.kept == 3


async def test_who_leaves_in_the_middle_was_not_heard(asked: Asked) -> None:
    await asked(json.dumps(EVENT).encode(), disconnect=True)
    assert asked.kept == 0


@pytest.mark.parametrize(
    ("require_token", "authorization", "status"),
    [
        (False, None, 204),
        (True, None, 401),
        (False, "Bearer wrong", 401),
        (False, "Basic {token}", 401),
        (True, "Bearer {token}", 204),
    ],
)
async def test_the_token_of_the_attempt(
    tmp_path: Path, *, require_token: bool, authorization: str | None, status: int
) -> None:
    asked = Asked(tmp_path, Bodies(), require_token=require_token)
    headers = {"Authorization": authorization.format(token=asked.token)} if authorization else {}
    answer = await asked(json.dumps(EVENT).encode(), headers=headers)
    assert answer[0] == status
    assert status == 204 or code(answer) == (401, "invalid_callback_token")


async def test_a_broken_desk_is_heard_of(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(Desk, "fence", broken)
    assert code(await asked(b"{}")) == (500, "internal_server_error")
