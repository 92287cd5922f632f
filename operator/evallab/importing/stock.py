"""The files that the stock lm-evaluation-harness writes: `results_TIME.json` and `samples_TASK_TIME.jsonl` beside it.

One `Run` is one results file. Nothing is computed here; `conversion` asks for what it needs.
"""

import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from evallab.api.errors import NotFound, UsageError

Json = dict[str, Any]
_HIDDEN = ("key", "token", "secret", "password")


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run of the stock harness: its results, and its samples by task (none where they were not logged)."""

    file: Path
    results: Json
    samples: Mapping[str, Path]

    @cached_property
    def sha256(self) -> Mapping[str, str]:
        """Name → digest of every file it was read from."""
        files = [self.file, *self.samples.values()]
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    @cached_property
    def id(self) -> str:
        """The id its job has: it follows from the content of the files, so importing them again changes nothing."""
        named = {self.file.name: "results", **{path.name: task for task, path in self.samples.items()}}
        whole = "\n".join(sorted(f"{named[name]} {digest}" for name, digest in self.sha256.items()))
        return str(uuid.UUID(bytes=hashlib.sha256(whole.encode()).digest()[:16]))

    @property
    def model(self) -> str:
        """The model as the harness named it."""
        named = self.results.get("model_name") or self.model_args.get("model") or self.model_args.get("pretrained")
        return str(named or self.config.get("model") or "unknown")

    @property
    def config(self) -> Json:
        """How the harness was called."""
        return self.results.get("config") or {}

    @property
    def model_args(self) -> Json:
        """The arguments of its model class, without what looks like a secret."""
        given = self.config.get("model_args") or {}
        pairs = given if isinstance(given, dict) else dict(part.partition("=")[::2] for part in str(given).split(","))
        return {str(name): "hidden" if _is_secret(str(name)) else value for name, value in pairs.items()}

    @property
    def started_at(self) -> datetime:
        """When it began; when its file was written where it does not say."""
        said = self.results.get("date")
        return datetime.fromtimestamp(float(said) if said else self.file.stat().st_mtime, UTC)

    @property
    def finished_at(self) -> datetime:
        """When it ended, as far as it is known."""
        try:
            took = float(self.results.get("total_evaluation_time_seconds") or 0)
        except ValueError:
            took = 0
        return self.started_at + timedelta(seconds=took)

    @property
    def benchmarks(self) -> tuple[str, ...]:
        """The tasks and groups that were asked for: those that have scores and are no part of another."""
        subtasks = self.results.get("group_subtasks") or {}
        scored = [name for name in self.results["results"] if self.scores(name)]
        inner = {leaf for name in scored for leaf in subtasks.get(name, ())}
        return tuple(name for name in scored if name not in inner)

    def tasks(self, benchmark: str) -> tuple[str, ...]:
        """Return the tasks of a benchmark: of a group its leaves, else itself."""
        subtasks = (self.results.get("group_subtasks") or {}).get(benchmark)
        if not subtasks:
            return (benchmark,)
        return tuple(dict.fromkeys(leaf for part in subtasks for leaf in self.tasks(part)))

    def scores(self, name: str) -> dict[tuple[str, str], float]:
        """Return the scores of a task or group by (metric, filter), in the harness's order; only numbers."""
        found = {**self.results["results"].get(name, {}), **(self.results.get("groups") or {}).get(name, {})}
        named = {key: value for key, value in found.items() if "," in key and "_stderr," not in key}
        pairs = {tuple(key.rsplit(",", 1)): value for key, value in named.items()}
        return {(key[0], key[1]): float(value) for key, value in pairs.items() if _is_number(value)}

    def stderr(self, name: str, metric: str, filter_: str) -> float | None:
        """Return the standard error the harness gives, if it gives one."""
        found = self.results["results"].get(name, {}).get(f"{metric}_stderr,{filter_}")
        return float(found) if _is_number(found) else None

    def higher_is_better(self, name: str, metric: str) -> bool:
        """Return the direction of a metric; up where it is not said."""
        return (self.results.get("higher_is_better") or {}).get(name, {}).get(metric) is not False


def find(folder: Path) -> list[Run]:
    """Return the runs below a folder (or of one results file), oldest first. Raises NotFound where there is none."""
    files = [folder] if folder.is_file() else sorted(folder.rglob("results_*.json"))
    if not files:
        remedy = (
            "Give the folder that was --output_path: it holds results_*.json, and samples_*.jsonl with --log_samples."
        )
        raise NotFound(f"There are no results of lm-evaluation-harness in {folder}.", remedy=remedy)
    return sorted((read(path) for path in files), key=lambda run: (run.started_at, run.file.name))


def read(path: Path) -> Run:
    """Read a results file and find its samples. Raises UsageError for a file that is something else."""
    try:
        results = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read: {error}.") from error
    if not isinstance(results, dict) or not isinstance(results.get("results"), dict):
        raise UsageError(f"{path} holds no results of lm-evaluation-harness: the field `results` is missing.")
    stamp = path.stem.removeprefix("results_")
    found = {name: path.with_name(f"samples_{name}_{stamp}.jsonl") for name in results["results"]}
    return Run(file=path, results=results, samples={name: file for name, file in found.items() if file.is_file()})


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < float("inf")


def _is_secret(name: str) -> bool:
    return any(word in name.lower() for word in _HIDDEN)
