"""Where an attempt's files lie, and who may own the directories they lie in. `runtime` calls it.

    <base>/<job>/<index>/<provider>/<benchmark>/{meta/job.json,jobrun.log}     where EvalHub documents them
    <home>/jobs/<job>/<index>/attempt-<number>/{started,exit,result}.json, artifacts/
    <home>/jobs/<job>/<index>/work/                                            survives attempts

The base is shared by the users of a machine, like /tmp; a job's directory belongs to one of them.
"""

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from evallab.api.contract import JobSpec
from evallab.api.errors import BenchmarkFailed

DEFAULT_JOBS_DIR = "/tmp/evalhub-jobs"  # noqa: S108 - where EvalHub documents it; owner and links are checked
RESULT_FILE = "result.json"
ARTIFACTS_DIR = "artifacts"
LONGEST_NAME = 255
BASE_MODE = 0o1777
PRIVATE = 0o700


@dataclass(frozen=True, kw_only=True)
class AttemptDirectories:
    """The places of one attempt."""

    job_dir: Path  #: of the whole job, below the base
    benchmark_dir: Path
    attempt_dir: Path
    work_dir: Path

    @property
    def spec_file(self) -> Path:
        """What the adapter reads."""
        return self.benchmark_dir / "meta" / "job.json"

    @property
    def log_file(self) -> Path:
        """What the adapter's stdout and stderr go to."""
        return self.benchmark_dir / "jobrun.log"

    @property
    def result_file(self) -> Path:
        """What evallab's own adapters end with."""
        return self.attempt_dir / RESULT_FILE

    @property
    def artifacts_dir(self) -> Path:
        """Files to keep."""
        return self.attempt_dir / ARTIFACTS_DIR


def jobs_dir(environ: Mapping[str, str]) -> Path:
    """Return the base of the job directories."""
    return Path(environ.get("EVALLAB_JOBS_DIR") or DEFAULT_JOBS_DIR)


def attempt_directories(home: Path, base: Path, spec: JobSpec, *, number: int) -> AttemptDirectories:
    """Name the places of an attempt; refuse ids that would lead elsewhere."""
    job, index = _one_part("job id", spec.id), str(spec.benchmark_index)
    provider = _one_part("provider id", spec.provider_id)
    own = home / "jobs" / job / index
    return AttemptDirectories(
        job_dir=base / job,
        benchmark_dir=(base / job / index / provider).joinpath(*_parts("benchmark id", spec.benchmark_id)),
        attempt_dir=own / f"attempt-{number}",
        work_dir=own / "work",
    )


def make(directories: AttemptDirectories) -> None:
    """Make the directories of an attempt."""
    _make_base(directories.job_dir.parent)
    _make_private(directories.job_dir)
    for directory in (directories.spec_file.parent, directories.artifacts_dir, directories.work_dir):
        _make_below(directory)


def _parts(what: str, name: str) -> list[str]:
    """Split an id into the names of nested directories."""
    parts = name.split("/")
    problem = next((problem for problem in map(_problem, parts) if problem), None)
    if problem:
        raise _unusable(what, name, problem)
    return parts


def _one_part(what: str, name: str) -> str:
    """Return an id that names one directory."""
    if "/" in name:
        raise _unusable(what, name, "it holds a /")
    return _parts(what, name)[0]


def _problem(part: str) -> str | None:
    if part == "":
        return "a part of it is empty"
    if part in {".", ".."}:
        return f"it holds the part {part!r}"
    if not part.isprintable():
        return "it holds a control character"
    if len(part.encode()) > LONGEST_NAME:
        return f"a part of it is longer than {LONGEST_NAME} bytes"
    return None


def _unusable(what: str, name: str, problem: str) -> BenchmarkFailed:
    return BenchmarkFailed(
        f"The {what} {name!r} cannot name a directory: {problem}.",
        remedy="Use letters, digits and the characters - _ . : in ids; a benchmark id may have parts between /.",
    )


def _make_base(base: Path) -> None:
    try:
        base.mkdir(parents=True)
    except FileExistsError:
        _check_owner(base, base.lstat(), owners={0, os.geteuid()})
    else:
        base.chmod(BASE_MODE)


def _make_private(directory: Path) -> None:
    try:
        directory.mkdir(mode=PRIVATE)
    except FileExistsError:
        _check_owner(directory, directory.lstat(), owners={os.geteuid()})
        directory.chmod(PRIVATE)


def _check_owner(directory: Path, status: os.stat_result, *, owners: set[int]) -> None:
    mode = status.st_mode
    if stat.S_ISLNK(mode):
        problem = "is a symbolic link"
    elif not stat.S_ISDIR(mode):
        problem = "is not a directory"
    elif status.st_uid not in owners:
        problem = f"belongs to another user (uid {status.st_uid})"
    elif mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        problem = "may be changed by everybody (mode without the sticky bit)"
    else:
        return
    raise BenchmarkFailed(
        f"The directory {directory} {problem}; somebody else could read or replace what an attempt runs.",
        remedy="Remove it, or set EVALLAB_JOBS_DIR to a directory of your own.",
    )


def _make_below(directory: Path) -> None:
    """Like mkdir -p, but what is made is ours alone, the directories in between included."""
    missing = [parent for parent in (directory, *directory.parents) if not parent.exists()]
    for parent in reversed(missing):
        parent.mkdir(mode=PRIVATE, exist_ok=True)
