"""What an imported run asked, as a value that is hashed into its question key. Used by `conversion`.

It is made of what the files say, and says so (`source`): a native job knows more (how the harness scored, which files
the data came from), so the keys of the two are never equal. Two imported runs are comparable when theirs are.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from evallab.importing.samples import digest_of
from evallab.importing.stock import Run
from evallab.planning.keys import digest

Json = dict[str, Any]
Documents = Mapping[str, list[list[Json]]]  #: task to its documents, each with its rows

_SCORING = (
    "output_type",
    "filter_list",
    "metric_list",
    "process_results",
    "repeats",
    "generation_kwargs",
    "doc_to_choice",
)
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")


def question(run: Run, benchmark: str, documents: Documents) -> Json:
    """Return everything the files say about what was asked; {} where samples are missing, which identify questions."""
    tasks = run.tasks(benchmark)
    if any(task not in documents for task in tasks):
        return {}
    return {
        "source": "files of the stock harness",
        "benchmark": benchmark,
        "harness": {"name": "lm-eval", "version": run.results.get("lm_eval_version")},
        "limit": limit(run, tasks),
        "n": sum(len(documents[task]) for task in tasks),
        "system_instruction_sha256": run.results.get("system_instruction_sha"),
        "gen_kwargs": run.config.get("gen_kwargs"),
        "dataset": {"name": benchmark, "fingerprint": _hash(documents, tasks, ("doc_hash",)), "of": "documents"},
        "tasks": [_task(run, task, documents) for task in tasks],
    }


def limit(run: Run, tasks: tuple[str, ...]) -> Any:
    """Return the limit, unless everything was asked anyway."""
    counts = [(run.results.get("n-samples") or {}).get(task) or {} for task in tasks]
    if counts and all(count.get("original") == count.get("effective") is not None for count in counts):
        return None
    return run.config.get("limit")


def _task(run: Run, task: str, documents: Documents) -> Json:
    config = (run.results.get("configs") or {}).get(task) or {}
    shots = (run.results.get("n-shot") or {}).get(task)
    scoring = {key: config.get(key) for key in _SCORING}
    return {
        "task": task,
        "version": (run.results.get("versions") or {}).get(task),
        "n": len(documents[task]),
        "task_hash": _hash(documents, (task,), ("doc_hash", "prompt_hash", "target_hash")),
        "num_fewshot": shots,
        "fewshot_seed": run.config.get("fewshot_seed") if shots else None,
        "scoring_sha256": digest(_without_addresses(scoring)),
        "higher_is_better": (run.results.get("higher_is_better") or {}).get(task),
        "filters": sorted({str(row.get("filter")) for rows in documents[task] for row in rows}),
    }


def _without_addresses(value: Any) -> Any:
    """Where the harness printed an object, leave out where it lay in memory."""
    if isinstance(value, dict):
        return {key: _without_addresses(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_without_addresses(each) for each in value]
    return _ADDRESS.sub("", value) if isinstance(value, str) else value


def _hash(documents: Documents, tasks: tuple[str, ...], names: tuple[str, ...]) -> str:
    """Hash the hashes of all documents, one row each: recomputed, because the harness counts a row per filter."""
    firsts = (rows[0] for task in tasks for rows in documents[task])
    parts = (digest_of(row, name, row.get(name.removesuffix("_hash"))) for row in firsts for name in names)
    return hashlib.sha256("".join(parts).encode()).hexdigest()
