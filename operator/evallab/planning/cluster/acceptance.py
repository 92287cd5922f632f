"""May this job run in this cluster? The checks of local mode, and what only a cluster has. Pure.

Called by the operator for every EvalJob before it is stored, and by the server before it makes one. The first problem
gives the reason of `Accepted=False`; all of them are in its message, each a sentence that names the field and a remedy.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from evallab.api.errors import NotFound
from evallab.api.job import EvalJob
from evallab.planning import checks
from evallab.planning.canary import none_because
from evallab.planning.catalog_view import CatalogView
from evallab.planning.cluster import deny_list
from evallab.planning.cluster.model_server import server_image
from evallab.planning.cluster.plan import ClusterConfig
from evallab.planning.conclusion import Cause
from evallab.planning.data_checks import data_is_addressable
from evallab.planning.number_checks import numbers_are_in_range
from evallab.planning.secrecy_checks import secrets_are_references
from evallab.planning.subject import CheckFacts, Subject, entries

REASONS = frozenset(
    {
        *("InvalidSpec", "ProviderNotFound", "BenchmarkNotFound", "CollectionNotFound", "ProviderHasNoImage"),
        *("UnsupportedSource", "ServerImageMissing", "SandboxMissing", "PodTemplateDenied", "NotSupported"),
    }
)


@dataclass(frozen=True)
class Question:
    """A job that wants to run in a cluster; `subject` is what the checks of local mode look at."""

    subject: Subject
    config: ClusterConfig

    @property
    def job(self) -> EvalJob:
        """The job as it was asked for."""
        return self.subject.job


Found = Iterator[tuple[str, str]]  #: reason, sentence


def refusal(job: EvalJob, *, catalog: CatalogView, config: ClusterConfig, facts: CheckFacts) -> Cause | None:
    """Return why a job cannot run here, None when it can."""
    found = problems(job, catalog=catalog, config=config, facts=facts)
    if not found:
        return None
    sentences = dict.fromkeys(sentence if sentence.endswith((".", "?")) else f"{sentence}." for _, sentence in found)
    return Cause(reason=found[0][0], message=" ".join(sentences), remedy=REMEDY)


REMEDY = "Correct that in a new EvalJob: the spec of this one does not change any more."


def problems(
    job: EvalJob, *, catalog: CatalogView, config: ClusterConfig, facts: CheckFacts
) -> tuple[tuple[str, str], ...]:
    """Return every problem of a job with its reason, in the order of the checks."""
    question = Question(Subject(job, catalog, facts), config)
    return tuple(each for rule in RULES for each in rule(question))


def _as(reason: str, check: Callable[[Subject], Iterable[str]]) -> Callable[[Question], Found]:
    """Make a rule of a check of local mode."""

    def rule(question: Question) -> Found:
        yield from ((reason, sentence) for sentence in check(question.subject))

    return rule


def _known(question: Question) -> Found:
    for sentence in checks.providers_and_benchmarks_exist(question.subject):
        missing = "ProviderNotFound" if sentence.partition(":")[0].endswith(".providerId") else "BenchmarkNotFound"
        yield missing, sentence


def _has_image(question: Question) -> Found:
    """A provider says under runtime.k8s in which image its adapter is."""
    reported: set[str] = set()
    for where, provider_id in _providers(question):
        if provider_id in reported:
            continue
        reported.add(provider_id)
        try:
            runtime = question.subject.catalog.provider(provider_id).runtime
        except NotFound:  # somebody else's complaint
            continue
        if runtime is None or runtime.k8s is None or not runtime.k8s.image:
            yield (
                "ProviderHasNoImage",
                f"{where}: {provider_id} cannot run in a cluster; give it runtime.k8s.image in its provider file",
            )


def _providers(question: Question) -> Iterator[tuple[str, str]]:
    job = question.job
    yield from ((f"{where}.providerId", each.provider_id) for where, each in entries(job))
    if job.collection:
        try:
            found = question.subject.catalog.collection(job.collection.id)
        except NotFound:
            return
        yield from (("spec.collection.id", each.provider_id) for each in found.benchmarks)


def _sources(question: Question) -> Found:
    """Paths are on the computer of who wrote them, not in a pod."""
    said = "is a path on one computer, which pods do not see; use hf, http, git, s3, pvc or bundled"
    for where, benchmark in entries(question.job):
        if benchmark.test_data and benchmark.test_data.path:
            yield "UnsupportedSource", f"{where}.testDataRef.path: {said}"
        if benchmark.parameters.get("include_path"):
            yield (
                "UnsupportedSource",
                f"{where}.parameters.include_path: {said.partition(';')[0]}; build it into the image",
            )
    serve = question.job.model.serve
    if serve and serve.source and serve.source.path:
        yield "UnsupportedSource", "spec.model.serve.source.path: is a path on one computer; use bundled, hf or pvc"
    if serve and serve.source and serve.source.oci:
        yield "UnsupportedSource", "spec.model.serve.source.oci: is not in this version yet; use bundled, hf or pvc"


def _server(question: Question) -> Found:
    serve = question.job.model.serve
    if serve is None:
        return
    yield from _as("InvalidSpec", checks.server_is_complete)(question)
    if not server_image(serve, question.config.model_server_images):
        yield (
            "ServerImageMissing",
            f"spec.model.serve.image: this installation names no image for {serve.runtime}"
            f"{f' {serve.version}' if serve.version else ''}; give one here, or in the chart under modelServerImages",
        )


def _sandbox(question: Question) -> Found:
    job = question.job
    if job.code_execution != "Sandboxed":
        return
    if not job.placement.runtime_class_name and not question.config.sandbox_runtime_class:
        yield (
            "SandboxMissing",
            "spec.codeExecution: Sandboxed needs a runtime class that isolates (gVisor, Kata); "
            "name one in spec.runtimeClassName, or in the chart: admissionPolicy.sandboxRuntimeClass",
        )


def _template(question: Question) -> Found:
    yield from (("PodTemplateDenied", sentence) for sentence in deny_list.problems(question.job.placement.pod_template))


def _canary(question: Question) -> Found:
    job = question.job
    if job.canary not in {None, "Off"} and (because := none_because(job, "kubernetes")):
        said = f"{job.canary} cannot be kept: {because}; remove it, or say Off"
        yield "NotSupported", f"spec.determinism.canary: {said}"


def _later(question: Question) -> Found:
    """What a manifest can say already and this version cannot do yet."""
    job = question.job
    said = {
        "spec.model.inProcess: is for one computer (evallab run --local); use serve or url": job.model.in_process,
        "spec.exports: is not in this version yet; remove it": job.exports,
        "experiment: MLflow is not in this version yet; remove it": job.experiment,
        "spec.sampling.repeats: more than 1 is not in this version yet; remove it": (job.sampling.repeats or 1) > 1,
        "spec.hardwareConfig.profile: there are no hardware profiles here; say gpu, cpu and memory": (
            job.hardware and job.hardware.profile
        ),
    }
    yield from (("NotSupported", sentence) for sentence, wrong in said.items() if wrong)


RULES: tuple[Callable[[Question], Found], ...] = (
    _as("InvalidSpec", checks.one_list_of_benchmarks),
    _as("InvalidSpec", checks.one_way_to_the_model),
    _as("InvalidSpec", checks.url_is_usable),
    _as("InvalidSpec", checks.one_source_each),
    _as("InvalidSpec", data_is_addressable),
    _as("InvalidSpec", checks.bundled_names_are_known),
    _as("InvalidSpec", numbers_are_in_range),
    _as("InvalidSpec", secrets_are_references),
    _known,
    _as("CollectionNotFound", checks.collection_fits),
    _has_image,
    _sources,
    _server,
    _sandbox,
    _template,
    _canary,
    _later,
)
