"""What a job found, in pages: scores, every question, kept files, comparisons, provenance."""

import asyncio
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from evallab.api.errors import NotFound
from evallab.api.evalhub.errors import ApiError
from evallab.api.evalhub.query import ListQuery, parse_index, parse_query
from evallab.planning.confidential import is_confidential
from evallab.planning.provenance import whole
from evallab.reporting.document import plain
from evallab.reporting.questions import Answered, answered
from evallab.reporting.texts import CONFIDENTIAL, Texts
from evallab.server.answers import answer
from evallab.server.house import House
from evallab.server.operations import Operation, Parameter
from evallab.server.paging import page
from evallab.server.results_download import Download, etag
from evallab.server.routes.jobs import JOB, visible
from evallab.server.views import results as views
from evallab.store.interface import ArtifactRow, JobSnapshot, SampleRow

MOST = 1000  #: items of a page, however many are asked for
ARTIFACTS = JOB + "/artifacts"
SAMPLES = JOB + "/benchmarks/{benchmark_index}/samples"
_ELSEWHERE = "On the machine where the job ran, `evallab samples JOB --confidential` shows them."
_ID = re.compile(r"[A-Za-z0-9-]{1,64}")
_TRUE, _FALSE = frozenset({"true", "1"}), frozenset({"false", "0", ""})
Json = dict[str, Any]
Row = TypeVar("Row")


async def scores(request: Request, house: House) -> Response:
    """Return every metric of every benchmark, with its interval and validity."""
    snapshot = await visible(request, house)
    return _paged(request, await house.store.scores(snapshot.job.id), views.score)


async def comparisons(request: Request, house: House) -> Response:
    """Return how the primary scores compare with those of other jobs."""
    snapshot = await visible(request, house)
    return _paged(request, await house.store.comparisons(snapshot.job.id), views.comparison)


async def provenance(request: Request, house: House) -> Response:
    """Return what ran exactly."""
    snapshot = await visible(request, house)
    return answer(plain(whole(await house.store.provenance(snapshot.job.id))))


async def samples(request: Request, house: House) -> Response:
    """Return the questions of one benchmark and how they were answered."""
    told, query = _texts_and_query(request)
    snapshot = await visible(request, house)
    job_id, index = snapshot.job.id, _index(request, snapshot)
    rows = await house.store.samples(job_id, index, limit=query.limit, offset=query.offset)
    questions, withheld = await _questions(house, snapshot, index, rows, told=told)
    items = [views.sample(each, texts=told) for each in questions]
    body = page(request, query, items, total=await house.store.count_samples(job_id, index))
    return _ascii(body | ({"texts_withheld": " ".join(withheld)} if withheld else {}))


async def _questions(
    house: House, snapshot: JobSnapshot, index: int, rows: Sequence[SampleRow], *, told: bool
) -> tuple[list[Answered], list[str]]:
    """Return the questions of rows, with their texts when they are asked for, and why some have none."""
    primaries = await house.store.scores(snapshot.job.id, primary_only=True)
    primary = next((each for each in primaries if each.index == index), None)
    questions, withheld = [answered(row, primary) for row in rows], list[str]()
    if not told:
        return questions, withheld
    reader = Texts(house.store, house.files, say=withheld.append, remedy=_ELSEWHERE)
    texts = await reader.of(snapshot.job.id, index, rows)
    return [replace(each, texts=text) for each, text in zip(questions, texts, strict=True)], withheld


async def artifacts(request: Request, house: House) -> Response:
    """Return what is kept of a job."""
    snapshot = await visible(request, house)
    rows = await house.store.artifacts(snapshot.job.id)
    address = ARTIFACTS.format(job_id=snapshot.job.id)
    return _paged(request, rows, lambda row: views.artifact(row, href=f"{address}/{row.id}"))


async def artifact(request: Request, house: House) -> Response:
    """Return the content of a kept file."""
    snapshot = await visible(request, house)
    artifact_id = request.path_params["artifact_id"]
    row = await house.store.artifact(artifact_id) if _ID.fullmatch(artifact_id) else None
    if row is None or row.job_id != snapshot.job.id:
        raise ApiError("resource_not_found", kind="artifact", id=artifact_id)
    if _is_withheld(snapshot, row):
        raise ApiError("not_allowed_over_rest", reason=f"{CONFIDENTIAL} {_ELSEWHERE}")
    if request.headers.get("if-none-match") == etag(row) and row.expired_at is None:
        return Response(status_code=304, headers={"ETag": etag(row)})
    try:
        return await asyncio.to_thread(Download, house.files, row)
    except NotFound as error:
        raise ApiError("artifact_gone", reason=str(error)) from None


def _is_withheld(snapshot: JobSnapshot, row: ArtifactRow) -> bool:
    """Say whether a file may hold texts of confidential data: logs never do."""
    indexes = [row.index] if row.index is not None else [each.index for each in snapshot.benchmarks]
    return row.kind != "log" and any(is_confidential(snapshot.job.spec, index) for index in indexes)


def _index(request: Request, snapshot: JobSnapshot) -> int:
    """Return the index that the path names. Raises ApiError for a benchmark that the job does not have."""
    index = parse_index(request.path_params["benchmark_index"])
    if not any(each.index == index for each in snapshot.benchmarks):
        raise ApiError("resource_not_found", kind="benchmark", id=str(index))
    return index


def _paged(request: Request, rows: Sequence[Row], view: Callable[[Row], Json]) -> Response:
    """Return one page of rows that are all at hand."""
    query = _query(request.query_params.multi_items())
    shown = rows[query.offset :][: query.limit]
    return answer(page(request, query, [view(row) for row in shown], total=len(rows)))


def _query(pairs: Sequence[tuple[str, str]], also: tuple[str, ...] = ()) -> ListQuery:
    query = parse_query(pairs, ("limit", "offset", *also))
    return replace(query, limit=min(query.limit or MOST, MOST))


def _texts_and_query(request: Request) -> tuple[bool, ListQuery]:
    query = _query(request.query_params.multi_items(), ("texts",))
    said = request.query_params.get("texts", "")
    if said not in _TRUE | _FALSE:
        raise ApiError("query_parameter_invalid", name="texts", type="boolean", value=said)
    return said in _TRUE, query


def _ascii(body: Json) -> Response:
    """Return texts of models: a lone surrogate, which UTF-8 cannot hold, becomes its escape."""
    text = json.dumps(body, separators=(",", ":"), allow_nan=False)
    return Response(text, media_type="application/json")


_PAGE = (
    Parameter(name="limit", kind="integer", text=f"Items of a page: 50 unless given, at most {MOST:,}."),
    Parameter(name="offset", kind="integer", text="Items to leave out."),
)
_TEXTS = Parameter(
    name="texts",
    kind="boolean",
    text="Also prompts, targets and answers. Those of confidential data are withheld, and `texts_withheld` says so.",
)


def _read(path: str, handler: Any, summary: str, shown: str, query: tuple[Parameter, ...] = _PAGE) -> Operation:
    return Operation(
        method="GET", path=path, handler=handler, summary=summary, query=query, responses={200: shown}, ours=True
    )


OPERATIONS = (
    _read(JOB + "/scores", scores, "Every score, with interval and validity", "A page of scores"),
    _read(SAMPLES, samples, "Every question and its answer", "A page of questions", (*_PAGE, _TEXTS)),
    _read(JOB + "/comparisons", comparisons, "Compared with other jobs", "A page of comparisons"),
    _read(JOB + "/provenance", provenance, "What ran exactly", "The record", ()),
    _read(ARTIFACTS, artifacts, "The files that are kept", "A page of files"),
    Operation(
        method="GET",
        path=ARTIFACTS + "/{artifact_id}",
        handler=artifact,
        summary="Download a file",
        responses={
            200: "Its content, decompressed",
            304: "It is the one that the client has",
            403: "It may hold texts of confidential data",
            410: "It was removed, or is on another machine",
        },
        media="application/octet-stream",
        ours=True,
    ),
)
