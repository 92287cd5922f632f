"""Questions to rows of samples.jsonl: one per document, all filters folded in. Used by `adapter`.

Hashes are the stock harness's own, so that runs can be compared across both; the prompt is kept before templating.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from evallab.api.contract import Sample
from evallab.api.errors import AdapterFailed
from evallab_adapters.lm_eval_harness.prompts import ChatPrompt, asked, messages_json
from evallab_adapters.lm_eval_harness.questions import Question
from evallab_adapters.lm_eval_harness.scoring import TaskScores

LONGEST_CLUSTER = 80  #: characters; a passage itself may be the column


def rows(
    questions: Sequence[Question],
    tasks: Mapping[str, Any],
    scores: Mapping[str, TaskScores],
    names: Mapping[str, tuple[str, ...]],
    *,
    cluster: str | None = None,
) -> Iterator[Sample]:
    """Yield a row per question; `names` has the prefixes of a task's metrics, `cluster` is a column of documents."""
    for question in questions:
        scored = scores.get(question.task)
        row = _row(question, tasks[question.task], scored, names[question.task])
        yield row if cluster is None else row.model_copy(update={"cluster": cluster_of(question, cluster)})


def cluster_of(question: Question, column: str) -> str:
    """Return what a document shares with others: the value of its column, or its hash where that is long.

    Raises AdapterFailed where there is no such column.
    """
    doc = question.doc
    if not isinstance(doc, Mapping) or column not in doc:
        known = ", ".join(map(str, doc)) if isinstance(doc, Mapping) else "none"
        raise AdapterFailed(
            f"The documents of {question.task} have no column {column!r}, which the parameter 'cluster' names.",
            remedy=f"Its columns: {known}.",
        )
    text = str(doc[column])
    return text if len(text) <= LONGEST_CLUSTER else sha256(text)


def doc_hash(question: Question) -> str:
    """Hash the document as the stock harness does."""
    from lm_eval.utils import handle_non_serializable

    return sha256(json.dumps(question.doc, indent=2, default=handle_non_serializable, ensure_ascii=False))


def prompt_hash(question: Question) -> str:
    """Hash the prompt before templating: the same question has the same hash whatever the model's template."""
    first = question.instances[0].arguments[0]
    return sha256(messages_json(first.messages) if isinstance(first, ChatPrompt) else str(first))


def target(question: Question, task: Any) -> str:
    """Return the expected answer as the harness writes it."""
    return str(task.doc_to_target(question.doc))


def sha256(text: str) -> str:
    """Hash a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def _row(question: Question, task: Any, scored: TaskScores | None, names: tuple[str, ...]) -> Sample:
    missing = question.error
    generated = question.instances[0].request_type == "generate_until"
    reasoning = [answer.reasoning for answer in question.answers if answer.reasoning]
    return Sample(
        doc_id=question.number,
        doc_hash=doc_hash(question),
        prompt_hash=prompt_hash(question),
        prompt=_prompt(question),
        target=target(question, task),
        response=None if missing else _response(question, generated=generated),
        reasoning="\n\n".join(reasoning) or None,
        filtered=_filtered(question, scored) if scored and generated else {},
        scores=_values(question, scored, names) if scored else {},
        prompt_tokens=_sum(answer.prompt_tokens for answer in question.answers),
        completion_tokens=_sum(answer.completion_tokens for answer in question.answers),
        latency_ms=_sum(answer.latency_ms for answer in question.answers),
        finish_reason=_finish(question) if generated else None,
        error=missing.error if missing else None,
    )


def _prompt(question: Question) -> Any:
    instances = question.instances
    if instances[0].request_type != "loglikelihood":
        return asked(instances[0].args[0])
    contexts = [asked(instance.args[0]) for instance in instances]
    same = all(context == contexts[0] for context in contexts)
    choices = [str(instance.args[1]) for instance in instances]
    return {"context": contexts[0], "choices": choices} if same else {"contexts": contexts, "choices": choices}


def _response(question: Question, *, generated: bool) -> str:
    """Return the text, or exact JSON: of several texts, or of [log-likelihood, greedy] for each choice."""
    if generated:
        texts = [answer.text for answer in question.answers]
        return str(texts[0]) if len(texts) == 1 else json.dumps(texts, ensure_ascii=False)
    return json.dumps([[answer.logprob, bool(answer.greedy)] for answer in question.answers])


def _filtered(question: Question, scored: TaskScores) -> dict[str, Any]:
    found = scored.filtered.get(question.number, {})
    return {name: json.loads(json.dumps(value, default=str)) for name, value in found.items()}


def _values(question: Question, scored: TaskScores, names: tuple[str, ...]) -> dict[str, float]:
    numbers = {key: _number(value) for key, value in scored.values.get(question.number, {}).items()}
    return {
        f"{prefix}{metric},{name}": number
        for prefix in names
        for (metric, name), number in numbers.items()
        if number is not None
    }


def _number(value: Any) -> float | None:
    if isinstance(value, (bool, int, float)):
        return float(value)
    return float(value.item()) if hasattr(value, "item") and getattr(value, "ndim", 1) == 0 else None


def _finish(question: Question) -> str | None:
    reasons = [answer.finish_reason for answer in question.answers if answer.finish_reason]
    return "length" if "length" in reasons else reasons[0] if reasons else None


def _sum(values: Iterator[Any]) -> Any:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
