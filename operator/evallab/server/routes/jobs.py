"""Jobs over REST: post, list, read, cancel, delete, and, evallab's own, have one wait and go on."""

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from evallab.api.errors import NotFound
from evallab.api.evalhub.errors import ApiError
from evallab.api.evalhub.query import boolean, parse_query
from evallab.api.evalhub.request import JobRequest
from evallab.server import context, paging
from evallab.server.answers import answer, encoded, no_content
from evallab.server.body import raw_body
from evallab.server.house import House
from evallab.server.operations import Operation, Parameter
from evallab.server.submitting import Sender, submit
from evallab.server.views.job import OVER, created, resource, state_of
from evallab.store.interface import JobQuery, JobRow, JobSnapshot, Stamp

JOBS = "/api/v1/evaluations/jobs"
JOB = JOBS + "/{job_id}"
KIND = "evaluation job"
ENDING_S, ENDING_LOOK_S = 15.0, 0.1
LISTED = ("limit", "offset", "status", "name", "tags", "owner", "experiment_id")


async def post(request: Request, house: House) -> Response:
    """Take a job into the queue."""
    key = context.named(request, "Idempotency-Key")
    sender = Sender(tenant=context.tenant(request), user=context.user(request), key=key)
    raw = await raw_body(request, house.config.service.max_request_body_bytes)
    submitted = await submit(house, sender, raw)
    response = answer(created(submitted.job, submitted.warnings), 202)
    if submitted.again:
        response.headers["Idempotent-Replay"] = "true"
    return response


async def listing(request: Request, house: House) -> Response:
    """List jobs, newest first."""
    after, pairs = paging.cursor(request)
    query = parse_query(pairs, LISTED)
    page = await house.store.stamp_page(
        JobQuery(
            limit=query.limit or None,
            offset=0 if after else query.offset,
            after=after,
            states=query.filters.get("status", ()),
            names=query.filters.get("name", ()),
            tags=query.filters.get("tags", ()),
            owners=query.filters.get("owner", ()),
            experiments=query.filters.get("experiment_id", ()),
            tenant=context.tenant(request),
        )
    )
    if house.receiver.pending():
        await house.receiver.settle()
    items = await house.rendered.several(page.stamps)
    return encoded(paging.joined(request, query, items, total=page.total, after=page.next))


async def get(request: Request, house: House) -> Response:
    """Read one job."""
    job_id = request.path_params["job_id"]
    if house.queueing.drives(job_id):  # it goes on, so it has to be read anyway
        return encoded(await house.rendered.whole(await visible(request, house)))
    if house.receiver.pending():
        await house.receiver.settle()
    stamp = await house.store.stamp(job_id)
    look = await house.rendered.one(stamp) if stamp and _may_see(stamp, context.tenant(request)) else None
    if look is None:
        raise ApiError("resource_not_found", kind=KIND, id=job_id)
    return encoded(look)


async def delete(request: Request, house: House) -> Response:
    """Cancel a job, or, with hard_delete, remove it from sight in any state. Its logs stay in either case."""
    hard = boolean(request.query_params.multi_items(), "hard_delete")
    snapshot = await visible(request, house)
    state, job_id, who = state_of(snapshot), snapshot.job.id, context.actor(request)
    if hard:
        await house.jobs.delete(snapshot.job, actor=who, now=house.now())
    elif state in OVER and state != "cancelled":
        raise ApiError("job_can_not_be_updated", id=job_id, new="cancelled", state=state)
    elif state != "cancelled":
        await house.jobs.cancel(snapshot.job, actor=who, now=house.now())
    return no_content()


async def suspend(request: Request, house: House) -> Response:
    """Have a job wait with what it has, until somebody resumes it."""
    snapshot = await visible(request, house)
    job = snapshot.job
    if state_of(snapshot) in OVER:
        raise ApiError("job_can_not_be_updated", id=job.id, new="suspended", state=state_of(snapshot))
    await house.jobs.suspend(job, actor=context.actor(request), now=house.now())
    return answer(resource(await house.store.snapshot(job.id)), 202)


async def resume(request: Request, house: House) -> Response:
    """Go on with a job that was suspended, failed or was cancelled; what completed stays."""
    snapshot = await _ended(request, house)
    job = snapshot.job
    if not job.suspended and (job.finished_at is None or job.state == "completed"):
        raise ApiError("job_can_not_be_updated", id=job.id, new="resumed", state=state_of(snapshot))
    await house.jobs.resume(job, actor=context.actor(request), now=house.now())
    return answer(resource(await house.store.snapshot(job.id)), 202)


async def _ended(request: Request, house: House) -> JobSnapshot:
    """Return a job; one that is over for its clients, but whose processes are still ending, when they have."""
    for _ in range(round(ENDING_S / ENDING_LOOK_S)):
        snapshot = await visible(request, house)
        if snapshot.job.finished_at is not None or state_of(snapshot) not in OVER:
            return snapshot
        await asyncio.sleep(ENDING_LOOK_S)
    return snapshot


async def visible(request: Request, house: House) -> JobSnapshot:
    """Return the job that a path names, events included that have just arrived. Raises ApiError when it is not seen."""
    return await visible_as(request, house, request.path_params["job_id"])


async def visible_as(request: Request, house: House, job_id: str) -> JobSnapshot:
    """Return a job by its id, as `visible` does."""
    if house.receiver.pending():
        await house.receiver.settle()
    try:
        snapshot = await house.store.snapshot(job_id)
    except NotFound:
        raise ApiError("resource_not_found", kind=KIND, id=job_id) from None
    if not _may_see(snapshot.job, context.tenant(request)):
        raise ApiError("resource_not_found", kind=KIND, id=job_id)
    return snapshot


def _may_see(job: JobRow | Stamp, tenant: str | None) -> bool:
    return tenant is None or job.tenant == tenant or job.owner == "system"


_KEY = Parameter(
    name="Idempotency-Key", where="header", text="A repeated POST with the same key and body makes no second job."
)
_FILTER = "Values joined by , must all hold, by | one of them; ! in front negates (status, owner)."
OPERATIONS = (
    Operation(
        method="POST",
        path=JOBS,
        handler=post,
        summary="Start an evaluation",
        query=(_KEY,),
        request=JobRequest,
        responses={202: "The job, taken into the queue"},
    ),
    Operation(
        method="GET",
        path=JOBS,
        handler=listing,
        summary="List evaluations, newest first",
        query=(
            Parameter(name="limit", kind="integer", text="Entries of a page; 50 unless given, 0 for all."),
            Parameter(name="offset", kind="integer", text="Entries to leave out."),
            *(Parameter(name=name, text=_FILTER) for name in LISTED[2:]),
            Parameter(name="after", text="Where the page begins, as `next` says it: costs the same on every page."),
        ),
        responses={200: "A page of jobs"},
    ),
    Operation(method="GET", path=JOB, handler=get, summary="Read an evaluation", responses={200: "The job"}),
    Operation(
        method="DELETE",
        path=JOB,
        handler=delete,
        summary="Cancel or delete an evaluation",
        query=(Parameter(name="hard_delete", kind="boolean", text="Remove it from sight in whatever state."),),
        responses={204: "Done"},
    ),
    Operation(
        method="POST",
        path=JOB + "/suspend",
        handler=suspend,
        summary="Have an evaluation wait with what it has",
        responses={202: "The job, which waits until it is resumed"},
        ours=True,
    ),
    Operation(
        method="POST",
        path=JOB + "/resume",
        handler=resume,
        summary="Go on with an evaluation that was suspended, failed or was cancelled",
        responses={202: "The job, taken into the queue again"},
        ours=True,
    ),
)
