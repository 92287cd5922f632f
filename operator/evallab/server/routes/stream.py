"""A job as it goes, without asking again and again: server-sent events, resumable after every message."""

from starlette.requests import Request
from starlette.responses import Response

from evallab.server.answers import no_content
from evallab.server.house import House
from evallab.server.operations import Operation, Parameter
from evallab.server.routes.jobs import JOB, visible
from evallab.server.stream_following import EventStream
from evallab.server.stream_messages import END, Place


async def follow(request: Request, house: House) -> Response:
    """Send the job and its events as they come, until it has ended."""
    place = _place(request)
    snapshot = await visible(request, house)
    if place.digest == END and snapshot.job.finished_at is not None:
        return no_content()  # which tells browsers not to come back
    house.streams.check_room()
    return EventStream(house.store, house.streams, snapshot.job.id, place)


def _place(request: Request) -> Place:
    """Return how far the client had come when it was cut off."""
    said = request.headers.get("last-event-id") or request.query_params.get("last_event_id")
    return Place.read(said) if said else Place()


OPERATIONS = (
    Operation(
        method="GET",
        path=JOB + "/stream",
        handler=follow,
        summary="Follow an evaluation as it goes",
        query=(
            Parameter(
                name="last_event_id", text="The id of the last message that was read: only what came after is sent."
            ),
            Parameter(name="Last-Event-ID", where="header", text="The same, as browsers say it."),
        ),
        responses={
            200: "Server-sent events: `status` (the job, whenever it changed), `event` (what its adapters posted, in "
            "order), `end` when it is over",
            204: "It is over, and everything was sent",
        },
        media="text/event-stream",
        ours=True,
    ),
)
