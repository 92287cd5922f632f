"""The HTTP door for adapters: `POST /a/<attempt>/api/v1/evaluations/jobs/<job>/events`, EvalHub's path behind a fence.

The attempt in the path is the fence: an event can only speak for the attempt whose callback URL it was posted to.
Plain ASGI, because the mailbox, which lives beside every server, is to stay small. Served by `receiver.door`.
"""

import json
import logging
import re
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from evallab.api.evalhub.errors import ApiError
from evallab.receiver.body import Bodies, Incoming, Receive
from evallab.receiver.desk import Desk

log = logging.getLogger(__name__)
Scope = Mapping[str, Any]
Send = Callable[[dict[str, Any]], Awaitable[None]]

_EVENTS = re.compile(r"/a/(?P<attempt>[^/]+)/api/v1/evaluations/jobs/(?P<job>[^/]+)/events")
_HEALTH = re.compile(r"/a/[^/]+/api/v1/health")


@dataclass(frozen=True)
class _Answer:
    """What is sent back."""

    status: int
    body: bytes = b""
    type: bytes = b"application/json"
    more: tuple[tuple[bytes, bytes], ...] = ()


_NOSNIFF = (b"x-content-type-options", b"nosniff")
_NOT_FOUND = _Answer(404, b"404 page not found\n", b"text/plain; charset=utf-8", (_NOSNIFF,))


class Door:
    """The ASGI application around a desk."""

    def __init__(self, desk: Desk, bodies: Bodies) -> None:
        """Take events at this desk."""
        self._desk, self._bodies = desk, bodies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        assert scope["type"] == "http"  # noqa: S101
        headers = {name: value for name, value in reversed(scope["headers"])}  # the first of equal names
        body = Incoming(receive)
        trace = headers.get(b"x-global-transaction-id") or str(uuid.uuid4()).encode()
        try:
            answer = await self._answer(scope, headers, body)
        except ApiError as error:
            await self._bodies.discard(body)
            answer = _refusal(error, trace)
        except Exception:  # whatever it was, the adapter is to hear that its event was not taken
            log.exception("an event was not taken", extra={"action": "take_event"})
            answer = _refusal(ApiError("internal_server_error", reason="see the log of the receiver"), trace)
        await _send(send, answer, trace)

    async def _answer(self, scope: Scope, headers: Mapping[bytes, bytes], body: Incoming) -> _Answer:
        path, method = scope["path"], scope["method"]
        if _HEALTH.fullmatch(path):
            _only("GET", method, path)
            return _health()
        match = _EVENTS.fullmatch(path)
        if match is None:
            return _NOT_FOUND
        _only("POST", method, path)
        await self._take(match["attempt"], match["job"], headers, body)
        return _Answer(204)

    async def _take(self, attempt: str, job: str, headers: Mapping[bytes, bytes], body: Incoming) -> None:
        authorization = headers.get(b"authorization")
        expectation = self._desk.fence(attempt, job, authorization.decode("latin-1") if authorization else None)
        async with self._bodies.read(body, headers) as raw:
            await self._desk.take(attempt, expectation, raw)


def _only(allowed: str, method: str, path: str) -> None:
    if method != allowed:
        raise ApiError("method_not_allowed", method=method, path=path)


def _health() -> _Answer:
    said = {"status": "healthy", "timestamp": datetime.now(UTC).isoformat().replace("+00:00", "Z")}
    return _Answer(200, json.dumps(said, separators=(",", ":")).encode())


def _refusal(error: ApiError, trace: bytes) -> _Answer:
    body = json.dumps(error.body(trace.decode("latin-1")), separators=(",", ":")).encode()
    more = ((b"connection", b"close"),) if error.status in (408, 413) else ()
    return _Answer(error.status, body, more=(_NOSNIFF, *more))


async def _send(send: Send, answer: _Answer, trace: bytes) -> None:
    kind = ((b"content-type", answer.type),) if answer.body else ()
    length = ((b"content-length", str(len(answer.body)).encode()),) if answer.status != 204 else ()
    headers = [*kind, *length, (b"x-global-transaction-id", trace), *answer.more]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
