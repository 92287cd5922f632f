"""Commands that go to a server: a question to it, a job followed to its end. For the commands that go `anywhere`.

Ctrl-C means what it means here: of `run`, `rerun` and `resume` it cancels the job, of `wait` it ends the waiting only.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from evallab.api.errors import NotFound, UsageError
from evallab.api.job import EvalJob
from evallab.cli.interruptions import Interruptions
from evallab.cli.seen import seen_from_outside
from evallab.engine.provenance import as_ran
from evallab.engine.reproducing import Repetition
from evallab.planning.provenance.difference import Ran
from evallab.remote.client import Json
from evallab.remote.errors import ServerUnavailable
from evallab.remote.lab import RemoteLab
from evallab.remote.reaching import reached
from evallab.remote.target import Target
from evallab.reporting.gate import FailOn
from evallab.reporting.progress import ProgressDisplay, ProgressView
from evallab.reporting.report import JobReport
from evallab.settings import Settings
from evallab.store.values import JobRow

T = TypeVar("T")
Ended = tuple[JobReport, FailOn | None, bool]  #: with whether somebody interrupted it
Begin = Callable[[RemoteLab], Awaitable[str]]


def asked_there(target: Target, question: Callable[[RemoteLab], Awaitable[T]]) -> T:
    """Ask a server one thing and return the answer: what a synchronous command calls."""

    async def answer() -> T:
        async with reached(target) as lab:
            return await question(lab)

    return asyncio.run(answer())


async def report_of(lab: RemoteLab, reference: str) -> tuple[JobReport, FailOn | None]:
    """Return the report of a job, and what its manifest says a comparison may fail."""
    job_id = await lab.resolve(reference)
    return await _report(lab, job_id)


async def ran_there(lab: RemoteLab, reference: str) -> Ran:
    """Return a job with the record of what exactly ran."""
    job_id = await lab.resolve(reference)
    return as_ran(await lab.snapshot(job_id), await lab.provenance(job_id))


async def spec_of(lab: RemoteLab, reference: str) -> EvalJob:
    """Return what a job asked for."""
    return (await lab.snapshot(await lab.resolve(reference))).job.spec


async def submitted(lab: RemoteLab, spec: EvalJob) -> Json:
    """Post a job, and return what is to be known of it."""
    job_id = await lab.submit(spec)
    return {"id": job_id, "name": spec.name, "state": "pending", "position": await lab.position(job_id)}


def run_there(settings: Settings, target: Target, spec: EvalJob) -> Ended:
    """Post a job, follow it to its end, and return its report."""
    return asyncio.run(_run(settings, target, lambda lab: lab.submit(spec), spec))


def resume_there(settings: Settings, target: Target, reference: str) -> Ended:
    """Have a job go on, follow it to its end, and return its report."""

    async def begin(lab: RemoteLab) -> str:
        job_id = await lab.resolve(reference)
        await lab.resume(job_id)
        return job_id

    return asyncio.run(_run(settings, target, begin, None))


def reproduce_there(settings: Settings, target: Target, reference: str) -> tuple[Ended, Repetition]:
    """Have a server run a job again, follow that to its end, and return its report and how the answers compare."""
    ours = ""

    async def begin(lab: RemoteLab) -> str:
        nonlocal ours
        ours = await lab.resolve(reference)
        return await lab.reproduce(ours)

    ended = asyncio.run(_run(settings, target, begin, None))
    return ended, asked_there(target, lambda lab: lab.repetition(ours, ended[0].id))


async def wait_there(settings: Settings, lab: RemoteLab, reference: str) -> tuple[JobReport, FailOn | None]:
    """Stay until a job has ended, and return its report."""
    job_id = await lab.resolve(reference)
    with ProgressDisplay(no_color=settings.no_color) as display:
        await _follow(lab, job_id, display)
    return await _report(lab, job_id)


async def cancel_there(lab: RemoteLab, reference: str) -> tuple[JobRow, bool]:
    """Ask for the end of a job; return the job as it is then, and whether there was anything to cancel."""
    job_id = await lab.resolve(reference)
    before = await lab.snapshot(job_id)
    if before.job.finished_at is not None:
        return before.job, False
    try:
        await lab.cancel(job_id)
    except UsageError:  # it ended meanwhile
        return (await lab.snapshot(job_id)).job, False
    return (await lab.snapshot(job_id)).job, True


async def suspend_there(lab: RemoteLab, reference: str) -> JobRow:
    """Have a job wait, and return it."""
    job_id = await lab.resolve(reference)
    await lab.suspend(job_id)
    return (await lab.snapshot(job_id)).job


async def _run(settings: Settings, target: Target, begin: Begin, spec: EvalJob | None) -> Ended:
    with Interruptions() as interruptions, ProgressDisplay(no_color=settings.no_color) as display:
        if spec is not None:
            display.update(ProgressView(spec.name, spec.model.name, "posting"))
        async with reached(target) as lab:
            interruptions.hold()
            job_id = await begin(lab)
            interruptions.answer(lambda: _cancelled(lab, job_id))
            await _follow(lab, job_id, display)
            await interruptions.settle()
            return *await _report(lab, job_id), interruptions.happened


async def _cancelled(lab: RemoteLab, job_id: str) -> None:
    """Cancel a job that somebody follows; one that has ended needs it no more."""
    try:
        await lab.cancel(job_id)
    except (UsageError, NotFound):
        return


async def _follow(lab: RemoteLab, job_id: str, display: ProgressDisplay) -> None:
    try:
        async for snapshot, position in lab.statuses(job_id):
            display.update(seen_from_outside(snapshot, position))
    except ServerUnavailable as error:
        hint = f"The job goes on. Look again later: evallab wait {job_id[:8]}."
        raise ServerUnavailable(error.message, remedy=hint) from error


async def _report(lab: RemoteLab, job_id: str) -> tuple[JobReport, FailOn | None]:
    snapshot = await lab.snapshot(job_id)
    return await lab.report(job_id), snapshot.job.spec.compare.fail_on
