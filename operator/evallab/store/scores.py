"""The store's methods that read results: scores, samples, and what can be compared with what."""

from collections.abc import Iterable

from evallab.store import rows
from evallab.store.interface import ComparisonRow, Pairable, SampleRow, ScoreRow
from evallab.store.part import Part, every, first, write
from evallab.store.transactions import Connection, Record


class Scores(Part):
    """Scores, samples and comparisons. Of a benchmark with several results the newest attempt's counts."""

    async def scores(self, job_id: str, *, primary_only: bool = False) -> list[ScoreRow]:
        """Return the scores of a job in benchmark order, the primary one first."""
        return [rows.score(each) for each in await self._all("list_scores", job_id=job_id, primary_only=primary_only)]

    async def samples(self, job_id: str, index: int, *, limit: int | None = None, offset: int = 0) -> list[SampleRow]:
        """Return sample rows in (doc_id, repeat) order."""
        records = await self._of_result(job_id, index, "list_samples", {"limit": limit, "offset": offset})
        return [rows.sample(each) for each in records]

    async def count_samples(self, job_id: str, index: int) -> int:
        """Return how many rows `samples` has for a benchmark."""
        found = await self._first("count_samples", job_id=job_id, index=index)
        return 0 if found is None else int(found["samples"])

    async def pairable(self, job_id: str, index: int, metric: str, filter_: str) -> Pairable:
        """Return the per-question values of one metric of one benchmark of one job; empty where there are none."""
        records = await self._of_result(job_id, index, "list_pairable", {"metric": metric, "filter": filter_})
        return Pairable(
            keys=tuple((each["doc_id"], each["repeat"]) for each in records),
            values=tuple(each["value"] for each in records),
            response_hashes=tuple(each["response_hash"] for each in records),
            groups=tuple(each["group"] for each in records),
        )

    async def comparable(self, job_id: str, *, question_key: str, metric: str, filter_: str) -> tuple[str, int] | None:
        """Return (job id, index) of the newest other finished job with that question key.

        Of the same model name, else of the same family; scores that are invalid do not count.
        """
        asked = {"job_id": job_id, "question_key": question_key, "metric": metric, "filter": filter_}
        found = await self._first("find_comparable", **asked)
        return None if found is None else (str(found["job_id"]), int(found["index"]))

    async def same_questions(self, job_id: str, *, question_key: str, metric: str, filter_: str) -> int | None:
        """Return the index in job `job_id` of a benchmark with that question key and a usable score, or None."""
        asked = {"job_id": job_id, "question_key": question_key, "metric": metric, "filter": filter_}
        found = await self._first("find_same_questions", **asked)
        return None if found is None else int(found["index"])

    async def add_comparisons(self, rows_: Iterable[ComparisonRow]) -> None:
        """Insert comparisons once per (job, index, baseline job)."""
        parameters = [rows.parameters(each) for each in rows_]

        async def work(connection: Connection) -> None:
            for each in parameters:
                await write(connection, "add_comparison", each)

        await self._transactions.run(work)

    async def comparisons(self, job_id: str) -> list[ComparisonRow]:
        """Return the comparisons made when the job ended, in benchmark order."""
        return [ComparisonRow(**each) for each in await self._all("list_comparisons", job_id=job_id)]

    async def _of_result(self, job_id: str, index: int, name: str, asked: Record) -> list[Record]:
        async def work(connection: Connection) -> list[Record]:
            result = await first(connection, "counted_result", {"job_id": job_id, "index": index})
            return [] if result is None else await every(connection, name, asked | {"result_id": result["id"]})

        return await self._transactions.run(work)
