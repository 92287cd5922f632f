"""`evallab logs` of a job that runs elsewhere: what the server keeps, or sends as it is written. Called by `logs`."""

import asyncio
import math
from collections.abc import Callable, Sequence
from contextlib import aclosing
from datetime import datetime

from evallab.api.errors import NotFound
from evallab.cli.logs import SERVER_LOG, Log, Question, wanted
from evallab.remote.lab import RemoteLab
from evallab.store.values import BenchmarkRow

AT_ONCE = 16  #: logs that are followed; the others begin when one of these ends
MOST_LINES = 10_000  #: that a server counts back
Query = dict[str, str | int]
Say = Callable[[int, str], None]


async def kept(lab: RemoteLab, question: Question, now: datetime) -> list[Log]:
    """Return the logs of a job, with their titles. Raises NotFound when there is none."""
    snapshot = await lab.snapshot(await lab.resolve(question.job))
    found = []
    for row in wanted(snapshot, question):
        lines = [each async for each in lab.log(snapshot.job.id, row.index, _query(question, now))]
        found += [(f"{row.index} {row.provider_id}/{row.benchmark_id}", "\n".join(lines))] if lines else []
    if question.benchmark is None:
        found += await lab.texts(snapshot.job.id, SERVER_LOG)
    if not found:
        what = f"{snapshot.job.name} ({snapshot.job.id[:8]})"
        raise NotFound(f"There is no log of {what}.", remedy=f"Did it start? evallab show {question.job}")
    return found


async def followed(
    lab: RemoteLab, question: Question, now: datetime, saying: Callable[[Sequence[BenchmarkRow]], Say]
) -> None:
    """Say the lines of a job's logs as they are written, until what is followed has ended."""
    snapshot = await lab.snapshot(await lab.resolve(question.job))
    rows = wanted(snapshot, question)
    say, turns = saying(rows), asyncio.Semaphore(1 if snapshot.job.finished_at else AT_ONCE)  # an ended one in order
    query = _query(question, now) | {"follow": "true"}

    async def one(index: int) -> None:
        async with turns, aclosing(lab.log(snapshot.job.id, index, query)) as lines:
            async for each in lines:
                say(index, each)

    await asyncio.gather(*(one(row.index) for row in rows))


def _query(question: Question, now: datetime) -> Query:
    tail = -1 if question.tail is None or question.tail > MOST_LINES else max(1, question.tail)
    query: Query = {"tail_lines": tail}
    if question.since is not None:
        query["since_seconds"] = max(1, math.ceil((now - question.since).total_seconds()))
    return query
