"""`evallab.run(...)`: the main job from Python, with the settings of the command line (docs/reference/python.md)."""

import asyncio
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evallab.catalog import load
from evallab.local.lab import open_lab
from evallab.local.preparing import prepare
from evallab.reporting import frames
from evallab.reporting.document import to_json
from evallab.reporting.report import JobReport, job_report
from evallab.settings import Settings

Manifest = str | os.PathLike[str] | Mapping[str, Any]


@dataclass(frozen=True)
class Result:
    """How a job ended."""

    report: JobReport

    @property
    def id(self) -> str:
        """The job's id."""
        return self.report.id

    @property
    def state(self) -> str:
        """`completed`, `partially_failed`, `failed` or `cancelled`."""
        return self.report.state

    @property
    def scores(self) -> list[dict[str, Any]]:
        """One flat dictionary per benchmark and metric, with interval, validity and verdict."""
        return frames.rows([self.report])

    def to_frame(self) -> Any:
        """Return `scores` as a pandas DataFrame (extra `frames`). Raises UsageError without pandas."""
        return frames.frame([self.report])

    def to_json(self) -> dict[str, Any]:
        """Return what `--output json` prints."""
        return to_json(self.report)


def run(manifest: Manifest, *, sets: Iterable[str] = (), home: str | os.PathLike[str] | None = None) -> Result:
    """Run a manifest on this machine and wait for its end.

    `manifest` is a path or the manifest itself as a mapping; `sets` are `path=value` changes as `--set` takes them;
    `home` overrides EVALLAB_HOME. Raises InvalidManifest before anything starts. A benchmark that fails is not an
    exception: it is in the result. Inside a running event loop, use `await evallab.arun(...)`.
    """
    return asyncio.run(arun(manifest, sets=sets, home=home))


async def arun(manifest: Manifest, *, sets: Iterable[str] = (), home: str | os.PathLike[str] | None = None) -> Result:
    """As `run`, for a running event loop."""
    environ = dict(os.environ) | ({"EVALLAB_HOME": str(home)} if home is not None else {})
    settings = Settings.read(environ)
    catalog = load(settings.catalog_dir)
    data, file, directory = _source(manifest)
    prepared = prepare(data, file=file, directory=directory, catalog=catalog, sets=sets)
    async with open_lab(settings, catalog, environ=environ) as lab:
        job_id = await lab.submit(prepared.job, manifest=prepared.manifest, manifest_dir=prepared.directory)
        await lab.run(job_id)
        return Result(await job_report(lab.store, job_id))


def _source(manifest: Manifest) -> tuple[bytes, str, Path]:
    if isinstance(manifest, Mapping):
        return json.dumps(manifest).encode(), "manifest", Path.cwd()
    path = Path(manifest)
    return path.read_bytes(), str(path), path.resolve().parent
