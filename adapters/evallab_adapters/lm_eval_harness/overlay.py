"""Where tasks get their data: names of files resolved against the task file, or replaced by the job. For `loading`.

The harness hands `data_files` to the data library unchanged, which resolves them against the working directory of the
process; a task folder could then only be used from one place. And a job can point a stock task at a pinned snapshot.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lm_eval.api.task import ConfigurableTask
from lm_eval.tasks._factory import TaskFactory

from evallab.api.contract import JobSpec, Json, TestDataSpec
from evallab.api.errors import AdapterFailed
from evallab_adapters.lm_eval_harness.given_data import from_snapshot
from evallab_adapters.lm_eval_harness.parameters import Parameters, resolve


def overrides_of(spec: JobSpec, parameters: Parameters) -> Json:
    """Return the parts of a task's configuration that the job replaces."""
    overrides: Json = {}
    if parameters.dataset_path is not None:
        local = resolve(parameters.dataset_path, spec)
        overrides["dataset_path"] = str(local) if local.exists() else parameters.dataset_path
    if parameters.dataset_name is not None:
        overrides["dataset_name"] = parameters.dataset_name
    if parameters.dataset_kwargs:
        overrides["dataset_kwargs"] = _located(parameters.dataset_kwargs, resolve(".", spec))
    return overrides


class OverlayFactory(TaskFactory):  # type: ignore[misc]  # the harness is untyped
    """The harness's factory of tasks, with data located and a readable sentence when it cannot be had."""

    def __init__(self, *, meta: Json | None, overrides: Json, snapshot: TestDataSpec | None = None) -> None:
        """Replace `overrides` in every task, and its data with a snapshot unless `overrides` name other data."""
        super().__init__(meta=meta)
        self._overrides = overrides
        self._snapshot = None if "dataset_path" in overrides else snapshot

    def _load_full_config(self, entry: Any, overrides: Json | None = None) -> Any:
        config = super()._load_full_config(entry, overrides)
        if entry.yaml_path and config.get("dataset_kwargs"):
            config["dataset_kwargs"] = _located(config["dataset_kwargs"], Path(entry.yaml_path).parent)
        return config

    def _build_task(self, entry: Any, overrides: Json | None) -> Any:
        try:
            given = self._given(entry, overrides)
            return super()._build_task(entry, {**(overrides or {}), **given, **self._overrides})
        except AdapterFailed:
            raise
        except Exception as error:
            raise _failure(self._load_full_config(entry, overrides), error) from error

    def _given(self, entry: Any, overrides: Json | None) -> Json:
        """Return what points a task to the snapshot."""
        if self._snapshot is None:
            return {}
        return from_snapshot(self._load_full_config(entry, overrides), self._snapshot)


def data_files(task: ConfigurableTask) -> tuple[Path, ...]:
    """Return the local files that a task reads, sorted; none when its data is from elsewhere."""
    files = (task.config.dataset_kwargs or {}).get("data_files")
    paths = [Path(name) for name in _names(files) if isinstance(name, str)]
    return tuple(sorted(paths)) if paths and all(path.is_file() for path in paths) else ()


def _located(kwargs: Json, directory: Path) -> Json:
    """Make relative `data_files` absolute where the file lies beside what names it."""
    if "data_files" not in kwargs:
        return kwargs
    return {**kwargs, "data_files": _each(kwargs["data_files"], directory)}


def _each(files: Any, directory: Path) -> Any:
    if isinstance(files, dict):
        return {split: _each(value, directory) for split, value in files.items()}
    if isinstance(files, (list, tuple)):
        return [_each(value, directory) for value in files]
    beside = directory / str(files)
    return str(beside.resolve()) if isinstance(files, str) and beside.exists() else files


def _names(files: Any) -> Iterator[Any]:
    values = files.values() if isinstance(files, dict) else files if isinstance(files, (list, tuple)) else [files]
    for value in values:
        if isinstance(value, (list, tuple, dict)):
            yield from _names(value)
        else:
            yield value


def _failure(config: Json, error: Exception) -> AdapterFailed:
    """Say that data is missing where that is what happened, else that the task file is broken."""
    task, data = config.get("task"), config.get("dataset_path")
    words = f"{type(error).__name__}: {(str(error).strip().splitlines() or [''])[0][:300]}"
    if isinstance(error, (OSError, ConnectionError)) or type(error).__module__.startswith(
        ("datasets", "huggingface_hub")
    ):
        name = f"{data} ({config['dataset_name']})" if config.get("dataset_name") else data
        return AdapterFailed(
            f"The data set {name!r} of the task {task!r} could not be loaded: {words}",
            remedy="Give the job network access to it, fill the data library's cache beforehand, "
            "or point the parameter dataset_path at a copy.",
        )
    return AdapterFailed(f"The task {task!r} could not be built: {words}", remedy="See the attempt's log.")
