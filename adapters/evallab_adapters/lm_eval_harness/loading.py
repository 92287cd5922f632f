"""From a benchmark's name to tasks of the harness that are ready to build prompts. Used by `adapter`.

Does what the harness's own `simple_evaluate` does before it asks, except that only the needed folders are indexed and
that file names inside task files start where the task file lies.
"""

import functools
import logging
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import evallab_adapters
from evallab.api.contract import JobSpec, Json
from evallab.api.errors import AdapterFailed, EvallabError
from evallab_adapters.lm_eval_harness import task_index
from evallab_adapters.lm_eval_harness.overlay import OverlayFactory, overrides_of
from evallab_adapters.lm_eval_harness.parameters import Parameters, resolve

_LOG = logging.getLogger("evallab.adapter")
_DEMO = Path(evallab_adapters.__path__[0]) / "demo_tasks"
DEFAULT_SEED = 1234


@dataclass(frozen=True)
class Loaded:
    """The tasks of a benchmark by name, in the harness's order; `group` is set when the benchmark is a group."""

    benchmark: str
    tasks: dict[str, Any]
    group: Any = None
    warnings: tuple[str, ...] = ()


def load(spec: JobSpec, parameters: Parameters) -> Loaded:
    """Load a task, a group or a tag, and apply the job's parameters to it."""
    _cache_templates()
    seed(spec.evallab.seed)
    name = spec.benchmark_id
    manager = _task_manager(name, spec, parameters)
    found = _build(manager, name)
    tasks = found["tasks"]
    _refuse_unsafe(tasks)
    warnings = [warning for task in tasks.values() for warning in _apply(task, parameters, spec)]
    return Loaded(name, tasks, found.get("groups", {}).get(name), tuple(dict.fromkeys(warnings)))


def seed(number: int) -> None:
    """Seed what tasks may draw from as the stock harness does (its default for `random` is 0, for the rest 1234)."""
    import numpy

    random.seed(0 if number == DEFAULT_SEED else number)
    numpy.random.seed(number)


def _cache_templates() -> None:
    """The harness compiles a task's templates anew for every document; cached, prompts are the same and 20× faster."""
    from lm_eval import utils

    if not hasattr(utils.env.from_string, "cache_info"):
        utils.env.from_string = functools.lru_cache(4096)(utils.env.from_string)


def _task_manager(name: str, spec: JobSpec, parameters: Parameters) -> Any:
    from lm_eval.tasks import TaskManager

    own = [_existing(resolve(path, spec)) for path in parameters.include_path]
    mine = _names_in([_DEMO, *own])
    wanted = {name, *(member for entry in mine.values() for member in _members(entry))}
    stock = task_index.folders(wanted - mine.keys())
    everything = not stock and name not in mine and not task_index.matches_installed()
    paths = [*_outermost(stock), _DEMO, *own]
    metadata = parameters.metadata or None
    manager = TaskManager(include_path=[*paths], include_defaults=everything, metadata=metadata)
    if name not in manager.task_index:
        raise _unknown(name, mine)
    manager._factory = OverlayFactory(
        meta=metadata, overrides=overrides_of(spec, parameters), snapshot=spec.evallab.test_data
    )
    return manager


def _existing(path: Path) -> Path:
    if not path.is_dir():
        raise AdapterFailed(
            f"The include_path {path} is not a directory.", remedy="Name the folder of your task files."
        )
    return path


def _names_in(directories: Iterable[Path]) -> dict[str, Any]:
    from lm_eval.tasks._index import TaskIndex

    return dict(TaskIndex.build(directories))


def _members(entry: Any) -> Iterator[str]:
    listed = (entry.cfg or {}).get("task")
    for item in listed if isinstance(listed, list) else []:
        yield item if isinstance(item, str) else str(item.get("task") or item.get("group"))


def _outermost(stock: Iterable[str]) -> list[Path]:
    """Return the folders without those inside others of them: the harness reads folders recursively."""
    import lm_eval.tasks

    root = Path(lm_eval.tasks.__path__[0])
    paths: list[Path] = []
    for folder in sorted(stock):
        path = root / folder
        if not any(outer in path.parents for outer in paths):
            paths.append(path)
    return paths


def _unknown(name: str, mine: Iterable[str]) -> AdapterFailed:
    near = get_close_matches(name, [*mine, *task_index.known_names()], n=3)
    guess = f"Did you mean {', '.join(map(repr, near))}?" if near else "Set include_path to the folder that defines it."
    return AdapterFailed(f"lm-evaluation-harness has no task or group {name!r}.", remedy=guess)


def _build(manager: Any, name: str) -> Any:
    try:
        return manager.load([name])
    except EvallabError:
        raise
    except Exception as error:
        raise AdapterFailed(
            f"The task {name!r} could not be built: {type(error).__name__}: {_first_line(error)}",
            remedy="See the attempt's log for the traceback.",
        ) from error


def _refuse_unsafe(tasks: dict[str, Any]) -> None:
    for name, task in tasks.items():
        if getattr(task, "UNSAFE_CODE", False):
            raise AdapterFailed(
                f"The task {name!r} runs model-written code inside the harness's own process, without a sandbox.",
                remedy="Use evallab's code benchmarks, which have one.",
            )
        if getattr(task, "MULTIMODAL", False):
            raise AdapterFailed(f"The task {name!r} needs images or audio, which this adapter does not send.")


def _apply(task: Any, parameters: Parameters, spec: JobSpec) -> Iterator[str]:
    """Apply the job's parameters to a task, by the harness's rules; yield what could not be honoured."""
    if task.get_config("output_type") == "generate_until":
        task.set_config("generation_kwargs", _generation(parameters, spec), update=True)
        if parameters.max_gen_toks is not None:
            task.get_config("generation_kwargs").pop("max_tokens", None)
    fixed = task.get_config("num_fewshot")
    if parameters.num_fewshot is None or fixed == 0:
        task.set_config("num_fewshot", fixed or 0)
        if parameters.num_fewshot:
            yield f"{task.task_name} is defined with 0 examples; num_fewshot={parameters.num_fewshot} was not applied."
    else:
        task.set_config("num_fewshot", parameters.num_fewshot)
    task.set_fewshot_seed(seed=spec.evallab.seed)


def _generation(parameters: Parameters, spec: JobSpec) -> Json:
    given = dict(parameters.gen_kwargs)
    if spec.evallab.temperature is not None:
        given |= {"temperature": spec.evallab.temperature, "do_sample": spec.evallab.temperature > 0}
    if parameters.max_gen_toks is not None:
        given["max_gen_toks"] = parameters.max_gen_toks
    return given


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [""])[0][:500]
