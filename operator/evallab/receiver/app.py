"""The HTTP door for adapters: `POST /a/<attempt>/api/v1/evaluations/jobs/<job>/events`, EvalHub's path behind a fence.

The attempt in the path is the fence: an event can only speak for the attempt whose callback URL it was posted to.
"""

import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from evallab.api.contract import JobSpec, StatusEvent
from evallab.receiver.spool import Spool

MAX_BODY = 10 * 1024 * 1024


class Refused(Exception):
    """An event that is not taken, in EvalHub's words."""

    def __init__(self, status: int, code: str, message: str) -> None:
        """Keep the HTTP status, EvalHub's message code, and the sentence."""
        self.status, self.code, self.message = status, code, message
        super().__init__(message)


class Desk:
    """Checks events against the attempts that are expected, and spools them."""

    def __init__(self, spool: Spool, *, arrived: Callable[[], None], now: Callable[[], datetime]) -> None:
        """`arrived()` is called after each event that is safely on disk."""
        self._spool, self._arrived, self._now = spool, arrived, now
        self._expected: dict[str, JobSpec] = {}

    def expect(self, attempt_id: str, spec: JobSpec) -> None:
        """Take events of this attempt from now on."""
        self._expected[attempt_id] = spec

    def take(self, attempt_id: str, job_id: str, raw: bytes) -> None:
        """Check one posted body and make it durable. Raises Refused."""
        spec = self._expected.get(attempt_id)
        if spec is None or spec.id != job_id:
            raise Refused(404, "resource_not_found", f"The evaluation job resource '{job_id}' was not found.")
        body = _event(raw)
        named = (body.provider_id, body.id, body.benchmark_index)
        if named != (spec.provider_id, spec.benchmark_id, spec.benchmark_index):
            raise Refused(404, "resource_not_found", f"The benchmark resource '{body.id}' was not found.")
        try:
            self._spool.put(
                event_id=uuid.uuid4().hex,
                attempt_id=attempt_id,
                received_at=self._now(),
                body=body.model_dump(mode="json", exclude_none=True),
            )
        except OSError as error:  # the adapter posts it again, and its result file counts without any event
            raise Refused(507, "insufficient_storage", f"The event could not be kept: {error.strerror}.") from error
        self._arrived()


def _event(raw: bytes) -> StatusEvent:
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise Refused(400, "invalid_json_request", _sentence("JSON is invalid", error)) from error
    inner = document.get("benchmark_status_event") if isinstance(document, dict) else None
    try:
        return StatusEvent.model_validate(inner)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "benchmark_status_event"
        detail = f"{where}: {first['msg']}"
        raise Refused(400, "request_validation_failed", _sentence("validation failed", detail)) from error


def _sentence(what: str, detail: Any) -> str:
    return f"The request {what}: '{detail}'. Please check the request and try again."


async def _body(request: Request) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > MAX_BODY:
            raise Refused(413, "request_body_too_large", f"The request body is larger than {MAX_BODY} bytes.")
        parts.append(part)
    return b"".join(parts)


def application(desk: Desk) -> Starlette:
    """Return the ASGI application around a desk."""

    async def events(request: Request) -> Response:
        try:
            raw = await _body(request)
            desk.take(request.path_params["attempt"], request.path_params["job"], raw)
        except Refused as error:
            answer = {"message_code": error.code, "message": error.message, "trace": str(uuid.uuid4())}
            return JSONResponse(answer, status_code=error.status)
        return Response(status_code=204)

    async def health(_: Request) -> Response:
        return JSONResponse({"status": "healthy", "timestamp": datetime.now(UTC).isoformat()})

    return Starlette(
        routes=[
            Route("/a/{attempt}/api/v1/evaluations/jobs/{job}/events", events, methods=["POST"]),
            Route("/a/{attempt}/api/v1/health", health, methods=["GET"]),
        ]
    )
