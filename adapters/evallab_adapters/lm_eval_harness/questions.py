"""A benchmark's questions: one per document, with the harness's requests for it and what was answered. For `adapter`.

Documents are taken from the start of a task and never picked: the harness draws few-shot examples one after the other
from one generator, so only a prefix has the same prompts as the whole.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from evallab.adapter.answer import Answer
from evallab.adapter.client import OnAnswer
from evallab.adapter.interface import ReportProgress
from evallab_adapters.lm_eval_harness.loading import Loaded
from evallab_adapters.lm_eval_harness.model import Answering, Asked
from evallab_adapters.lm_eval_harness.parameters import Parameters


@dataclass
class Question:
    """One document of one task. `number` is unique within the benchmark, `doc_id` within the task."""

    task: str
    doc_id: int
    number: int
    instances: list[Any]
    answers: list[Answer] = field(default_factory=list)  #: in the order of instances, then repeats

    @property
    def error(self) -> Answer | None:
        """Return the answer that is missing, if one is: the question then counts as not answered."""
        return next((answer for answer in self.answers if answer.error is not None), None)

    @property
    def doc(self) -> Any:
        """Return the document."""
        return self.instances[0].doc


def build(loaded: Loaded, lm: Answering, parameters: Parameters) -> list[Question]:
    """Let the harness build every prompt."""
    questions: list[Question] = []
    for name, task in loaded.tasks.items():
        task.build_all_requests(
            limit=_size(task, parameters.limit),
            system_instruction=parameters.system_instruction,
            apply_chat_template=bool(parameters.apply_chat_template),
            fewshot_as_multiturn=parameters.fewshot_as_multiturn,
            chat_template=lm.apply_chat_template if parameters.apply_chat_template else None,
            tokenizer_name=lm.tokenizer_name,
        )
        questions += _of_task(name, task, len(questions))
    return questions


def ask(questions: Sequence[Question], lm: Answering, report: ReportProgress) -> None:
    """Ask every request of every question, kind by kind, and keep the answers with their questions."""
    for question in questions:
        question.answers = []
    progress = _Progress(questions, report)
    kinds = dict.fromkeys(str(instance.request_type) for question in questions for instance in question.instances)
    for kind in kinds:
        asked = [(question, each) for question in questions for each in _requests(question, kind)]
        answers = lm.replies(kind, [each for _, each in asked], progress.watch([question for question, _ in asked]))
        for (question, _), answer in zip(asked, answers, strict=True):
            question.answers.append(answer)


def _requests(question: Question, kind: str) -> Iterator[Asked]:
    for instance in question.instances:
        if instance.request_type == kind:
            yield from (Asked(instance, repeat) for repeat in range(instance.repeats or 1))


def _of_task(name: str, task: Any, first: int) -> list[Question]:
    by_doc: dict[int, list[Any]] = defaultdict(list)
    for instance in task.instances:
        by_doc[instance.doc_id].append(instance)
    return [
        Question(name, doc_id, first + position, sorted(instances, key=lambda instance: instance.idx))
        for position, (doc_id, instances) in enumerate(by_doc.items())
    ]


def _size(task: Any, limit: float | None) -> int | None:
    """Read a limit as the harness does: below 1 it is a share of the documents."""
    if limit is None:
        return None
    return math.ceil(len(task.eval_docs) * limit) if limit < 1.0 else int(limit)


class _Progress:
    """Counts questions, not requests: a multiple-choice question is done when all its choices are scored."""

    def __init__(self, questions: Sequence[Question], report: ReportProgress) -> None:
        self._left = {
            question.number: sum(instance.repeats or 1 for instance in question.instances) for question in questions
        }
        self._total = len(questions)
        self._done = 0
        self._report = report
        report(0, self._total)

    def watch(self, asked: Sequence[Question]) -> OnAnswer:
        """Return what notes the answer to the request at a position; `asked` has the question of each."""

        def note(position: int, _answer: Answer) -> None:
            number = asked[position].number
            self._left[number] -= 1
            if self._left[number] == 0:
                self._done += 1
                self._report(self._done, self._total)

        return note
