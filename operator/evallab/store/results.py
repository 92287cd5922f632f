"""How an attempt's result enters the store: whole or not at all, once per attempt, samples by COPY."""

from collections.abc import Iterator
from itertools import islice

from evallab.api.errors import NotFound
from evallab.store import copying, rows, storable
from evallab.store.interface import AttemptResult, DatasetRow
from evallab.store.latest import refresh_latest
from evallab.store.part import Part, first, only, write
from evallab.store.queries import QUERIES
from evallab.store.transactions import Connection

_BATCH = 2000  #: lines that are sent at once


class Results(Part):
    """Recording results."""

    async def record_result(self, result: AttemptResult) -> bool:
        """Insert everything of an attempt's result, once; False when it was recorded before. Raises NotFound."""

        async def work(connection: Connection) -> bool:
            result_id = await _mark(connection, result)
            if result_id is None:
                return False
            await _record_scores(connection, result_id, result)
            await _copy(connection, "copy_samples", copying.samples(result_id, result.samples))
            await _copy(connection, "copy_sample_scores", copying.sample_scores(result_id, result.samples))
            await _record_rest(connection, result)
            await refresh_latest(connection, result.job_id)
            return True

        return await self._transactions.run(work)


async def _mark(connection: Connection, result: AttemptResult) -> int | None:
    """Insert the row that says the result is recorded; None when it was there, also when that waits for a twin."""
    attempt = await first(connection, "lock_attempt", {"attempt_id": result.attempt_id})
    if attempt is None:
        raise NotFound(f"There is no attempt {result.attempt_id!r}.")
    marker = {
        "attempt_id": result.attempt_id,
        "recorded_at": result.recorded_at,
        "metrics": storable.json(result.metrics),
        "question_key": result.question_key,
        "dataset_id": await _dataset_id(connection, result.dataset),
    }
    record = await first(connection, "add_result", marker)
    return None if record is None else int(record["id"])


async def _dataset_id(connection: Connection, dataset: DatasetRow | None) -> int | None:
    if dataset is None:
        return None
    row = rows.parameters(dataset)
    await write(connection, "add_dataset", row)
    return int((await only(connection, "find_dataset", row))["id"])


async def _record_scores(connection: Connection, result_id: int, result: AttemptResult) -> None:
    lines = [rows.parameters(score) | {"result_id": result_id} for score in result.scores]
    if lines:
        await connection.cursor().executemany(QUERIES["add_score"], lines)


async def _record_rest(connection: Connection, result: AttemptResult) -> None:
    for artifact in result.artifacts:
        await write(connection, "add_artifact", rows.parameters(artifact))
    provenance = {
        "job_id": result.job_id,
        "attempt_id": result.attempt_id,
        "recorded_at": result.recorded_at,
        "record": storable.json(result.provenance),
    }
    await write(connection, "add_provenance", provenance)


async def _copy(connection: Connection, name: str, lines: Iterator[str]) -> None:
    async with connection.cursor() as cursor, cursor.copy(QUERIES[name]) as copy:
        while batch := "".join(islice(lines, _BATCH)):
            await copy.write(batch)
