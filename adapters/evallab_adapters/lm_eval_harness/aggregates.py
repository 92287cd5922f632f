"""Values to the scores of the benchmark, groups included. Used by `adapter` after `scoring`.

Of a group, the group's own aggregates are named `metric`; those of its subgroups and tasks `name/metric`. A sample
carries its value under each of these names, so that a mean can be computed again from the samples.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from evallab.api.contract import ScoreValue
from evallab_adapters.lm_eval_harness.loading import Loaded
from evallab_adapters.lm_eval_harness.primary import Primary, choose
from evallab_adapters.lm_eval_harness.scoring import TaskScores


def scores_of(
    loaded: Loaded, tasks: Sequence[TaskScores], asked: str | None
) -> tuple[list[ScoreValue], Primary | None]:
    """Return every score, the primary one marked, and who chose it."""
    scores = list(_scores(loaded, tasks))
    own = [(score.metric, score.filter) for score in scores if "/" not in score.metric]
    primary = choose(loaded.benchmark, own, asked)
    chosen = (primary.metric, primary.filter) if primary else None
    return [score.model_copy(update={"primary": (score.metric, score.filter) == chosen}) for score in scores], primary


def prefixes(loaded: Loaded, task: str) -> tuple[str, ...]:
    """Return what stands before a metric's name in the samples of a task: nothing, and the groups it counts for."""
    if not _is_many(loaded):
        return ("",)
    groups = [group.name for group in _subgroups(loaded) if task in _leaves(group) and group.has_aggregation]
    return (*([""] if loaded.group is not None else []), *(f"{name}/" for name in (*groups, task)))


def _scores(loaded: Loaded, tasks: Sequence[TaskScores]) -> Iterator[ScoreValue]:
    by_name = {scores.name: scores for scores in tasks}
    if loaded.group is not None:
        yield from _of_group(loaded.group, "", by_name)
    for group in _subgroups(loaded):
        yield from _of_group(group, f"{group.name}/", by_name)
    for scores in tasks:
        yield from _of_task(scores, f"{scores.name}/" if _is_many(loaded) else "")


def _of_task(scores: TaskScores, prefix: str) -> Iterator[ScoreValue]:
    directions = scores.task.higher_is_better()
    for metric, name in scores.keys:
        if (number := _number(scores.metrics[f"{metric},{name}"])) is not None:
            yield ScoreValue(
                metric=prefix + metric,
                filter=name,
                value=number,
                higher_is_better=directions.get(metric) is not False,
                kind="mean" if scores.is_mean(metric) else "corpus",
                n=sum((metric, name) in values for values in scores.values.values()),
            )


def _of_group(group: Any, prefix: str, tasks: Mapping[str, TaskScores]) -> Iterator[ScoreValue]:
    """Aggregate a group over its tasks. It is a mean of its samples only if larger tasks weigh more."""
    if not group.has_aggregation:
        return
    aggregated = group.aggregate({name: scores.metrics for name, scores in tasks.items()})
    weighted = {config.metric: bool(config.weight_by_size) for config in group.aggregate_metric_list}
    for key, n in aggregated.get("sample_count", {}).items():
        metric, _, name = key.rpartition(",")
        number = _number(aggregated[key])
        members = [tasks[leaf] for leaf in _leaves(group) if leaf in tasks and key in tasks[leaf].metrics]
        if number is None or not members:
            continue
        mean = weighted.get(metric, False) and all(member.is_mean(metric) for member in members)
        yield ScoreValue(
            metric=prefix + metric,
            filter=name,
            value=number,
            higher_is_better=members[0].task.higher_is_better().get(metric) is not False,
            kind="mean" if mean else "corpus",
            n=n,
        )


def _is_many(loaded: Loaded) -> bool:
    return loaded.group is not None or len(loaded.tasks) > 1


def _subgroups(loaded: Loaded) -> list[Any]:
    return list(loaded.group.get_all_groups()) if loaded.group is not None else []


def _leaves(group: Any) -> list[str]:
    return [task.task_name for task in group.get_all_tasks()]


def _number(value: Any) -> float | None:
    """Return a finite number, or None: what is not one is not a score."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None
