"""Events that clients post to the job itself, as EvalHub's adapters do: durable before they are acknowledged.

evallab's own attempts have a callback URL of their own (`evallab.receiver`); an event that comes here is given to the
attempt that runs, or to one made for it.
"""

from starlette.requests import Request
from starlette.responses import Response

from evallab.api.contract import StatusEvent
from evallab.api.evalhub.errors import ApiError
from evallab.api.evalhub.event import StatusEventRequest, read_event
from evallab.server.answers import no_content
from evallab.server.body import raw_body
from evallab.server.house import House
from evallab.server.operations import Operation
from evallab.server.routes.jobs import JOB, visible
from evallab.server.views.benchmark import ENDED, Seen, seen
from evallab.server.views.job import OVER, state_of
from evallab.store.interface import JobSnapshot


async def post(request: Request, house: House) -> Response:
    """Take an event."""
    event = read_event(await raw_body(request, house.config.service.max_request_body_bytes))
    job_id = request.path_params["job_id"]
    attempt_id = house.receiver.attempt_of(job_id, event.provider_id, event.id, event.benchmark_index)
    if house.config.evallab.callbacks.require_token:
        _fence(request, house, attempt_id)
    if attempt_id is None or "x-tenant" in request.headers or house.queueing.is_over(job_id, attempt_id):
        attempt_id = await _attempt(await visible(request, house), event, house)
    if attempt_id is not None:
        await house.receiver.post(attempt_id, event)
        if event.status in ENDED:
            house.queueing.declared(attempt_id)
    return no_content()


def _fence(request: Request, house: House, attempt_id: str | None) -> None:
    """Raise ApiError unless the request shows the token of the attempt; nobody has one of an attempt yet to be made."""
    shown = request.headers.get("authorization")
    if attempt_id is None or shown is None:
        raise ApiError("invalid_callback_token")
    house.receiver.fence(attempt_id, request.path_params["job_id"], shown)


async def _attempt(snapshot: JobSnapshot, event: StatusEvent, house: House) -> str | None:
    """Return the attempt that an event speaks for, None for words about a benchmark that ended without any.

    What is said of a benchmark that has ended is kept with its last attempt and changes nothing. Raises ApiError.
    """
    job_id, benchmark = snapshot.job.id, _named(snapshot, event)
    if benchmark is None:
        raise ApiError("resource_not_found", kind="benchmark", id=event.id)
    state = state_of(snapshot)
    if state in OVER:
        raise ApiError("job_can_not_be_updated", id=job_id, new=event.status, state=state)
    between = benchmark.attempt is not None and benchmark.attempt.state in ENDED and event.status not in ENDED
    if benchmark.state in ENDED or between:  # words about a next attempt are that attempt's own
        return benchmark.attempt.id if benchmark.attempt else None
    return await house.queueing.attempt_by_hand(job_id, benchmark.row.index)


def _named(snapshot: JobSnapshot, event: StatusEvent) -> Seen | None:
    named = (event.provider_id, event.id, event.benchmark_index)
    return next((each for each in seen(snapshot) if each.named == named), None)


OPERATIONS = (
    Operation(
        method="POST",
        path=JOB + "/events",
        handler=post,
        summary="Report what a benchmark does",
        request=StatusEventRequest,
        responses={204: "Taken, and on disk"},
    ),
)
