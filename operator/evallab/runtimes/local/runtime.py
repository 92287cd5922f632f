"""Attempts as processes of this machine: what the engine calls in `run --local` and in a server.

Everything that outlives this process lies in files, so that another process with the same handle sees the same.
"""

import asyncio
import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from evallab.api.contract import JobSpec
from evallab.api.errors import BenchmarkFailed
from evallab.runtimes.interface import Launch, Leavings, Observation
from evallab.runtimes.local import directories
from evallab.runtimes.local.directories import AttemptDirectories
from evallab.runtimes.local.environment import adapter_environment
from evallab.runtimes.local.files import write_atomically
from evallab.runtimes.local.line_times import times_path
from evallab.runtimes.local.model_server import server_of
from evallab.runtimes.local.shim_pool import ShimPool
from evallab.runtimes.local.shim_process import LOG_LIMIT, ORPHAN_GRACE, ShimProcess, launch_shim

log = logging.getLogger(__name__)
TOKEN_FILE = "callback-token"  # noqa: S105 - a name, not a token  # noqa: S105 - the name of a file


class LocalRuntime:
    """Runs attempts as processes under a shim. `home` holds work directories, `jobs_dir` what EvalHub documents."""

    def __init__(
        self,
        *,
        home: Path,
        jobs_dir: Path,
        environ: Mapping[str, str],
        python: str,
        orphan_grace: float = ORPHAN_GRACE,
        log_limit: int = LOG_LIMIT,
        limits: Mapping[str, int] = MappingProxyType({}),
        pool: ShimPool | None = None,
    ) -> None:
        """Take the places, our environment and interpreter, how long ending may take when we died, a log's limit.

        `limits`: resource limits of adapters by name (core, as, nofile, nproc); with a `pool` attempts start faster.
        """
        self._home = home.absolute()
        self._jobs_dir = jobs_dir.absolute()
        self._environ = environ
        self._python = python
        self._orphan_grace = orphan_grace
        self._log_limit = log_limit
        self._limits = limits
        self._pool = pool

    def handle(self, launch: Launch) -> dict[str, Any]:
        """Return how any process finds the attempt, before it is started."""
        return _handle(launch.attempt_id, self._places(launch))

    def _places(self, launch: Launch) -> AttemptDirectories:
        return directories.attempt_directories(self._home, self._jobs_dir, launch.spec, number=launch.number)

    async def start(self, launch: Launch) -> dict[str, Any]:
        """Start an attempt, or find that it was started; return its handle."""
        places = self._places(launch)
        handle = _handle(launch.attempt_id, places)
        await asyncio.to_thread(self._start, launch, places, _process(handle))
        return handle

    def _start(self, launch: Launch, places: AttemptDirectories, process: ShimProcess) -> None:
        try:
            if process.was_started():
                return
            directories.make(places)
            write_atomically(places.spec_file, job_json(launch.spec))
            named = {"job": launch.spec.id, "attempt": launch.attempt_id}
            log.info("local runtime job spec written", extra={**named, "file": str(places.spec_file)})
            launch_shim(
                process,
                ["sh", "-c", launch.command],
                env=self._environment(launch, places),
                attached=launch.attached,
                grace_seconds=self._orphan_grace,
                header=_header(launch.number, datetime.now(UTC)),
                log_limit=self._log_limit,
                python=self._python,
                limits=self._limits,
                pool=self._pool,
            )
            log.info("local runtime process started", extra={**named, "command": launch.command})
        except (OSError, ValueError) as error:
            log.warning("local runtime benchmark launch failed", extra={"job": launch.spec.id, "reason": str(error)})
            raise BenchmarkFailed(
                f"Attempt {launch.number} of {launch.spec.provider_id}/{launch.spec.benchmark_id} "
                f"could not be started: {error}.",
                remedy="Check that the directories of evallab can be written and have space left.",
            ) from error

    def _environment(self, launch: Launch, places: AttemptDirectories) -> dict[str, str]:
        """Return the adapter's environment, and leave its token where that says."""
        token_file = places.attempt_dir / TOKEN_FILE if launch.token else None
        if token_file:
            write_atomically(token_file, launch.token)
        return adapter_environment(
            self._environ, directories=places, python=self._python, provider=launch.env, token_file=token_file
        )

    async def observe(self, handle: Mapping[str, Any]) -> Observation:
        """Look at an attempt; any process may."""
        return _process(handle).observe()

    async def stop(self, handle: Mapping[str, Any], *, grace_seconds: float) -> None:
        """Tell the tree to end: TERM, the grace period, KILL, also when this process ends meanwhile.

        Where the shim was killed, what it left is killed at once; call it for a vanished attempt before the next one.
        """
        await _process(handle).stop(grace_seconds=grace_seconds)

    def leavings(self, handle: Mapping[str, Any]) -> Leavings:
        """Name the files an attempt leaves."""
        attempt = Path(handle["attempt_dir"])
        return Leavings(
            result_file=attempt / directories.RESULT_FILE,
            artifacts_dir=attempt / directories.ARTIFACTS_DIR,
            log_file=Path(handle["log_file"]),
            work_dir=Path(handle["work_dir"]),
            log_times=Path(times_path(handle["log_file"])),
        )

    def log_tail(self, handle: Mapping[str, Any], *, lines: int) -> str:
        """Return the last lines of the log, which the attempts of a benchmark share."""
        return _process(handle).log_tail(lines=lines)

    async def tidy(self, job_id: str) -> None:
        """End what is left of a model server whose shim was killed; files stay, people read them after the end."""
        await server_of(self._home, job_id).stop(grace_seconds=0)


def job_json(spec: JobSpec) -> str:
    """Write a job specification as EvalHub does: what is absent has no key."""
    content = spec.model_dump(mode="json")
    content["model"] = _without_none(content["model"])
    return json.dumps(_without_none(content), ensure_ascii=False, indent=2) + "\n"


def _without_none(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _header(number: int, now: datetime) -> str:
    return "" if number == 1 else f"=== attempt {number} {now.isoformat(timespec='seconds')} ==="


def _handle(attempt_id: str, places: AttemptDirectories) -> dict[str, Any]:
    return {
        "attempt_id": attempt_id,
        "attempt_dir": str(places.attempt_dir),
        "log_file": str(places.log_file),
        "work_dir": str(places.work_dir),
    }


def _process(handle: Mapping[str, Any]) -> ShimProcess:
    return ShimProcess(
        name=handle["attempt_id"], directory=Path(handle["attempt_dir"]), log_file=Path(handle["log_file"])
    )
