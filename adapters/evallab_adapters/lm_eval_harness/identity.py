"""What was asked, as a value: `Result.question`, which is hashed into the question key. Used by `adapter`.

Only what changes the question is in it. The model's template, its tokenizer and the server are what answered.
"""

import hashlib
import inspect
import json
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from itertools import groupby
from typing import Any

from evallab.api.contract import JobSpec, Json
from evallab_adapters.lm_eval_harness.loading import Loaded
from evallab_adapters.lm_eval_harness.overlay import data_files
from evallab_adapters.lm_eval_harness.parameters import Parameters
from evallab_adapters.lm_eval_harness.payloads import budget
from evallab_adapters.lm_eval_harness.questions import Question
from evallab_adapters.lm_eval_harness.rows import doc_hash, prompt_hash, sha256, target

_SCORING = (
    "output_type",
    "filter_list",
    "metric_list",
    "process_results",
    "repeats",
    "doc_to_choice",
    "target_delimiter",
)


def question(loaded: Loaded, questions: Sequence[Question], parameters: Parameters, spec: JobSpec) -> Json:
    """Return everything that makes two scores answers to the same questions."""
    tasks = [
        _task(name, loaded.tasks[name], list(group), spec)
        for name, group in groupby(questions, key=lambda each: each.task)
    ]
    return {
        "benchmark": loaded.benchmark,
        "harness": {"name": "lm-eval", "version": version("lm-eval")},
        "limit": _limit(loaded, questions, parameters),
        "n": len(questions),
        "chat_template": bool(parameters.apply_chat_template),
        "fewshot_as_multiturn": parameters.fewshot_as_multiturn if parameters.apply_chat_template else None,
        "system_instruction_sha256": sha256(parameters.system_instruction) if parameters.system_instruction else None,
        "aggregation": _plain(loaded.group.aggregate_metric_list) if loaded.group is not None else None,
        "dataset": _all_data(loaded.benchmark, tasks),
        "tasks": tasks,
    }


def _limit(loaded: Loaded, questions: Sequence[Question], parameters: Parameters) -> float | None:
    """Return the limit, unless everything was asked anyway."""
    everything = sum(len(task.eval_docs) for task in loaded.tasks.values())
    return parameters.limit if len(questions) < everything else None


def _task(name: str, task: Any, questions: Sequence[Question], spec: JobSpec) -> Json:
    shots = int(task.get_config("num_fewshot") or 0)
    hashes = [doc_hash(each) + prompt_hash(each) + sha256(target(each, task)) for each in questions]
    return {
        "task": name,
        "version": str(task.VERSION),
        "n": len(questions),
        "task_hash": sha256("".join(hashes)),
        "dataset": _dataset(task, questions),
        "num_fewshot": shots,
        "fewshot_seed": spec.evallab.seed if shots else None,
        "output_type": str(task.OUTPUT_TYPE),
        "metrics": _metrics(task),
        "scoring_sha256": _digest({key: task.get_config(key) for key in _SCORING}),
        "generation": _generation(task, spec) if task.OUTPUT_TYPE == "generate_until" else None,
    }


def _metrics(task: Any) -> list[Json]:
    better = task.higher_is_better()
    return [
        {"metric": metric, "aggregation": _name(how), "higher_is_better": better.get(metric)}
        for metric, how in task.aggregation().items()
    ]


def _generation(task: Any, spec: JobSpec) -> Json:
    kwargs = dict(task.get_config("generation_kwargs") or {})
    temperature = float(kwargs.get("temperature") or 0.0)
    rest = {key: value for key, value in kwargs.items() if key not in {"max_gen_toks", "max_tokens", "do_sample"}}
    seed = spec.evallab.seed if temperature > 0 else None
    return {**_plain(rest), "max_gen_toks": budget(kwargs), "temperature": temperature, "seed": seed}


def _dataset(task: Any, questions: Sequence[Question]) -> Json:
    """Fingerprint the data: the files where they are local, else the documents that were asked."""
    if files := data_files(task):
        digests = sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in files)
        return {"fingerprint": sha256("".join(digests)), "of": "files"}
    return {"fingerprint": sha256("".join(doc_hash(each) for each in questions)), "of": "documents"}


def _all_data(benchmark: str, tasks: Sequence[Json]) -> Json:
    """Name the data of the benchmark: of one task its fingerprint, of several the hash of theirs."""
    prints = [task["dataset"]["fingerprint"] for task in tasks]
    kinds = sorted({task["dataset"]["of"] for task in tasks})
    return {
        "name": benchmark,
        "fingerprint": prints[0] if len(prints) == 1 else sha256("".join(prints)),
        "of": " and ".join(kinds),
    }


def _digest(config: Mapping[str, Any]) -> str:
    return sha256(json.dumps(_plain(config), sort_keys=True))


def _plain(value: Any) -> Any:
    """Return a value without objects: functions as their source, so that an edited metric is another question."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    if hasattr(value, "__dataclass_fields__"):
        return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
    return _source(value)


def _source(value: Any) -> str:
    try:
        return inspect.getsource(value)
    except (TypeError, OSError):
        return _name(value)


def _name(value: Any) -> str:
    return str(getattr(value, "__qualname__", None) or type(value).__qualname__)
