"""May this job run? A chain of small named checks; each returns sentences that name the field and the remedy.

`check` is called before a job is stored, by `evallab run`, `evallab validate` and later by the server. All problems
are found at once. `refusals` holds what a runtime cannot honour; `paths_to_check` says which files to look for.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal
from urllib.parse import SplitResult, urlsplit

from evallab.api.errors import NotFound
from evallab.api.job import EvalJob, Serve, TestData
from evallab.planning import refusals
from evallab.planning.catalog_view import CatalogView
from evallab.planning.data_checks import CREDENTIALS, KEY_DIRECTORY, data_is_addressable, data_secret, weights_secret
from evallab.planning.in_process_checks import path_of
from evallab.planning.number_checks import numbers_are_in_range
from evallab.planning.subject import CheckFacts, Subject, entries, guess

__all__ = ["CheckFacts", "PathNeed", "Runtime", "check", "not_enforced", "paths_to_check"]

Runtime = Literal["local", "served"]
Check = Callable[[Subject], Iterable[str]]
not_enforced = refusals.not_enforced
SERVERS = ("reference", "llamacpp", "vllm", "custom")
_BAD_PORT = "the port must be a number from 1 to 65535"


@dataclass(frozen=True)
class PathNeed:
    """A path that must exist, and the field that names it. Relative paths are meant from the manifest's directory."""

    field: str
    path: str
    what: str


def check(job: EvalJob, *, catalog: CatalogView, runtime: Runtime, facts: CheckFacts) -> tuple[str, ...]:
    """Return everything that is wrong with a job, one sentence each; nothing when it may run.

    `served`: it was posted to a server, which checked what EvalHub checks before, in EvalHub's words.
    """
    subject = Subject(job, catalog, facts)
    left_out = CHECKED_BY_SERVER if runtime == "served" else ()
    chain = (*(each for each in CHECKS if each not in left_out), *refusals.CHECKS[runtime])
    return tuple(dict.fromkeys(sentence for each in chain for sentence in each(subject)))


def paths_to_check(job: EvalJob) -> tuple[PathNeed, ...]:
    """Return every path on this machine that the job names."""
    return tuple(_paths(job))


def _weights(job: EvalJob) -> Iterator[PathNeed]:
    source = job.model.serve.source if job.model.serve else None
    if source and source.path:
        yield PathNeed("spec.model.serve.source.path", source.path, "the weights")
    if path := path_of(job):
        yield PathNeed("spec.model.inProcess.parameters.pretrained", path, "the directory of the weights")


def _paths(job: EvalJob) -> Iterator[PathNeed]:
    model = job.model
    yield from _weights(job)
    if secret := weights_secret(model.serve):
        yield PathNeed("spec.model.serve.source.hf.secretRef.name", secret, CREDENTIALS)
    if model.secret_ref:
        yield PathNeed("spec.model.auth.secretRef.name", model.secret_ref.removeprefix("file://"), KEY_DIRECTORY)
    for where, benchmark in entries(job):
        if benchmark.test_data and benchmark.test_data.path:
            yield PathNeed(f"{where}.testDataRef.path", benchmark.test_data.path, "the dataset")
        if secret := data_secret(benchmark.test_data):
            yield PathNeed(f"{where}.testDataRef", secret.removeprefix("file://"), CREDENTIALS)
        include = benchmark.parameters.get("include_path")
        if isinstance(include, str):
            yield PathNeed(f"{where}.parameters.include_path", include, "the directory of task files")


def one_list_of_benchmarks(subject: Subject) -> Iterator[str]:
    """Either benchmarks or a collection says what is measured."""
    job = subject.job
    if job.benchmarks and job.collection:
        yield "spec: give only one of benchmarks, collection; found both"
    if not job.benchmarks and not job.collection:
        yield "spec: give one of benchmarks (at least one), collection; found neither"


def one_way_to_the_model(subject: Subject) -> Iterator[str]:
    """Exactly one of url, serve and inProcess, unless every answer was recorded earlier."""
    model = subject.job.model
    ways = {"url": model.url, "serve": model.serve, "inProcess": model.in_process}
    given = [name for name, value in ways.items() if value]
    if len(given) > 1:
        yield f"spec.model: give only one of url, serve, inProcess; found {' and '.join(given)}"
    if not given and not _all_recorded(subject.job):
        yield "spec.model: give one of url, serve, inProcess; it says how the model is reached"
    if model.secret_ref and not model.url:
        yield "spec.model.auth: belongs to url; remove it, or give url"


def _all_recorded(job: EvalJob) -> bool:
    data = [benchmark.test_data for _, benchmark in entries(job)]
    return bool(data) and all(each is not None and each.type == "pre_recorded_data" for each in data)


def url_is_usable(subject: Subject) -> Iterator[str]:
    """An http(s) URL with a host, a port in range and no password in it."""
    url = subject.job.model.url
    if url:
        problem = _url_problem(url)
        yield from (f"spec.model.url: {problem}",) if problem else ()


def _url_problem(url: str) -> str:
    """Return the first thing that is wrong with a URL."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        return _BAD_PORT if "ort" in str(error) else "is not a URL"
    problems = {
        'must begin with http:// or https://, such as "http://127.0.0.1:8000/v1"': parts.scheme
        not in {"http", "https"},
        "has no host": not parts.hostname,
        _BAD_PORT: port == 0,
        "holds white space": any(each.isspace() for each in url),
        "must not hold a user name or password; use auth.secretRef": "@" in parts.netloc,
        "must be the base URL, without /chat/completions": _is_method(parts),
    }
    return next((text for text, wrong in problems.items() if wrong), "")


def _is_method(parts: SplitResult) -> bool:
    return parts.path.rstrip("/").endswith("/completions")


def providers_and_benchmarks_exist(subject: Subject) -> Iterator[str]:
    """Every benchmark is one that its provider can run; with include_path the adapter decides."""
    for where, benchmark in subject.entries():
        yield from _unsafe_id(where, benchmark.id)
        try:
            known = subject.catalog.known_benchmark(benchmark.provider_id, benchmark.id)
        except NotFound as missing:
            yield f"{where}.providerId: {missing}"
            continue
        if not known and "include_path" not in benchmark.parameters:
            near = subject.catalog.near_benchmarks(benchmark.provider_id, benchmark.id)
            hint = f'did you mean "{near[0]}"?' if near else "own tasks need parameters.include_path"
            yield f'{where}.id: {benchmark.provider_id} has no benchmark "{benchmark.id}"; {hint}'


def _unsafe_id(where: str, benchmark_id: str) -> Iterator[str]:
    """Ids become directories."""
    if any(part in {"", ".", ".."} for part in benchmark_id.split("/")) or not benchmark_id.isprintable():
        yield f"{where}.id: may not begin or end with / nor hold .. or control characters"


def collection_fits(subject: Subject) -> Iterator[str]:
    """The collection exists and holds what the job overrides."""
    reference = subject.job.collection
    if reference is None:
        return
    try:
        collection = subject.catalog.collection(reference.id)
    except NotFound as missing:
        yield f"spec.collection.id: {missing}"
        return
    held = {(each.provider_id, each.id) for each in collection.benchmarks}
    for index, each in enumerate(reference.benchmarks):
        if (each.provider_id, each.id) not in held:
            hint = guess(each.id, (benchmark_id for _, benchmark_id in held))
            yield f'spec.collection.benchmarks[{index}]: "{each.id}" is not in {collection.id}; {hint}'
    yield from _unknown_members(subject, sorted(held))


def _unknown_members(subject: Subject, held: list[tuple[str, str]]) -> Iterator[str]:
    for provider_id, benchmark_id in held:
        try:
            known = subject.catalog.known_benchmark(provider_id, benchmark_id)
        except NotFound as missing:
            yield f"spec.collection.id: needs a provider that is not here: {missing}"
            continue
        if not known:
            yield f'spec.collection.id: names a benchmark that {provider_id} does not have: "{benchmark_id}"'


def server_is_complete(subject: Subject) -> Iterator[str]:
    """The model server is one that exists, and has what it needs and nothing that is not meant for it."""
    serve = subject.job.model.serve
    if serve is None:
        return
    if serve.batch_invariant is not None and serve.runtime != "vllm":
        yield "spec.model.serve.batchInvariant: is only for the runtime vllm; remove it"
    if serve.runtime not in SERVERS:
        yield f'spec.model.serve.runtime: there is no "{serve.runtime}"; {guess(serve.runtime, SERVERS)}'
    elif serve.runtime == "custom":
        yield from _custom(serve)
    else:
        yield from _engine(serve)


def _custom(serve: Serve) -> Iterator[str]:
    where, command = "spec.model.serve", (serve.command or "").strip()
    if not command:
        yield f"{where}.command: is required for the runtime custom: the shell command that serves"
    elif serve.port is None and not any(word in command for word in ("$PORT", "${PORT}", "{port}")):
        yield f"{where}.command: must serve on $PORT; or say in port where it serves"
    if serve.port is not None and not 1 <= serve.port <= 65535:
        yield f"{where}.port: must be from 1 to 65535; found {serve.port}"
    if not serve.health_path:
        yield f"{where}.healthPath: is required for the runtime custom: the path that answers 200 when it is ready"
    elif not serve.health_path.startswith("/"):
        yield f"{where}.healthPath: must begin with /"
    if serve.args:
        yield f"{where}.args: are not for the runtime custom; write them into command"


def _engine(serve: Serve) -> Iterator[str]:
    where = "spec.model.serve"
    if serve.source is None:
        yield f"{where}.source: is required for the runtime {serve.runtime}: where the weights are"
    fields = {"command": serve.command, "port": serve.port, "healthPath": serve.health_path}
    for name, value in fields.items():
        if value is not None:
            yield f"{where}.{name}: is only for the runtime custom; remove it"


def bundled_names_are_known(subject: Subject) -> Iterator[str]:
    """Bundled models and datasets are in the package."""
    serve, facts = subject.job.model.serve, subject.facts
    name = serve.source.bundled if serve and serve.source else None
    if name and facts.bundled_models is not None and name not in facts.bundled_models:
        hint = guess(name, facts.bundled_models)
        yield f'spec.model.serve.source.bundled: there is no bundled model "{name}"; {hint}'
    for where, benchmark in subject.entries():
        data = benchmark.test_data.bundled if benchmark.test_data else None
        if data and facts.bundled_data is not None and data not in facts.bundled_data:
            hint = guess(data, facts.bundled_data)
            yield f'{where}.testDataRef.bundled: there is no bundled dataset "{data}"; {hint}'


def one_source_each(subject: Subject) -> Iterator[str]:
    """Weights and data come from exactly one place."""
    serve = subject.job.model.serve
    if serve and serve.source:
        given = [name for name, value in serve.source if value is not None]
        if len(given) != 1:
            yield f"spec.model.serve.source: give exactly one of hf, path, pvc, oci, bundled; found {len(given)}"
    for where, benchmark in subject.entries():
        if benchmark.test_data and _sources(benchmark.test_data) != 1:
            yield f"{where}.testDataRef: give exactly one of hf, s3, pvc, git, http, path, bundled"


def _sources(data: TestData) -> int:
    sources = (data.hf, data.s3, data.pvc, data.git, data.http, data.path, data.bundled)
    return sum(each is not None for each in sources)


def paths_exist(subject: Subject) -> Iterator[str]:
    """What the job names on this machine is there."""
    existing = subject.facts.existing_paths
    for need in paths_to_check(subject.job):
        if existing is not None and need.path not in existing:
            yield f'{need.field}: "{need.path}" does not exist; it must be {need.what}'


CHECKS: tuple[Check, ...] = (
    one_list_of_benchmarks,
    one_way_to_the_model,
    url_is_usable,
    server_is_complete,
    one_source_each,
    data_is_addressable,
    bundled_names_are_known,
    providers_and_benchmarks_exist,
    collection_fits,
    numbers_are_in_range,
    paths_exist,
)

CHECKED_BY_SERVER: tuple[Check, ...] = (url_is_usable, providers_and_benchmarks_exist, collection_fits)
