"""What a runtime cannot honour: said explicitly it is refused, left to its default it is shown as not enforced.

`checks` runs these after its own; a later runtime brings a chain of its own. Nothing is ignored silently.
"""

from collections.abc import Callable, Iterable, Iterator

from evallab.api.errors import NotFound
from evallab.api.job import EvalJob, Placement, TestData, WeightsSource
from evallab.planning.canary import none_because
from evallab.planning.hardware import hardware_of_this_computer
from evallab.planning.in_process_checks import loadable_in_process
from evallab.planning.secrecy_checks import secrets_are_references
from evallab.planning.subject import Subject

_CLUSTER_DATA = ("pvc",)
_LATER_WEIGHTS = ("pvc", "oci")


def not_enforced(job: EvalJob, runtime: str) -> tuple[str, ...]:
    """Return the defaults that the runtime does not enforce, for display."""
    if runtime == "kubernetes" and job.canary is None and (because := none_because(job, runtime)):
        return (f"determinism.canary: {because}; drift is not looked for",)
    if runtime != "local":
        return ()
    notes = {
        "network: not enforced on this computer; adapters and model servers reach what you reach": job.network,
        "codeExecution: Forbidden by default; a foreign adapter is not kept from executing code": job.code_execution,
    }
    return tuple(text for text, said in notes.items() if said is None)


def providers_run_locally(subject: Subject) -> Iterator[str]:
    """A provider says under runtime.local how its adapter is started."""
    reported: set[str] = set()
    for field, provider_id in _providers(subject):
        if provider_id not in reported and not _runs_locally(subject, provider_id):
            reported.add(provider_id)
            yield (
                f"{field}: {provider_id} cannot run on one computer; give it runtime.local.command in its provider file"
            )


def _providers(subject: Subject) -> Iterator[tuple[str, str]]:
    for where, benchmark in subject.entries():
        yield f"{where}.providerId", benchmark.provider_id
    if subject.job.collection:
        yield from (("spec.collection.id", each) for each in _collected(subject, subject.job.collection.id))


def _collected(subject: Subject, collection_id: str) -> list[str]:
    try:
        return [each.provider_id for each in subject.catalog.collection(collection_id).benchmarks]
    except NotFound:
        return []


def _runs_locally(subject: Subject, provider_id: str) -> bool:
    """Tell whether it does; what does not exist is somebody else's complaint."""
    try:
        runtime = subject.catalog.provider(provider_id).runtime
    except NotFound:
        return True
    return runtime is not None and runtime.local is not None


def cluster_only_fields(subject: Subject) -> Iterator[str]:
    """Pods, queues and devices are a cluster's; this computer has what it has."""
    job = subject.job
    said: dict[str, object] = {
        "spec.ttlSecondsAfterFinished": job.ttl_seconds_after_finished,
        "spec.model.serve.image": job.model.serve.image if job.model.serve else None,
    }
    said |= {f"{where}.hardwareConfig": each.hardware for where, each in subject.entries()}
    said |= {f"spec.{name}": True for name in _placed(job.placement)}
    for field, value in said.items():
        if value is not None:
            yield f"{field}: cannot be honoured on one computer, only in a cluster; remove it"


def _placed(placement: Placement) -> list[str]:
    said = {
        "nodeSelector": placement.node_selector,
        "tolerations": placement.tolerations,
        "priorityClassName": placement.priority_class_name,
        "runtimeClassName": placement.runtime_class_name,
        "podTemplate": placement.pod_template,
    }
    return [name for name, value in said.items() if value]


def unenforceable_fields(subject: Subject) -> Iterator[str]:
    """Promises that nothing on this computer would keep."""
    job = subject.job
    if job.network is not None:
        yield f"spec.network: {job.network} cannot be enforced on one computer; remove it"
    if job.canary not in {None, "Off"} and (because := none_because(job, "local")):
        yield f"spec.determinism.canary: {job.canary} cannot be kept: {because}; remove it, or say Off"
    if job.code_execution == "Sandboxed":
        yield "spec.codeExecution: Sandboxed is not in this version yet; remove it, or say Forbidden"


def later_features(subject: Subject) -> Iterator[str]:
    """What a manifest can say already and this version cannot do yet."""
    job = subject.job
    if (job.sampling.repeats or 1) > 1:
        yield f"spec.sampling.repeats: {job.sampling.repeats} is not in this version yet; remove it, or say 1"
    if job.exports:
        yield "spec.exports: is not in this version yet; remove it"
    if job.experiment:
        yield "experiment: MLflow is not in this version yet; remove it"
    yield from _later_server(subject)
    for where, benchmark in subject.entries():
        if kind := _first(benchmark.test_data, _CLUSTER_DATA):
            yield f"{where}.testDataRef.{kind}: is for clusters only; use hf, http, git, s3, path or bundled"


def _later_server(subject: Subject) -> Iterator[str]:
    serve = subject.job.model.serve
    if serve is None:
        return
    if kind := _first(serve.source, _LATER_WEIGHTS):
        yield f"spec.model.serve.source.{kind}: is not for one computer; use hf, path or bundled"
    if serve.version is not None and serve.runtime != "vllm":
        yield f"spec.model.serve.version: {serve.runtime} runs as it is installed; remove it"


def _first(source: TestData | WeightsSource | None, names: Iterable[str]) -> str | None:
    return next((name for name in names if getattr(source, name, None) is not None), None)


def starts_at_all(subject: Subject) -> Iterator[str]:
    """A job that is submitted is meant to run."""
    if subject.job.suspend:
        yield "spec.suspend: true cannot be honoured on one computer; remove it"
    if subject.job.cancelled:
        yield "spec.cancelled: true; a cancelled job is not started; remove it"


CHECKS: dict[str, tuple[Callable[[Subject], Iterable[str]], ...]] = {
    "local": (
        providers_run_locally,
        cluster_only_fields,
        hardware_of_this_computer,
        unenforceable_fields,
        later_features,
        loadable_in_process,
        starts_at_all,
        secrets_are_references,
    ),
    "served": (
        hardware_of_this_computer,
        unenforceable_fields,
        later_features,
        loadable_in_process,
        starts_at_all,
        secrets_are_references,
    ),
}
