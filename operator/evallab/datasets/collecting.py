"""Which snapshots nobody needs any more, and their removal. Called by `evallab datasets gc`."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from evallab.datasets.snapshots import Snapshot, Snapshots, Use, remove


@dataclass(frozen=True, kw_only=True)
class Needs:
    """When a snapshot counts as needed: used or fetched since then, or used by a job that has not ended."""

    since: datetime
    unfinished: Collection[str] = ()


def last_used(snapshot: Snapshot, uses: Collection[Use]) -> datetime | None:
    """Return when a job last used a snapshot."""
    return max((each.at for each in uses if each.snapshot == snapshot.id), default=None)


def unneeded(snapshots: Snapshots, needs: Needs) -> list[Snapshot]:
    """Return the snapshots that may go; never one that is pinned."""
    uses = snapshots.uses()
    busy = {each.snapshot for each in uses if each.job_id in needs.unfinished}
    return [
        each
        for each in snapshots.all()
        if not each.pinned
        and each.id not in busy
        and max(last_used(each, uses) or each.manifest.fetched_at, each.manifest.fetched_at) <= needs.since
    ]


def collect(snapshots: Snapshots, needs: Needs) -> list[Snapshot]:
    """Remove what may go and what interrupted fetches left; skip what somebody is fetching now."""
    removed = [each for each in unneeded(snapshots, needs) if _remove(snapshots, each, needs)]
    for leaving in sorted((snapshots.root / "incoming").glob("*")):
        name = leaving.name.removesuffix(".commit")
        with snapshots.lock(name, None) as free:
            if free and leaving.is_dir():
                snapshots.dismiss(leaving)
            elif free:
                leaving.unlink(missing_ok=True)
    _forget(snapshots, needs)
    return removed


def _forget(snapshots: Snapshots, needs: Needs) -> None:
    """Remove records of what is not there any more, and copies that harnesses left of confidential data."""
    here = {each.id for each in snapshots.all()}
    for record in [*snapshots.records("refs"), *snapshots.records("uses")]:
        if record.snapshot not in here:
            record.path.unlink(missing_ok=True)
    for private in (snapshots.root / "private").glob("*"):
        if private.name not in needs.unfinished:
            remove(private)


def _remove(snapshots: Snapshots, snapshot: Snapshot, needs: Needs) -> bool:
    """Remove one under its lock, if it still may go then."""
    name = snapshot.directory.name.rpartition("@")[0]
    with snapshots.lock(f"{snapshot.manifest.kind}--{name}", None) as free:
        if not free or snapshot.id not in {each.id for each in unneeded(snapshots, needs)}:
            return False
        remove(snapshot.directory)
        return True
