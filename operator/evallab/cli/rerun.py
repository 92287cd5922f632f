"""`evallab rerun`: a new job from what an earlier one recorded, with changes if asked for."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import click

from evallab.api.read import read
from evallab.api.v1alpha1 import from_job, to_dict
from evallab.catalog import Catalog, load
from evallab.cli.naming import job_argument
from evallab.cli.opening import asked
from evallab.cli.output import ReportFormat, report_output_option
from evallab.cli.place import anywhere
from evallab.cli.report_of import ended
from evallab.local.preparing import Prepared, prepare
from evallab.remote.target import Target
from evallab.settings import Settings
from evallab.store.interface import JobRow, Store


@click.command(short_help="Run a job again as it was recorded, as a new job.")
@job_argument
@click.option("--set", "sets", multiple=True, metavar="PATH=VALUE", help="Change one field (repeatable).")
@report_output_option
@anywhere
def rerun(settings: Settings, target: Target | None, *, job: str, sets: tuple[str, ...], output: ReportFormat) -> int:
    """Run a job again as it was recorded, as a new job: everything is asked anew, its file is not read.

    \b
      evallab rerun my-model --set 'spec.benchmarks[0].parameters.limit=100'

    Paths of --set are those of an EvalJob manifest. JOB is an id, a unique prefix of one, a name (its newest job), or
    name~1 (the one before).
    """
    if target:
        return _there(settings, target, job, sets, output)
    from evallab.cli.running import run_here

    catalog = load(settings.catalog_dir)
    prepared = again(asked(settings, lambda store: recorded(store, job)), catalog, sets)
    report, interrupted = asyncio.run(run_here(settings, prepared, catalog))
    return ended(settings, report, output, prepared.job.compare.fail_on, interrupted=interrupted)


def _there(settings: Settings, target: Target, job: str, sets: tuple[str, ...], output: ReportFormat) -> int:
    from evallab.cli.elsewhere import asked_there, run_there, spec_of

    asked_for = asked_there(target, lambda lab: spec_of(lab, job))
    data = json.dumps(to_dict(from_job(asked_for))).encode()
    report, fail_on, interrupted = run_there(settings, target, read(data, file=f"job {job}", sets=sets).job)
    return ended(settings, report, output, fail_on, interrupted=interrupted)


async def recorded(store: Store, reference: str) -> JobRow:
    """Return the row of a job that is named as people name it."""
    return (await store.snapshot(await store.resolve(reference))).job


def again(row: JobRow, catalog: Catalog, sets: tuple[str, ...]) -> Prepared:
    """Return the job of a row, changed and checked as if it were new; manifest and directory are those of the row."""
    data = json.dumps(to_dict(from_job(row.spec))).encode()
    directory = Path(row.manifest_dir or ".")
    prepared = prepare(data, file=f"job {row.id[:8]}", directory=directory, catalog=catalog, sets=sets)
    return replace(prepared, manifest=row.manifest)
