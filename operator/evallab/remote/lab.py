"""What commands ask of a server: few verbs, answered in the values that `reporting` draws. Made by `reaching`."""

import asyncio
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import suppress
from dataclasses import replace

from evallab.api.errors import NotFound, UsageError
from evallab.api.evalhub import from_job, to_body
from evallab.api.job import EvalJob
from evallab.api.v1alpha1.annotations import dns_label
from evallab.engine.reproducing import Repetition
from evallab.remote import documents, references, rows, stream
from evallab.remote.client import Client, Json, Query
from evallab.remote.paths import HISTORY, JOBS, REGRESSIONS, job
from evallab.reporting import canary
from evallab.reporting.history import History
from evallab.reporting.listing import JobLine, line
from evallab.reporting.overall import Overall
from evallab.reporting.regressions import Standing
from evallab.reporting.report import JobReport, build
from evallab.reporting.telemetry import telemetry
from evallab.store.values import JobSnapshot, ScoreRow

AT_ONCE = 8  #: requests
PAGE = 1000


class RemoteLab:
    """The jobs of a server."""

    def __init__(self, client: Client) -> None:
        """Ask with this client."""
        self._client = client

    async def resolve(self, reference: str) -> str:
        """Return the id that JOB means. Raises NotFound, UsageError."""
        return await references.resolve(self._client, reference)

    async def snapshot(self, job_id: str) -> JobSnapshot:
        """Return a job and its benchmarks as they are. Raises NotFound."""
        return rows.snapshot(await self._client.get(job(job_id)))

    async def report(self, job_id: str) -> JobReport:
        """Return the report of a job. Raises NotFound."""
        body, scores, compared, provenance = await asyncio.gather(
            self._client.get(job(job_id)),
            self._scores(job_id),
            self._items(job_id, "comparisons"),
            self.provenance(job_id),
        )
        comparisons = [rows.comparison_row(job_id, each) for each in compared]
        names = await self._names({each.baseline_job_id for each in comparisons} | canary.baselines(provenance))
        report = build(
            rows.snapshot(body),
            scores=scores,
            comparisons=comparisons,
            baseline_names=names,
            not_enforced=provenance.get("job", {}).get("not_enforced", ()),
            told=canary.canary(provenance, names),
            seen=telemetry(provenance),
        )
        return replace(report, overall=_of_collection(body, report)) if body.get("collection") else report

    async def provenance(self, job_id: str) -> Json:
        """Return what ran exactly."""
        found: Json = await self._client.get(job(job_id, "provenance"))
        return found

    async def regressions(self, model: str | None) -> tuple[Standing, ...]:
        """Return where every model stands on every benchmark, or one model."""
        return documents.standings(await self._client.get(REGRESSIONS, {"model": model} if model else None))

    async def history(self, model: str, benchmark: str, *, family: bool, limit: int) -> History:
        """Return the series of a model, or of a family, on a benchmark. Raises NotFound."""
        query: dict[str, str | int] = {"model": model, "benchmark": benchmark, "limit": limit}
        return documents.history(await self._client.get(HISTORY, query | ({"family": "true"} if family else {})))

    async def reproduce(self, job_id: str) -> str:
        """Have a job run again as it was recorded, as a new job; return the new job's id. Raises UsageError."""
        key = {"Idempotency-Key": f"reproduce-{secrets.token_hex(8)}"}
        return str((await self._client.post(job(job_id, "reproductions"), headers=key))["resource"]["id"])

    async def repetition(self, job_id: str, again_id: str) -> Repetition:
        """Return how the answers of a job and of its repetition compare. Raises NotFound."""
        return documents.repetition(await self._client.get(job(job_id, "reproductions", again_id)))

    async def lines(self, *, limit: int, state: str | None, name: str | None) -> list[JobLine]:
        """Return the newest jobs as lines of a list."""
        query: dict[str, str | int] = {"limit": limit}
        query |= {key: value for key, value in (("status", state), ("name", name)) if value}
        page = await self._client.get(JOBS, query)
        turns = asyncio.Semaphore(AT_ONCE)

        async def one(body: Json) -> JobLine:
            async with turns:
                return await self._line(body)

        return list(await asyncio.gather(*(one(body) for body in page["items"])))

    async def submit(self, spec: EvalJob) -> str:
        """Post a job and return its id. In a cluster the key becomes the name of its object."""
        key = f"{dns_label(spec.name)[:40]}-{secrets.token_hex(4)}"
        posted = await self._client.post(JOBS, to_body(from_job(spec)), headers={"Idempotency-Key": key})
        return str(posted["resource"]["id"])

    async def position(self, job_id: str) -> int | None:
        """Return a job's place in the queue; None when it does not wait."""
        return position(await self._client.get(job(job_id)))

    async def cancel(self, job_id: str) -> None:
        """Ask for the end of a job. Raises UsageError when it has ended."""
        await self._client.delete(job(job_id))

    async def suspend(self, job_id: str) -> None:
        """Have a job wait with what it has. Raises UsageError when it cannot."""
        await self._client.post(job(job_id, "suspend"))

    async def resume(self, job_id: str) -> None:
        """Have a job go on. Raises UsageError when it cannot."""
        await self._client.post(job(job_id, "resume"))

    async def statuses(self, job_id: str) -> AsyncIterator[tuple[JobSnapshot, int | None]]:
        """Yield the job and its place in the queue whenever it changed, until it has ended."""
        async for body in stream.statuses(self._client, job(job_id, "stream")):
            yield rows.snapshot(body), position(body)

    async def log(self, job_id: str, index: int, query: Query) -> AsyncGenerator[str]:
        """Yield the lines that a benchmark's adapters wrote."""
        async with self._client.lines(job(job_id, "benchmarks", str(index), "logs"), query) as lines:
            async for each in lines:
                yield each

    async def texts(self, job_id: str, kind: str) -> list[tuple[str, str]]:
        """Return name and text of the kept files of a kind, without those that are withheld or gone."""
        found = [each for each in await self._items(job_id, "artifacts") if each["kind"] == kind and "href" in each]
        texts = list[tuple[str, str]]()
        for each in found:
            with suppress(NotFound, UsageError):
                async with self._client.lines(each["href"]) as lines:
                    texts.append((each["name"], "\n".join([line async for line in lines])))
        return texts

    async def _line(self, body: Json) -> JobLine:
        found = rows.snapshot(body)
        scored = any(each.state == "completed" for each in found.benchmarks)
        scores = [each for each in await self._scores(found.job.id) if each.primary] if scored else []
        place = position(body)
        if place is None and found.job.state == "pending":  # lists leave it out
            place = position(await self._client.get(job(found.job.id)))
        return line(found.job, found.benchmarks, scores, position=place)

    async def _scores(self, job_id: str) -> list[ScoreRow]:
        return [rows.score_row(job_id, each) for each in await self._items(job_id, "scores")]

    async def _items(self, job_id: str, what: str) -> list[Json]:
        return [each async for each in self._client.items(job(job_id, what), {"limit": PAGE})]

    async def _names(self, job_ids: Iterable[str]) -> dict[str, str]:
        names: dict[str, str] = {}
        for job_id in job_ids:
            try:
                names[job_id] = (await self._client.get(job(job_id)))["name"]
            except NotFound:
                continue
        return names


def position(body: Json) -> int | None:
    """Return a job's place in the queue; None when it does not wait."""
    place: int | None = body["status"].get("queue", {}).get("position")
    return place


def _of_collection(body: Json, report: JobReport) -> Overall | None:
    """Return the overall score as the server knows it: the weights are the collection's."""
    test = body.get("results", {}).get("test")
    if test is None or report.overall is None:
        return None
    return Overall(value=test["score"], threshold=test["threshold"], passed=test["pass"])
