"""Making room: files that the policy lets go, files no row needs, folders of jobs that have ended. For `evallab gc`.

Rows stay, and say when their file went. The rows are marked first: killed in between, the next call finds files that
no row needs. A file younger than an hour is left alone, because whoever writes it has yet to write its row.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from shutil import rmtree

from evallab.planning.retention import Policy, expired, size
from evallab.store.interface import RetainedRow, Store

GRACE = timedelta(hours=1)
RESUMABLE = timedelta(days=7)  #: how long the work of a job that did not complete waits for `evallab resume`


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where files lie: artifacts, and the directories that have one folder per job."""

    artifacts: Path
    job_folders: tuple[Path, ...]


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """What goes. `files` is on disk already unneeded or will be; `bytes` what all of it takes; `kept_bytes` stays."""

    rows: tuple[RetainedRow, ...]
    files: tuple[Path, ...]
    folders: tuple[Path, ...]
    bytes: int
    kept_bytes: int


async def plan(store: Store, places: Places, policy: Policy, *, now: datetime) -> Sweep:
    """Find what would go; nothing is changed."""
    retained = await store.retained()
    rows = expired(retained, policy, now=now)
    going = {row.artifact_id for row in rows}
    needed = await store.needed_paths() - _unneeded(retained, going)
    files = await asyncio.to_thread(_stray, places.artifacts, needed, now)
    folders = await _finished(store, places.job_folders, now)
    return Sweep(
        rows=tuple(rows),
        files=tuple(files),
        folders=tuple(folders),
        bytes=await asyncio.to_thread(_taken, [*files, *folders]),
        kept_bytes=size([row for row in retained if row.artifact_id not in going]),
    )


async def sweep(store: Store, found: Sweep, *, reason: str, actor: str, now: datetime) -> None:
    """Mark the rows, then remove the files. A file that a row came to need meanwhile stays."""
    if found.rows:
        await store.expire([row.artifact_id for row in found.rows], reason=reason, actor=actor, now=now)
    await store.sweep_blobs()
    needed = await store.needed_paths()
    files = [path for path in found.files if _name(path) not in needed]
    await asyncio.to_thread(_remove, files, found.folders)


def _unneeded(retained: Sequence[RetainedRow], going: set[str]) -> frozenset[str]:
    """Return the paths that only expiring rows of ended jobs name."""
    staying = {row.path for row in retained if row.artifact_id not in going}
    return frozenset(row.path for row in retained if row.artifact_id in going) - staying


def _stray(root: Path, needed: Iterable[str], now: datetime) -> list[Path]:
    """Return the files that nobody needs: finished ones, and drafts that a killed process left."""
    wanted, latest = frozenset(needed), (now - GRACE).timestamp()
    found = [path for path in sorted(root.glob("*/*")) if path.is_file() and not path.is_symlink()]
    return [path for path in found if _name(path) not in wanted and path.stat().st_mtime < latest]


def _name(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


async def _finished(store: Store, roots: Sequence[Path], now: datetime) -> list[Path]:
    """Return the folders of jobs that have ended: at once of completed ones, later of those that can be resumed."""
    found = defaultdict[str, list[Path]](list)
    for path in (path for root in roots if root.is_dir() for path in root.iterdir() if _is_own(path)):
        found[path.name].append(path)
    over = []
    for job in await store.ended(sorted(found)):
        patience = GRACE if job.state == "completed" else RESUMABLE
        if job.ended_at < now - patience:
            over += found[job.id]
    return sorted(over)


def _is_own(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _taken(paths: Sequence[Path]) -> int:
    files = (each for path in paths for each in ([path] if path.is_file() else path.rglob("*")))
    return sum(each.lstat().st_size for each in files if each.is_file() and not each.is_symlink())


def _remove(files: Sequence[Path], folders: Sequence[Path]) -> None:
    for file in files:
        file.unlink(missing_ok=True)
    for folder in folders:
        rmtree(folder, ignore_errors=True)
