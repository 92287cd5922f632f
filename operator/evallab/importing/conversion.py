"""From a run of the stock harness to what an attempt of ours leaves: a result file and samples. For `evallab import`.

Intervals are computed by whoever records it, from the samples, as for every job. Whether a score is a mean of its
samples is found by computing it again, not believed.
"""

import json
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from evallab.api.contract import SAMPLES_FILE, Counts, Result, Sample, ScoreValue
from evallab.importing.question import Json, question
from evallab.importing.samples import documents, sample
from evallab.importing.stock import Run

UNKNOWN = (
    "infrastructure errors (the stock harness counts lost answers as wrong)",
    "token counts", "latencies", "finish reasons",
)  # fmt: skip
UNKNOWN_OF_JOB = ("weights", "model server and its version", "hardware", "packages", "commit of custom tasks")


def leave(run: Run, benchmark: str, folder: Path) -> Path:
    """Write result file and samples of a benchmark as an attempt would, below `folder`; return the result file."""
    tasks = run.tasks(benchmark)
    found = {task: documents(run.samples[task]) for task in tasks if task in run.samples}
    samples = list(_samples(tasks, found, grouped=tasks != (benchmark,)))
    with (folder / SAMPLES_FILE).open("w", encoding="utf-8") as lines:
        lines.writelines(f"{each.model_dump_json()}\n" for each in samples)
    complete = bool(samples) and len(found) == len(tasks)
    result = Result(
        status="completed",
        scores=tuple(_scores(run, benchmark, tasks, samples if complete else [])),
        counts=_counts(run, tasks, samples),
        question=question(run, benchmark, found),
        samples=SAMPLES_FILE if samples else None,
        provenance=_provenance(run, tasks),
    )
    path = folder / "result.json"
    path.write_text(result.model_dump_json(), encoding="utf-8")
    return path


def job_provenance(run: Run, *, importer: str | None) -> Json:
    """Return the record of the whole job: from which files, and what they do not say."""
    asked = {name: value for name, value in run.config.items() if name != "model_args"}
    return {
        "imported": {
            "harness": "lm-evaluation-harness",
            "lm_eval_version": run.results.get("lm_eval_version"),
            "files": dict(run.sha256),
            "importer": importer,
        },
        "model": {"name": run.model, "url": run.model_args.get("base_url"), "source": run.results.get("model_source")},
        "model_args": run.model_args,
        "config": json.loads(json.dumps(asked, default=str)),
        "unknown": list(UNKNOWN_OF_JOB),
    }


def _samples(tasks: Sequence[str], found: dict[str, list[list[Json]]], *, grouped: bool) -> Iterator[Sample]:
    """Yield the samples of all tasks; those of a group are numbered through, as native ones are."""
    number = 0
    for task in tasks:
        for rows in found.get(task, ()):
            prefixes = ("", f"{task}/") if grouped else ("",)
            yield sample(rows, doc_id=number if grouped else int(rows[0]["doc_id"]), prefixes=prefixes)
            number += 1


def _scores(run: Run, benchmark: str, tasks: Sequence[str], samples: Sequence[Sample]) -> Iterator[ScoreValue]:
    means = _means(samples)
    named = [(benchmark, "")] + [(task, f"{task}/") for task in tasks if task != benchmark]
    for name, prefix in named:
        for (metric, filter_), value in run.scores(name).items():
            mean, n = means.get(f"{prefix}{metric},{filter_}", (math.nan, None))
            yield ScoreValue(
                metric=prefix + metric,
                filter=filter_,
                value=value,
                stderr=run.stderr(name, metric, filter_),
                higher_is_better=run.higher_is_better(name, metric),
                kind="mean" if not samples or math.isclose(mean, value, rel_tol=1e-9, abs_tol=1e-12) else "corpus",
                n=n,
            )


def _means(samples: Sequence[Sample]) -> dict[str, tuple[float, int]]:
    values: dict[str, list[float]] = defaultdict(list)
    for each in samples:
        for name, value in each.scores.items():
            if value is not None:
                values[name].append(value)
    return {name: (math.fsum(found) / len(found), len(found)) for name, found in values.items()}


def _counts(run: Run, tasks: Sequence[str], samples: Sequence[Sample]) -> Counts:
    told = [(run.results.get("n-samples") or {}).get(task, {}).get("effective") or 0 for task in tasks]
    n = len(samples) or sum(map(int, told))
    return Counts(total=n, answered=n)


def _provenance(run: Run, tasks: Sequence[str]) -> Json:
    hashes = run.results.get("task_hashes") or {}
    return {
        "harness": {"name": "lm-eval", "version": run.results.get("lm_eval_version")},
        "imported": {"files": dict(run.sha256), "task_hashes": {task: hashes.get(task) for task in tasks}},
        "unknown": list(UNKNOWN),
    }
