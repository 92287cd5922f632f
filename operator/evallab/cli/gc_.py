"""`evallab gc`: room on the disk. Texts and logs go by age, count and size; scores and rows never."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from evallab.api.errors import UsageError
from evallab.cli.opening import asked
from evallab.cli.place import placed
from evallab.engine.retention import Places, Sweep, plan, sweep
from evallab.local.lab import actor
from evallab.planning.retention import Policy
from evallab.reporting.figures import count
from evallab.settings import Settings
from evallab.store.interface import Store

_AGE = re.compile(r"(?P<number>[0-9]+)(?P<unit>[hdw])")
_SIZE = re.compile(r"(?P<number>[0-9]+(\.[0-9]+)?)(?P<unit>[kMGT]?B)")
_HOURS = {"h": 1, "d": 24, "w": 168}
_BYTES = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


@click.command(short_help="Remove old files; scores and rows stay.")
@click.option("--keep-last", metavar="N", type=click.IntRange(0), help="Keep the newest N of each model and benchmark.")
@click.option("--older-than", metavar="AGE", help="Let go what is older, such as 90d, 12h or 4w.")
@click.option("--max-size", metavar="SIZE", help="Let go the oldest until the rest fits, such as 10GB or 500MB.")
@click.option("--pin", metavar="JOB", multiple=True, help="Keep the files of a job whatever is asked; repeatable.")
@click.option("--unpin", metavar="JOB", multiple=True, help="Take a pin away; repeatable.")
@click.option("--dry-run", is_flag=True, help="Show what would go, and how much.")
@placed
def gc(settings: Settings, /, *, pin: tuple[str, ...], unpin: tuple[str, ...], dry_run: bool, **asked_for: Any) -> None:
    """Remove files: texts of samples, logs, results. Scores, samples' numbers and all other rows stay.

    Never those of pinned jobs and of baselines. What --keep-last protects stays whatever its age and size; alone, it
    lets all else go. Always removed: files that no row needs, and work directories of jobs that have completed (of
    others after a week, until then they can be resumed).
    """
    policy = policy_of(**asked_for)
    found = asked(settings, lambda store: _gc(store, settings, policy, pins=(pin, unpin), dry_run=dry_run))
    click.echo(_told(found, dry_run=dry_run))


def policy_of(*, keep_last: int | None, older_than: str | None, max_size: str | None) -> Policy:
    """Read the options. Raises UsageError."""
    return Policy(
        keep_last=keep_last,
        older_than=None if older_than is None else _age(older_than),
        max_bytes=None if max_size is None else _size(max_size),
    )


async def _gc(
    store: Store, settings: Settings, policy: Policy, *, pins: tuple[tuple[str, ...], tuple[str, ...]], dry_run: bool
) -> Sweep:
    now = datetime.now(UTC)
    for reference in pins[0]:
        await store.pin(await store.resolve(reference), actor=actor(), now=now)
    for reference in pins[1]:
        await store.unpin(await store.resolve(reference), actor=actor(), now=now)
    places = Places(artifacts=settings.artifacts_dir, job_folders=(settings.home / "jobs", settings.jobs_dir))
    found = await plan(store, places, policy, now=now)
    if not dry_run:
        await sweep(store, found, reason=policy.sentence, actor=actor(), now=now)
    return found


def _told(found: Sweep, *, dry_run: bool) -> str:
    jobs = len({row.job_id for row in found.rows})
    going = [f"{row.job} ({row.job_id[:8]})" for row in found.rows]
    named = [f"  {name}: {count(going.count(name), 'file')}" for name in dict.fromkeys(going)] if dry_run else []
    verb = "would go" if dry_run else "removed"
    head = (
        f"{_amount(found.bytes)} {verb}: {count(len(found.rows), 'kept file')} of {count(jobs, 'job')}, "
        f"{count(len(found.files), 'file')} and {count(len(found.folders), 'job folder')} on disk; "
        f"{_amount(found.kept_bytes)} of ended jobs stay"
    )
    return "\n".join([head, *named])


def _amount(size: int) -> str:
    unit = next((unit for unit in ("TB", "GB", "MB", "kB") if size >= _BYTES[unit]), "B")
    return f"{size} B" if unit == "B" else f"{size / _BYTES[unit]:.1f} {unit}"


def _age(text: str) -> timedelta:
    match = _AGE.fullmatch(text)
    if match is None:
        raise UsageError(f"--older-than {text}: that is no age.", remedy="Write 90d, 12h or 4w.")
    return timedelta(hours=int(match["number"]) * _HOURS[match["unit"]])


def _size(text: str) -> int:
    match = _SIZE.fullmatch(text)
    if match is None:
        raise UsageError(f"--max-size {text}: that is no size.", remedy="Write 10GB, 500MB or 1.5GB.")
    return int(float(match["number"]) * _BYTES[match["unit"]])
