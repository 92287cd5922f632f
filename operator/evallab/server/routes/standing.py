"""How models stand: what got worse, series along time, a job's provenance against another's, and its repetition."""

import json
from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from evallab.api.errors import EvallabError, NotFound
from evallab.api.evalhub import from_job, to_body
from evallab.api.evalhub.errors import ApiError
from evallab.api.evalhub.query import boolean, parse_query
from evallab.engine.provenance import as_ran
from evallab.engine.reproducing import repeatable, repetition
from evallab.planning.provenance.difference import Ran, difference
from evallab.reporting.along import along
from evallab.reporting.document import plain
from evallab.reporting.provenance import document as differing
from evallab.reporting.regressions import standings_of
from evallab.reporting.reproduction import document as repeated
from evallab.server import context
from evallab.server.answers import answer
from evallab.server.house import House
from evallab.server.operations import Operation, Parameter
from evallab.server.routes.jobs import JOB, visible, visible_as
from evallab.server.submitting import Sender, submit
from evallab.server.tenanted import tenanted
from evallab.server.views.job import created
from evallab.store.interface import Store

API = "/api/v1/evaluations"
MOST = 1000  #: points of a series


async def regressions(request: Request, house: House) -> Response:
    """Return the newest score of every model on every benchmark, and whether it got worse."""
    _only(request, ("model",))
    found = await standings_of(_store(request, house), request.query_params.get("model"))
    return answer({"schema": "evallab.regressions/1", "standings": plain(found)})


async def history(request: Request, house: House) -> Response:
    """Return how the scores of a model on a benchmark went."""
    pairs = request.query_params.multi_items()
    named = [_needed(request, name) for name in ("model", "benchmark")]
    _only(request, ("model", "benchmark", "family", "limit"))
    limit = parse_query([pair for pair in pairs if pair[0] == "limit"], ("limit",)).limit
    family = boolean(pairs, "family")
    try:
        found = await along(_store(request, house), *named, family=family, limit=min(limit or MOST, MOST))
    except NotFound:
        raise ApiError("resource_not_found", kind="history", id=" on ".join(named)) from None
    return answer({"schema": "evallab.history/1", **plain(found)})


async def provenance_difference(request: Request, house: House) -> Response:
    """Return what ran otherwise in another job, and whether the keys are equal."""
    other = _needed(request, "against")
    _only(request, ("against",))
    ours = await _ran(request, house, request.path_params["job_id"])
    return answer(differing(difference(ours, await _ran(request, house, other))))


async def reproduce(request: Request, house: House) -> Response:
    """Run a job again as it was recorded, as a new job."""
    snapshot = await visible(request, house)
    try:
        job = await repeatable(house.store, snapshot.job.id)
    except EvallabError as error:
        raise ApiError("not_supported", reason=str(error)) from None
    key = context.named(request, "Idempotency-Key")
    sender = Sender(tenant=context.tenant(request), user=context.user(request), key=key)
    submitted = await submit(house, sender, json.dumps(to_body(from_job(job.spec))).encode())
    response = answer(created(submitted.job, submitted.warnings), 202)
    if submitted.again:
        response.headers["Idempotent-Replay"] = "true"
    return response


async def reproduction(request: Request, house: House) -> Response:
    """Return how the answers of a job and of its repetition compare."""
    job = (await visible(request, house)).job
    again = (await visible_as(request, house, request.path_params["repetition_id"])).job
    try:
        found = await repetition(house.store, job, again.id)
    except NotFound as error:
        raise ApiError("not_supported", reason=str(error)) from None
    return answer(repeated(found))


async def _ran(request: Request, house: House, job_id: str) -> Ran:
    snapshot = await visible_as(request, house, job_id)
    return as_ran(snapshot, await house.store.provenance(snapshot.job.id))


def _store(request: Request, house: House) -> Store:
    return tenanted(house.store, context.tenant(request))


def _only(request: Request, allowed: tuple[str, ...]) -> None:
    """Raise ApiError for a parameter that is not known."""
    for name, _ in request.query_params.multi_items():
        if name not in allowed:
            raise ApiError("query_bad_parameter", name=name, allowed=", ".join(sorted(allowed)))


def _needed(request: Request, name: str) -> str:
    value = request.query_params.get(name)
    if not value:
        raise ApiError("query_parameter_required", name=name)
    return value


_MODEL = Parameter(name="model", text="Only this model.")
_SERIES = (
    Parameter(name="model", text="The model, or with `family` the family. Required."),
    Parameter(name="benchmark", text="The benchmark: its id, or provider/id. Required."),
    Parameter(name="family", kind="boolean", text="`model` is a family: all its models are in one series."),
    Parameter(name="limit", kind="integer", text=f"How many scores, the newest: 50 unless given, at most {MOST:,}."),
)
_KEY = Parameter(name="Idempotency-Key", where="header", text="A repeated POST with the same key makes no second job.")


def _read(path: str, handler: Any, summary: str, shown: str, query: Sequence[Parameter] = ()) -> Operation:
    return Operation(
        method="GET",
        path=path,
        handler=handler,
        summary=summary,
        query=tuple(query),
        responses={200: shown},
        ours=True,
    )


OPERATIONS = (
    _read(f"{API}/regressions", regressions, "What got worse", "Every newest score", (_MODEL,)),
    _read(f"{API}/history", history, "Scores along time", "The series, oldest first", _SERIES),
    _read(
        JOB + "/provenance/difference",
        provenance_difference,
        "What ran otherwise in another job",
        "What differs, and what explains a difference of the keys",
        (Parameter(name="against", text="The id of the other job. Required."),),
    ),
    Operation(
        method="POST",
        path=JOB + "/reproductions",
        handler=reproduce,
        summary="Run an evaluation again as it was recorded",
        query=(_KEY,),
        responses={202: "The new job, taken into the queue"},
        ours=True,
    ),
    _read(
        JOB + "/reproductions/{repetition_id}",
        reproduction,
        "Whether the answers are the same",
        "Each benchmark with its verdict",
    ),
)
