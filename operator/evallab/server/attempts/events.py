"""Events of an attempt, straight into the store: once each, by the id that the sidecar gave them."""

import re
import uuid
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response

from evallab.api.contract import StatusEvent
from evallab.api.evalhub.errors import ApiError
from evallab.api.evalhub.event import read_event
from evallab.receiver.body import MAX_BODY
from evallab.server.answers import no_content
from evallab.server.attempts.parts import Caller, Parts
from evallab.server.body import raw_body
from evallab.store.interface import EventRow

EVENT_ID, RECEIVED_AT = "X-Evallab-Event-Id", "X-Evallab-Received-At"
_HEX = re.compile(r"[0-9a-f]{16,64}")


async def take(request: Request, caller: Caller, parts: Parts) -> Response:
    """Take an event; one that comes after the attempt has ended is kept as late."""
    if request.path_params["job"] != caller.job.id:
        raise ApiError("resource_not_found", kind="evaluation job", id=request.path_params["job"])
    event = read_event(await raw_body(request, MAX_BODY))
    benchmark = caller.job.spec.benchmarks[caller.attempt.index]
    named = (event.provider_id, event.id, event.benchmark_index)
    if named != (benchmark.provider_id, benchmark.id, caller.attempt.index):
        raise ApiError("resource_not_found", kind="benchmark", id=event.id)
    await parts.store.add_events([_row(request, caller, event, parts.now())])
    parts.stored(caller.job.id)
    return no_content()


def _row(request: Request, caller: Caller, event: StatusEvent, now: datetime) -> EventRow:
    return EventRow(
        id=_id(request.headers.get(EVENT_ID)),
        attempt_id=caller.attempt.id,
        received_at=_received_at(request.headers.get(RECEIVED_AT, ""), earliest=caller.attempt.created_at, now=now),
        body=event.model_dump(mode="json", exclude_none=True),
    )


def _id(said: str | None) -> str:
    """Return the id of an event. Raises ApiError for what is none: two events would become one."""
    if said is None:
        return uuid.uuid4().hex
    if not _HEX.fullmatch(said):
        raise ApiError("request_validation_failed", detail=f"The header {EVENT_ID} must be 16 to 64 hex digits.")
    return said


def _received_at(said: str, *, earliest: datetime, now: datetime) -> datetime:
    """Return when the sidecar took an event, which may be long ago, never before its attempt or in the future."""
    try:
        at = datetime.fromisoformat(said)
    except ValueError:
        return now
    at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return min(max(at, earliest), now)
