"""From an EvalJob object to a stored job, once: the same checks as everywhere, and those of the cluster.

A job that cannot run is stored too, as one that failed, so that REST and history know it and no restart judges it
anew. A job that came over REST is stored by whoever is first, with the same words (`rest_notes`). Safe to repeat.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from pydantic import ValidationError

from evallab.api.errors import InvalidManifest, NotFound
from evallab.api.job import EvalJob
from evallab.api.sentences import sentences
from evallab.api.v1alpha1 import rest_notes
from evallab.api.v1alpha1.conversion import to_job
from evallab.api.v1alpha1.manifest import EvalJobManifest
from evallab.controller.catalogue import Catalogue
from evallab.controller.objects import Json, Known
from evallab.planning.cluster.acceptance import REASONS, REMEDY, refusal
from evallab.planning.cluster.plan import ClusterConfig
from evallab.planning.conclusion import Cause
from evallab.planning.expand import expand
from evallab.planning.subject import CheckFacts
from evallab.store.interface import BenchmarkRow, JobRow, Store

ACTOR = "operator"


@dataclass(frozen=True, kw_only=True)
class Intake:
    """Takes EvalJobs in."""

    store: Store
    catalogue: Catalogue
    config: ClusterConfig
    facts: CheckFacts  #: what is bundled
    now: Callable[[], datetime]

    async def take(self, known: Known) -> JobRow | Cause:
        """Store an object's job unless it is there; return it, or why it never runs."""
        try:
            row = (await self.store.snapshot(known.uid, deleted=True)).job
        except NotFound:
            if not known.packed_manifest:  # it was stored once, and its database is not this one
                raise
            try:
                job = read(known.manifest)
            except InvalidManifest as error:
                return Cause(reason="InvalidSpec", message=" ".join(error.problems), remedy=REMEDY)
            row, benchmarks = self._rows(known, job, await self._refusal(known, job))
            if await self.store.create_job(row, benchmarks, actor=ACTOR) != row.id:  # another job has that key
                row = replace(row, idempotency_key=None)
                await self.store.create_job(row, benchmarks, actor=ACTOR)
        else:
            await self._hear_of(row)
        return refused(row) or row

    async def _hear_of(self, row: JobRow) -> None:
        """Know the providers of a job that a server stored: one may have been made a moment ago, too."""
        known = self.catalogue.providers
        if row.finished_at is None and any(each.provider_id not in known for each in row.spec.benchmarks):
            await self.catalogue.look()

    async def _refusal(self, known: Known, job: EvalJob) -> Cause | None:
        """Return why a job cannot run here. A provider may have been made a moment ago, and nobody heard of it yet."""
        why = self._judged(known, job)
        if why is None:
            return None
        await self.catalogue.look()
        return self._judged(known, job)

    def _judged(self, known: Known, job: EvalJob) -> Cause | None:
        return refusal(job, catalog=self.catalogue.view(known.namespace), config=self.config, facts=self.facts)

    def _rows(self, known: Known, job: EvalJob, why: Cause | None) -> tuple[JobRow, list[BenchmarkRow]]:
        job = job if why else expand(job, self.catalogue.view(known.namespace))
        now = self.now()
        row = JobRow(
            id=known.uid,
            name=job.name,
            spec=job,
            state="failed" if why else "pending",
            runtime="kubernetes",
            attached=False,
            manifest=json.dumps(known.manifest, ensure_ascii=False),
            created_at=now,
            finished_at=now if why else None,
            reason=why.reason if why else None,
            message=why.sentence if why else None,
            tenant=known.namespace,
            resource=known.name,
            suspended=known.suspend,
            **rest_notes.read(known.manifest["metadata"].get("annotations") or {}, known.name).fields(),
        )
        benchmarks = [
            BenchmarkRow(
                job_id=row.id,
                index=index,
                provider_id=each.provider_id,
                benchmark_id=each.id,
                state="failed" if why else "pending",
                reason=row.reason,
                finished_at=row.finished_at,
            )
            for index, each in enumerate(job.benchmarks)
        ]
        return row, benchmarks


def read(manifest: Json) -> EvalJob:
    """Return the job that an object asks for. Raises InvalidManifest."""
    try:
        return to_job(EvalJobManifest.model_validate(manifest))
    except ValidationError as error:
        raise InvalidManifest(sentences(error, EvalJobManifest)) from None


def refused(row: JobRow) -> Cause | None:
    """Return why a stored job never ran, None when it did or may."""
    if row.finished_at is None or row.started_at is not None or row.reason not in REASONS:
        return None
    return Cause(reason=row.reason, message=row.message or "")
