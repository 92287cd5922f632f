"""Answers to values, by the harness's own filters, metrics and aggregations. Used by `adapter`, before `aggregates`.

A question without an answer takes part in nothing: it is missing data, and every aggregate is over what was answered.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from evallab.adapter.answer import PASSING
from evallab.api.errors import AdapterFailed, ModelServerFailed
from evallab_adapters.lm_eval_harness.model import value
from evallab_adapters.lm_eval_harness.primary import Key
from evallab_adapters.lm_eval_harness.questions import Question


@dataclass
class TaskScores:
    """One task: its aggregates, and per question what each metric and filter made of the answer."""

    name: str
    task: Any
    answered: int
    metrics: dict[str, Any] = field(default_factory=dict)  #: the harness's own form: "metric,filter" → value
    keys: tuple[Key, ...] = ()  #: in the harness's order
    values: dict[int, dict[Key, Any]] = field(default_factory=dict)  #: by question number
    filtered: dict[int, dict[str, Any]] = field(default_factory=dict)

    def is_mean(self, metric: str) -> bool:
        """Whether the aggregate is the mean of one number per question."""
        from lm_eval.api.metrics import mean

        numbers = (self.values[number].get(key) for number in self.values for key in self.keys if key[0] == metric)
        plain = all(isinstance(each, (int, float)) or hasattr(each, "item") for each in numbers if each is not None)
        return plain and self.task.aggregation().get(metric, mean) is mean


def score_tasks(tasks: dict[str, Any], questions: Sequence[Question]) -> list[TaskScores]:
    """Score each task over its answered questions."""
    answered = [question for question in questions if question.error is None]
    if not answered:
        first = next(question.error for question in questions if question.error)
        kind = ModelServerFailed if first and first.error_kind in PASSING else AdapterFailed
        raise kind(
            f"None of the {len(questions)} questions was answered. The first error: {first.error if first else ''}",
            remedy="See the model server's log.",
        )
    return [
        _score(name, tasks[name], list(group)) for name, group in groupby(answered, key=lambda question: question.task)
    ]


def _score(name: str, task: Any, questions: list[Question]) -> TaskScores:
    _give_responses(questions)
    task._instances = [instance for question in questions for instance in question.instances]
    task.apply_filters()
    scores = TaskScores(name, task, len(questions))
    raw: dict[Key, list[Any]] = defaultdict(list)
    for filter_name in task._instances[0].filtered_resps:
        for question in questions:
            results = [instance.filtered_resps[filter_name] for instance in question.instances]
            scores.filtered.setdefault(question.number, {})[filter_name] = results[0] if len(results) == 1 else results
            for metric, each in _processed(task, question, results).items():
                raw[metric, filter_name].append(each)
                scores.values.setdefault(question.number, {})[metric, filter_name] = each
    scores.keys = tuple(raw)
    scores.metrics = _aggregated(name, task, raw)
    return scores


def _give_responses(questions: Sequence[Question]) -> None:
    """Hand each request of the harness its answers, once for each repeat."""
    for question in questions:
        for instance in question.instances:
            instance.resps = []
        answers = iter(question.answers)
        for instance in question.instances:
            repeats = range(instance.repeats or 1)
            instance.resps = [value(str(instance.request_type), next(answers)) for _ in repeats]


def _processed(task: Any, question: Question, results: list[Any]) -> dict[str, Any]:
    try:
        return dict(task.process_results(question.doc, results))
    except Exception as error:
        raise AdapterFailed(
            f"The scoring of the task {question.task!r} failed on document {question.doc_id}: "
            f"{type(error).__name__}: {error}",
            remedy="The task's own code failed; its traceback is in the attempt's log. The answers are kept.",
        ) from error


def _aggregated(name: str, task: Any, raw: dict[Key, list[Any]]) -> dict[str, Any]:
    """Aggregate as the harness does, without its bootstrap: intervals are computed from the samples, elsewhere."""
    from lm_eval.evaluator_utils import _compute_task_aggregations

    metrics, size = _compute_task_aggregations(task, raw, 0)
    return {"name": name, "alias": name, "sample_len": size, **metrics}
