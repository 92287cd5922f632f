"""Where this attempt lives: job.json and the directories around it. `running.run` reads it once, at the start."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from evallab.api.contract import SAMPLES_FILE, JobSpec
from evallab.api.errors import AdapterFailed

JOB_SPEC = "EVALHUB_JOB_SPEC_PATH"
WORKDIR = "EVALLAB_WORKDIR"
ARTIFACTS = "EVALLAB_ARTIFACTS_DIR"
RESULT = "EVALLAB_RESULT_FILE"


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One execution of one benchmark of one job, as its adapter sees it."""

    spec: JobSpec
    workdir: Path  #: survives attempts: spool, caches
    artifacts_dir: Path
    result_file: Path

    @property
    def samples_file(self) -> Path:
        """Where the rows of samples go."""
        return self.artifacts_dir / SAMPLES_FILE


def read_attempt(environ: Mapping[str, str]) -> Attempt:
    """Read job.json and make the directories. Whatever is not set lies beside the job specification."""
    path = _spec_path(environ)
    base = _base(path)
    attempt = Attempt(
        spec=_spec(path),
        workdir=Path(environ.get(WORKDIR) or base / "work"),
        artifacts_dir=Path(environ.get(ARTIFACTS) or base / "artifacts"),
        result_file=Path(environ.get(RESULT) or base / "result.json"),
    )
    for directory in (attempt.workdir, attempt.artifacts_dir, attempt.result_file.parent):
        directory.mkdir(parents=True, exist_ok=True)
    return attempt


def _spec_path(environ: Mapping[str, str]) -> Path:
    if named := environ.get(JOB_SPEC):
        return Path(named).absolute()
    default = "/meta/job.json" if environ.get("EVALHUB_MODE") == "k8s" else "meta/job.json"
    return Path(default).absolute()


def _base(path: Path) -> Path:
    beside = path.parent.parent if path.parent.name == "meta" else path.parent
    return beside if os.access(beside, os.W_OK) else Path.cwd()


def _spec(path: Path) -> JobSpec:
    try:
        return JobSpec.model_validate_json(path.read_bytes())
    except OSError as error:
        raise AdapterFailed(
            f"The job specification cannot be read: {error}.", remedy=f"Set {JOB_SPEC} to the path of job.json."
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise AdapterFailed(
            f"The job specification is not valid: {where or 'the document'}: {first['msg']}.",
            remedy="job.json is written by the runtime; adapter and runtime should be of the same version.",
        ) from error
