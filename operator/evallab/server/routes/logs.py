"""Logs over REST: what the adapters of a job, or of one benchmark, wrote; with `follow`, our own, as they write."""

import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import timedelta
from math import inf

from starlette.requests import Request
from starlette.responses import Response

from evallab.api.evalhub.errors import ApiError
from evallab.api.evalhub.query import LogQuery, parse_index, parse_log_query
from evallab.runtimes.local.log_reader import EPOCH, LogAsk
from evallab.server import log_sections
from evallab.server.house import House
from evallab.server.log_response import LogResponse, Truncation
from evallab.server.operations import Operation, Parameter
from evallab.server.parts import Source
from evallab.server.routes.jobs import JOB, visible
from evallab.store.interface import JobSnapshot

BENCHMARK = JOB + "/benchmarks/{benchmark_index}/logs"


async def of_job(request: Request, house: House) -> Response:
    """Return the logs of a job, a section per benchmark."""
    query, snapshot = parse_log_query(request.query_params.multi_items()), await visible(request, house)
    sources = await house.logs.of_job(snapshot)
    ask, truncation = _ask(query, house), Truncation()
    if query.follow:
        return _followed(house, snapshot, sources, ask, index=None)
    return _limited(house, log_sections.texts(sources, ask), truncation, timed=_timed(sources, ask))


async def of_benchmark(request: Request, house: House) -> Response:
    """Return the log of one benchmark."""
    query, snapshot = parse_log_query(request.query_params.multi_items()), await visible(request, house)
    index = parse_index(request.path_params["benchmark_index"])
    if index >= len(snapshot.benchmarks):
        raise ApiError("resource_not_found", kind="benchmark", id=str(index))
    source = (await house.logs.of_job(snapshot))[index]
    ask, truncation = _ask(query, house), Truncation()
    if query.follow:
        return _followed(house, snapshot, [source], ask, index=index)
    return _limited(house, source.text(ask), truncation, timed=_timed([source], ask))


def _ask(query: LogQuery, house: House) -> LogAsk:
    now = house.now()
    seconds = query.since_seconds
    since = None if seconds is None else now - timedelta(seconds=min(seconds, (now - EPOCH).total_seconds()))
    return LogAsk(tail=query.tail_lines, timestamps=query.timestamps, since=since)


def _timed(sources: Sequence[Source], ask: LogAsk) -> bool:
    return not ask.needs_times or all(source.timed for source in sources)


def _limited(house: House, pieces: AsyncGenerator[bytes], truncation: Truncation, *, timed: bool) -> Response:
    service = house.config.service
    most, seconds = service.max_log_response_bytes, service.log_stream_timeout
    bounded = truncation.bounded(
        pieces, max_bytes=sys.maxsize if most is None else most, seconds=inf if seconds is None else seconds
    )
    return LogResponse(bounded, truncation, timed=timed)


def _followed(
    house: House, snapshot: JobSnapshot, sources: Sequence[Source], ask: LogAsk, *, index: int | None
) -> Response:
    """Return a log as it grows; it ends with what it follows, not after some bytes or minutes."""
    house.streams.check_room()
    truncation = Truncation()
    return LogResponse(_following(house, snapshot, ask, index, truncation), truncation, timed=_timed(sources, ask))


async def _following(
    house: House, snapshot: JobSnapshot, ask: LogAsk, index: int | None, truncation: Truncation
) -> AsyncGenerator[bytes]:
    job_id = snapshot.job.id
    with house.streams.opened(job_id) as bell:
        following = house.logs.following(job_id, ask, bell)
        pieces = following.texts(snapshot.benchmarks) if index is None else following.text(index)
        async with aclosing(pieces):
            async for piece in pieces:
                yield piece
        truncation.cut = bell.closed  # the server ends, the job does not


_QUERY = (
    Parameter(name="tail_lines", kind="integer", text="The last 1 to 10000 lines of each log, or -1 for all; 1000."),
    Parameter(name="timestamps", kind="boolean", text="Begin every line with the time at which it was written."),
    Parameter(name="since_seconds", kind="integer", text="Only lines that were written so many seconds ago or later."),
    Parameter(name="follow", kind="boolean", text="Go on with new lines until what is followed has ended."),
)
_TEXT = "The text; the trailer X-Log-Truncated is true when something is missing at its end"
OPERATIONS = (
    Operation(
        method="GET",
        path=JOB + "/logs",
        handler=of_job,
        summary="Read the logs of an evaluation",
        query=_QUERY,
        responses={200: _TEXT},
        media="text/plain",
    ),
    Operation(
        method="GET",
        path=BENCHMARK,
        handler=of_benchmark,
        summary="Read the log of one benchmark",
        query=_QUERY,
        responses={200: _TEXT},
        media="text/plain",
    ),
)
