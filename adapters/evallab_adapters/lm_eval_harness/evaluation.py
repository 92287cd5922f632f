"""One evaluation with the harness: load, preflight, ask, score. `adapter` imports this late: the harness is heavy."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from evallab.adapter.client import OpenAIClient
from evallab.adapter.interface import ReportProgress, Scored
from evallab.adapter.spool import Spool
from evallab.api.contract import Counts, JobSpec, Json
from evallab.api.errors import AdapterFailed
from evallab_adapters.lm_eval_harness import identity, preflight, questions
from evallab_adapters.lm_eval_harness.aggregates import prefixes, scores_of
from evallab_adapters.lm_eval_harness.asker import Asker, Generation
from evallab_adapters.lm_eval_harness.in_process import InProcessModel
from evallab_adapters.lm_eval_harness.loading import Loaded, load
from evallab_adapters.lm_eval_harness.model import Answering
from evallab_adapters.lm_eval_harness.model_args import refuse_what_does_not_fit
from evallab_adapters.lm_eval_harness.parameters import Parameters
from evallab_adapters.lm_eval_harness.primary import Primary
from evallab_adapters.lm_eval_harness.questions import Question
from evallab_adapters.lm_eval_harness.respondent import Respondent, meet
from evallab_adapters.lm_eval_harness.rows import cluster_of, rows
from evallab_adapters.lm_eval_harness.scoring import TaskScores, score_tasks
from evallab_adapters.lm_eval_harness.server import Server


class Evaluation:
    """The state of one evaluation between its phases."""

    _loaded: Loaded
    _respondent: Respondent | None = None  #: none where the harness loads the model itself
    _lm: Answering
    _answered_by: Json
    _questions: list[Question]

    def __init__(self, spec: JobSpec, parameters: Parameters, runner: asyncio.Runner) -> None:
        """Keep what was asked for."""
        self._spec = spec
        self._parameters = parameters
        self._runner = runner
        self._proof: Json = {}

    def load(self, client: OpenAIClient | None, spool: Spool) -> None:
        """Load the tasks, meet the server or load the model, build the prompts."""
        self._loaded = load(self._spec, self._parameters)
        _refuse_likelihood_over_chat(self._loaded, self._parameters)
        self._meet(client, spool)
        self._questions = questions.build(self._loaded, self._lm, self._parameters)
        if self._parameters.cluster is not None:
            for question in self._questions:
                cluster_of(question, self._parameters.cluster)  # refuses before anything is asked

    def _meet(self, client: OpenAIClient | None, spool: Spool) -> None:
        if client is not None:
            self._respondent = self._runner.run(meet(client, spool, self._spec, self._parameters))
            self._lm, self._answered_by = self._respondent.lm(self._runner), self._respondent.answered_by
        elif (asked := self._spec.evallab.in_process) is not None:
            refuse_what_does_not_fit(self._spec, self._parameters)
            model = InProcessModel(self._spec, asked, self._parameters)
            self._lm, self._answered_by = model, model.answered_by

    def preflight(self) -> None:
        """Prove that the server can answer the kinds of questions there are; a model in this process needs no proof."""
        if self._respondent is None:
            return
        kinds = {str(instance.request_type) for question in self._questions for instance in question.instances}
        asker, server = self._respondent.asker, self._respondent.server
        if kinds - {"generate_until"}:
            proof = preflight.can_score(asker.client, server, asker.tokens, self._spec.model.name)
            self._proof = self._runner.run(proof)
        if "generate_until" in kinds:
            self._runner.run(self._can_generate(asker, server))

    async def _can_generate(self, asker: Asker, server: Server) -> None:
        instances = (instance for question in self._questions for instance in question.instances)
        prompt, gen_kwargs, *_ = next(each.args for each in instances if each.request_type == "generate_until")
        (plan,) = await asker.plan_generation([Generation(prompt=prompt, gen_kwargs=dict(gen_kwargs))])
        if callable(plan):
            await preflight.can_generate(asker.client, server, plan())

    def ask(self, report: ReportProgress) -> None:
        """Ask everything that the spool does not know."""
        questions.ask(self._questions, self._lm, report)

    def score(self) -> Scored:
        """Score what was answered, and say what was asked and what answered."""
        asked = self._questions
        tasks = score_tasks(self._loaded.tasks, asked)
        wanted = (self._spec.primary_score or {}).get("metric")
        scores, primary = scores_of(self._loaded, tasks, wanted)
        names = {name: prefixes(self._loaded, name) for name in self._loaded.tasks}
        return Scored(
            scores=tuple(scores),
            counts=_counts(asked),
            samples=rows(
                asked,
                self._loaded.tasks,
                {each.name: each for each in tasks},
                names,
                cluster=self._parameters.cluster,
            ),
            question=identity.question(self._loaded, asked, self._parameters, self._spec),
            answered_by=self._answered_by,
            provenance=self._provenance(primary),
            warnings=(*self._loaded.warnings, *_warnings(asked, tasks, primary, wanted)),
        )

    def _provenance(self, primary: Primary | None) -> Json:
        errors = Counter(str(question.error.error_kind) for question in self._questions if question.error)
        first = {name: next(q.number for q in self._questions if q.task == name) for name in self._loaded.tasks}
        return {
            "adapter": {"name": "lm_eval_harness", "evallab": version("evallab"), "lm_eval": version("lm-eval")},
            "parameters": self._parameters.model_dump(mode="json", exclude_defaults=True),
            "primary_metric": {"metric": primary.metric, "filter": primary.filter, "chosen_by": primary.source}
            if primary
            else None,
            "tasks": [
                {"task": name, "first_doc_id": first[name], "data": _source(task)}
                for name, task in self._loaded.tasks.items()
            ],
            "preflight": self._proof,
            "concurrency": self._respondent.asker.client.connection.width.to_json() if self._respondent else None,
            "errors": dict(errors),
            "resumed_answers": sum(answer.resumed for question in self._questions for answer in question.answers),
        }


def _refuse_likelihood_over_chat(loaded: Loaded, parameters: Parameters) -> None:
    scored = [name for name, task in loaded.tasks.items() if task.OUTPUT_TYPE != "generate_until"]
    if scored and parameters.endpoint == "chat":
        raise AdapterFailed(
            f"The task {scored[0]!r} needs log-likelihoods, and chat endpoints do not tell them.",
            remedy="Use endpoint: completions (with apply_chat_template: true for a chat model), "
            "or a generative variant of the benchmark.",
        )


def _source(task: Any) -> Json:
    """Say where a task's data came from, as its file says it."""
    names = {"path": "dataset_path", "name": "dataset_name", "kwargs": "dataset_kwargs"}
    return {short: str(task.get_config(long)) for short, long in names.items() if task.get_config(long) is not None}


def _counts(asked: Sequence[Question]) -> Counts:
    errors = sum(question.error is not None for question in asked)
    truncated = sum(any(answer.truncated for answer in question.answers) for question in asked)
    return Counts(total=len(asked), answered=len(asked) - errors, errors=errors, truncated=truncated)


def _warnings(
    asked: Sequence[Question], tasks: Sequence[TaskScores], primary: Primary | None, wanted: Any
) -> list[str]:
    found = []
    if missing := [question for question in asked if question.error]:
        first = missing[0].error
        share = f"{len(missing)} of {len(asked)} questions were not answered and are left out of the scores"
        found.append(f"{share}. The first error: {first.error if first else ''}")
    if wanted and (primary is None or primary.source != "job"):
        known = ", ".join(sorted({f"{metric},{name}" for each in tasks for metric, name in each.keys}))
        found.append(f"The primary metric {wanted!r} was not measured; measured were: {known}.")
    elif primary is None:
        found.append("The group defines no aggregate: there is no primary score, its tasks have their own.")
    return found
