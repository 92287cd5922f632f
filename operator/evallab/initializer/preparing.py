"""The init container as a whole: data, work, job.json. Run again after a crash it ends the same.

Called by `evallab init`.
"""

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from evallab.adapter.callback import Callback
from evallab.api.contract import JobSpec, StatusEvent
from evallab.api.errors import EvallabError, UsageError
from evallab.api.job import TestData
from evallab.datasets.failures import DatasetChanged, DatasetFailed
from evallab.datasets.manifest import inside, scan
from evallab.datasets.watch import Watch
from evallab.initializer import failing, fetching
from evallab.initializer.config import InitConfig, Places, read
from evallab.initializer.material import FETCHING, Material, begin, expected, put
from evallab.initializer.server import Server

log = logging.getLogger(__name__)
RESTORE_S = 120.0  #: work that cannot be had is done again: the attempt does not wait for it for ever


def prepare(places: Places, environ: Mapping[str, str]) -> int:
    """Prepare an attempt and return the exit code; a failure is recorded where the operator reads it."""
    try:
        with failing.told(places.data):
            _prepare(places, read(places.config), environ)
    except EvallabError as error:
        failing.record(places, error)
        return 1
    except Exception as error:  # whatever it was, the operator is to hear of it
        log.exception("not prepared", extra={"action": "initialize"})
        failing.record(places, EvallabError(f"The preparation broke: {type(error).__name__}: {error}"))
        return 1
    return 0


def _prepare(places: Places, config: InitConfig, environ: Mapping[str, str]) -> None:
    job = _job(places.config.with_name("job.json"))
    if config.restore:
        _restore(places, config)
    if config.source is not None:
        _say_loading(job)
        material = _material(places, config, config.source, environ)
        spec = material.spec(places.test_data, confidential=config.source.confidential)
        job["evallab"] = {**(job.get("evallab") or {}), "test_data": spec.model_dump(mode="json")}
        _write(places.record, material.record())
    _write(places.meta / "job.json", job)


def _material(places: Places, config: InitConfig, data: TestData, environ: Mapping[str, str]) -> Material:
    watch = Watch(seconds=config.timeout_seconds)
    with failing.told(places.test_data):
        if data.pvc is not None:
            return fetching.mounted(data, data.pvc, places.test_data, watch)
        begin(places.test_data)
        if config.through_server:
            return _through_server(places, config, data, watch)
        return fetching.directly(fetching.source_of(data, places.secret), places.test_data, watch, environ=environ)


def _through_server(places: Places, config: InitConfig, data: TestData, watch: Watch) -> Material:
    """Take the data from the server's cache, and believe only what it hashes to. Raises DatasetFailed, OSError."""
    source, incoming = fetching.source_of(data, places.secret), places.test_data / FETCHING / "content"
    said = Server(config.base, places.token, watch, seconds=config.timeout_seconds).data(incoming)
    files = scan(incoming, watch)
    found = expected(files, source)
    if said.get("sha256") not in {None, found}:
        raise DatasetChanged(
            f"The test data {source.shown} arrived as {found}; the server has {said['sha256']}.", remedy="Run it again."
        )
    material = Material(
        snapshot=str(said.get("snapshot", "")),
        source=str(said.get("source") or source.shown),
        asked=source.revision,
        revision=str(said.get("revision") or found[:16]),
        sha256=found,
        fetched_at=datetime.now(UTC),
        files=tuple(each.path for each in files),
        size=sum(each.size for each in files),
    )
    put(incoming, places.test_data)
    return material


def _restore(places: Places, config: InitConfig) -> None:
    """Bring back what an earlier attempt had done. Without it everything is asked again, which is no failure."""
    seconds = min(RESTORE_S, config.timeout_seconds or RESTORE_S)
    server = Server(config.base, places.token, Watch(seconds=seconds), seconds=seconds)
    try:
        for name, size in server.work():
            target = inside(places.work, name)
            target.parent.mkdir(parents=True, exist_ok=True)
            part = target.with_name(f".{target.name}.restoring")
            try:
                if server.work_file(name, part) == size:
                    part.chmod(0o666)  # whoever the adapter is, it appends
                    part.replace(target)
            finally:
                part.unlink(missing_ok=True)
    except DatasetFailed as error:
        log.warning("begins anew", extra={"action": "restore", "reason": error.message})


def _say_loading(job: dict[str, Any]) -> None:
    """Let the user see what is going on, if the sidecar hears it."""
    spec = JobSpec.model_validate(job)
    event = StatusEvent(
        provider_id=spec.provider_id,
        id=spec.benchmark_id,
        benchmark_index=spec.benchmark_index,
        status="running",
        phase="loading_data",
    )
    Callback(spec, {}, timeout=2.0).deliver(event, pauses=())


def _job(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_bytes())
        JobSpec.model_validate(document)
    except (OSError, ValueError) as error:
        said = f"{path} is not usable: {str(error).splitlines()[0]}."
        raise UsageError(said, remedy="Operator and image should be of the same version.") from error
    return dict(document)


def _write(path: Path, content: dict[str, Any]) -> None:
    """Write a file whole or not at all; anybody may read it."""
    part = path.with_name(f".{path.name}.part")
    part.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    part.chmod(0o644)
    part.replace(path)
