"""From a manifest's bytes to a job that may run: read, expand, check. Starts nothing and stores nothing.

Called by `evallab run` and by `local.python`; everything that is wrong is said at once, with the place where it stands.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from evallab.api.job import EvalJob
from evallab.api.read import read
from evallab.catalog import Catalog
from evallab.datasets.files import bundled_names as data_names
from evallab.modelserver.bundled import bundled_names
from evallab.planning.checks import CheckFacts, check, not_enforced, paths_to_check
from evallab.planning.expand import expand
from evallab.planning.hardware import with_gpus
from evallab.runtimes.local.gpus import Nvml, visible


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A job that may run, the text it came from, and the directory that its relative paths are meant from."""

    job: EvalJob
    manifest: str
    directory: Path
    not_enforced: tuple[str, ...]


def prepare(data: bytes, *, file: str, directory: Path, catalog: Catalog, sets: Iterable[str] = ()) -> Prepared:
    """Return the job of a manifest of either face. Raises InvalidManifest with every problem."""
    manifest = read(data, file=file, sets=sets)
    facts = CheckFacts(
        existing_paths=_existing(manifest.job, directory),
        bundled_models=bundled_names(),
        bundled_data=data_names(),
        gpus=gpus_here(manifest.job),
    )
    problems = check(manifest.job, catalog=catalog, runtime="local", facts=facts)
    if problems:
        raise manifest.refuse(problems)
    return Prepared(
        job=with_gpus(expand(manifest.job, catalog), facts.gpus),
        manifest=data.decode(),
        directory=directory,
        not_enforced=not_enforced(manifest.job, "local"),
    )


def gpus_here(job: EvalJob) -> int | None:
    """Count the GPUs if the job asks for one, or what runs its model does."""
    asks = job.hardware is not None and job.hardware.gpu is not None
    vllm = job.model.serve is not None and job.model.serve.runtime == "vllm"
    if not asks and not vllm and job.model.in_process is None:
        return None
    return len(visible(Nvml().gpus(), os.environ.get("CUDA_VISIBLE_DEVICES")))


def _existing(job: EvalJob, directory: Path) -> frozenset[str]:
    needs = {need.path for need in paths_to_check(job)}
    return frozenset(path for path in needs if (directory / path.removeprefix("file://")).exists())
