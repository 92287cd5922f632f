"""How an attempt's result enters the store: whole or not at all, once per attempt, samples by COPY."""

from collections.abc import Iterator, Sequence
from typing import Any

from evallab.api.errors import NotFound
from evallab.store import rows, storable
from evallab.store.interface import AttemptResult, DatasetRow, SampleRow
from evallab.store.part import Part, first, only, write
from evallab.store.queries import QUERIES
from evallab.store.transactions import Connection

Line = tuple[Any, ...]


class Results(Part):
    """Recording results."""

    async def record_result(self, result: AttemptResult) -> bool:
        """Insert everything of an attempt's result, once; False when it was recorded before. Raises NotFound."""

        async def work(connection: Connection) -> bool:
            result_id = await _mark(connection, result)
            if result_id is None:
                return False
            await _record_scores(connection, result_id, result)
            await _copy(connection, "copy_samples", _samples(result_id, result.samples))
            await _copy(connection, "copy_sample_scores", _sample_scores(result_id, result.samples))
            await _record_rest(connection, result)
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


async def _copy(connection: Connection, name: str, lines: Iterator[Line]) -> None:
    async with connection.cursor() as cursor, cursor.copy(QUERIES[name]) as copy:
        for line in lines:
            await copy.write_row(line)


def _samples(result_id: int, samples: Sequence[SampleRow]) -> Iterator[Line]:
    """The order of columns is that of the query copy_samples."""
    for each in samples:
        yield (
            result_id,
            each.doc_id,
            each.repeat,
            bytes.fromhex(each.doc_hash),
            bytes.fromhex(each.prompt_hash),
            None if each.response_hash is None else bytes.fromhex(each.response_hash),
            each.prompt_tokens,
            each.completion_tokens,
            storable.number(each.latency_ms),
            None if each.finish_reason is None else storable.text(each.finish_reason),
            None if each.error is None else storable.text(each.error),
            each.text_offset,
            each.text_line,
        )


def _sample_scores(result_id: int, samples: Sequence[SampleRow]) -> Iterator[Line]:
    for each in samples:
        for (metric, filter_), value in each.scores.items():
            yield (result_id, each.doc_id, each.repeat, metric, filter_, storable.number(value))
