"""Every refusal names its field and what to do; a good job passes without a word."""

from typing import Any

import pytest

from evallab.api import job as internal
from evallab.api.job import Benchmark, CollectionRef, EvalJob, Model, Serve, TestData, WeightsSource
from evallab.api.provider import Collection, LocalRuntime, Provider, ProviderBenchmark, ProviderRuntime
from evallab.catalog import Catalog, Entry
from evallab.planning.checks import CheckFacts, PathNeed, check, paths_to_check

RUNTIME = ProviderRuntime(local=LocalRuntime(command="true"))
HARNESS = Provider(
    id="harness", runtime=RUNTIME, benchmarks=(ProviderBenchmark(id="gsm8k"), ProviderBenchmark(id="mmlu"))
)
MATHS = Collection.model_validate({"id": "maths", "benchmarks": [{"provider_id": "harness", "id": "gsm8k"}]})
BROKEN = Collection.model_validate(
    {"id": "broken", "benchmarks": [{"provider_id": "nobody", "id": "a"}, {"provider_id": "harness", "id": "b"}]}
)
CATALOG = Catalog.of([Entry(HARNESS)], [MATHS, BROKEN])
MODEL = Model(name="m", url="http://127.0.0.1:8000/v1")
GSM8K = Benchmark(provider_id="harness", id="gsm8k")
GOOD = EvalJob(name="j", model=MODEL, benchmarks=(GSM8K,))
FACTS = CheckFacts(existing_paths=frozenset({"here"}), bundled_models=("demo-f16", "demo-q3"), bundled_data=("demo",))


def problems(**changes: Any) -> tuple[str, ...]:
    return check(GOOD.model_copy(update=changes), catalog=CATALOG, runtime="local", facts=FACTS)


def with_model(**fields: Any) -> tuple[str, ...]:
    return problems(model=Model(name="m", **fields))


def with_serve(**fields: Any) -> tuple[str, ...]:
    return with_model(serve=Serve(**fields))


def with_benchmark(**fields: Any) -> tuple[str, ...]:
    return problems(benchmarks=(GSM8K.model_copy(update=fields),))


REFERENCE: dict[str, Any] = {"runtime": "reference", "source": WeightsSource(bundled="demo-f16")}
CUSTOM: dict[str, Any] = {"runtime": "custom", "command": "serve --port $PORT", "health_path": "/health"}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"benchmarks": (GSM8K, GSM8K)},
        {"benchmarks": (), "collection": CollectionRef(id="maths", benchmarks=(GSM8K,))},
        {"model": Model(name="m", serve=Serve(**REFERENCE))},
        {"model": Model(name="m", serve=Serve(**CUSTOM))},
        {"model": Model(name="m", serve=Serve(**CUSTOM | {"command": "serve", "port": 9000}))},
        {"model": Model(name="m", url="https://[::1]:8443/v1", secret_ref="file://here")},
        {"canary": "Off", "code_execution": "Forbidden", "sampling": internal.Sampling(repeats=1)},
        {
            "model": Model(name="m"),
            "benchmarks": (GSM8K.model_copy(update={"test_data": TestData(path="here", type="pre_recorded_data")}),),
        },
    ],
)
def test_good_jobs_pass(changes: dict[str, Any]) -> None:
    assert problems(**changes) == ()


def test_neither_benchmarks_nor_collection() -> None:
    assert problems(benchmarks=()) == ("spec: give one of benchmarks (at least one), collection; found neither",)


def test_both_benchmarks_and_collection() -> None:
    assert problems(collection=CollectionRef(id="maths")) == (
        "spec: give only one of benchmarks, collection; found both",
    )


def test_no_way_to_the_model() -> None:
    assert with_model() == ("spec.model: give one of url, serve, inProcess; it says how the model is reached",)


def test_two_ways_to_the_model() -> None:
    assert with_model(url="http://h/v1", serve=Serve(**REFERENCE)) == (
        "spec.model: give only one of url, serve, inProcess; found url and serve",
    )


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("127.0.0.1:8000/v1", "must begin with http:// or https://"),
        ("ftp://host/v1", "must begin with http:// or https://"),
        ("http:///v1", "has no host"),
        ("http://ho st/v1", "holds white space"),
        ("http://[::1/v1", "is not a URL"),
        ("http://me:secret@host/v1", "must not hold a user name or password"),
        ("http://host/v1/chat/completions", "must be the base URL, without /chat/completions"),
    ],
)
def test_wrong_url(url: str, sentence: str) -> None:
    (problem,) = with_model(url=url)
    assert problem.startswith(f"spec.model.url: {sentence}")
    assert "secret@" not in problem


@pytest.mark.parametrize("port", ["0", "65536", "99999999", "http"])
def test_wrong_port(port: str) -> None:
    assert with_model(url=f"http://host:{port}/v1") == ("spec.model.url: the port must be a number from 1 to 65535",)


def test_wrong_provider() -> None:
    assert with_benchmark(provider_id="harnes") == (
        'spec.benchmarks[0].providerId: There is no provider "harnes". Did you mean "harness"?',
    )


def test_wrong_benchmark() -> None:
    assert with_benchmark(id="gsm8") == (
        'spec.benchmarks[0].id: harness has no benchmark "gsm8"; did you mean "gsm8k"?',
    )
    assert with_benchmark(id="zzz") == (
        'spec.benchmarks[0].id: harness has no benchmark "zzz"; own tasks need parameters.include_path',
    )


def test_own_tasks_are_left_to_the_adapter() -> None:
    assert with_benchmark(id="own_task", parameters={"include_path": "here"}) == ()


@pytest.mark.parametrize("name", ["../up", "a//b", "/a", "a/", "a\nb"])
def test_ids_that_would_leave_their_directory(name: str) -> None:
    problem, *_ = with_benchmark(id=name, parameters={"include_path": "here"})
    assert problem.startswith("spec.benchmarks[0].id: may not begin or end with /")


def test_wrong_collection() -> None:
    assert problems(benchmarks=(), collection=CollectionRef(id="math")) == (
        'spec.collection.id: There is no collection "math". Did you mean "maths"?',
    )


def test_an_override_that_is_not_in_the_collection() -> None:
    other = GSM8K.model_copy(update={"id": "mmlu"})
    assert problems(benchmarks=(), collection=CollectionRef(id="maths", benchmarks=(other,))) == (
        'spec.collection.benchmarks[0]: "mmlu" is not in maths; known: gsm8k',
    )


def test_a_collection_whose_benchmarks_are_not_here() -> None:
    first, second = problems(benchmarks=(), collection=CollectionRef(id="broken"))
    assert first == 'spec.collection.id: names a benchmark that harness does not have: "b"'
    assert second.startswith('spec.collection.id: needs a provider that is not here: There is no provider "nobody".')


def test_wrong_path() -> None:
    assert with_serve(runtime="llamacpp", source=WeightsSource(path="gone.gguf")) == (
        'spec.model.serve.source.path: "gone.gguf" does not exist; it must be the weights',
    )


def test_missing_dataset() -> None:
    assert with_benchmark(test_data=TestData(path="gone.jsonl")) == (
        'spec.benchmarks[0].testDataRef.path: "gone.jsonl" does not exist; it must be the dataset',
    )


def test_missing_task_directory() -> None:
    assert with_benchmark(parameters={"include_path": "gone"}) == (
        'spec.benchmarks[0].parameters.include_path: "gone" does not exist; it must be the directory of task files',
    )


def test_missing_secret() -> None:
    assert with_model(url="http://h/v1", secret_ref="file:///gone") == (
        'spec.model.auth.secretRef.name: "/gone" does not exist; '
        "it must be on one computer a directory with the file api-key",
    )


def test_nobody_looked_for_paths() -> None:
    job = GOOD.model_copy(
        update={"model": Model(name="m", serve=Serve(runtime="llamacpp", source=WeightsSource(path="x")))}
    )
    assert check(job, catalog=CATALOG, runtime="local", facts=CheckFacts()) == ()


def test_the_paths_that_somebody_has_to_look_for() -> None:
    job = EvalJob(
        name="j",
        model=Model(name="m", secret_ref="file:///s", serve=Serve(runtime="llamacpp", source=WeightsSource(path="w"))),
        benchmarks=(GSM8K.model_copy(update={"test_data": TestData(path="d"), "parameters": {"include_path": "t"}}),),
    )
    assert paths_to_check(job) == (
        PathNeed("spec.model.serve.source.path", "w", "the weights"),
        PathNeed("spec.model.auth.secretRef.name", "/s", "on one computer a directory with the file api-key"),
        PathNeed("spec.benchmarks[0].testDataRef.path", "d", "the dataset"),
        PathNeed("spec.benchmarks[0].parameters.include_path", "t", "the directory of task files"),
    )


def test_wrong_bundled_model() -> None:
    assert with_serve(runtime="reference", source=WeightsSource(bundled="demo-f6")) == (
        'spec.model.serve.source.bundled: there is no bundled model "demo-f6"; did you mean "demo-f16"?',
    )


def test_wrong_bundled_dataset() -> None:
    assert with_benchmark(test_data=TestData(bundled="zzz")) == (
        'spec.benchmarks[0].testDataRef.bundled: there is no bundled dataset "zzz"; known: demo',
    )


@pytest.mark.parametrize(
    ("serve", "sentence"),
    [
        (REFERENCE | {"batch_invariant": True}, "batchInvariant: is only for the runtime vllm"),
        (REFERENCE | {"runtime": "lamacpp"}, 'runtime: there is no "lamacpp"; did you mean "llamacpp"?'),
        ({"runtime": "reference"}, "source: is required for the runtime reference"),
        (REFERENCE | {"command": "x"}, "command: is only for the runtime custom"),
        (REFERENCE | {"port": 1}, "port: is only for the runtime custom"),
        (REFERENCE | {"image": "x"}, "image: cannot be honoured on one computer"),
        (REFERENCE | {"version": "1"}, "version: reference runs as it is installed"),
        (REFERENCE | {"ready_timeout_seconds": -1}, "readyTimeoutSeconds: must be from 1"),
        (REFERENCE | {"source": WeightsSource(oci="x")}, "source.oci: is not for one computer"),
        (REFERENCE | {"source": WeightsSource(pvc=internal.ClaimSource(claim_name="c"))}, "source.pvc: is not for one"),
        (REFERENCE | {"source": WeightsSource()}, "source: give exactly one of"),
        ({"runtime": "vllm"}, "source: is required for the runtime vllm"),
        ({"runtime": "vllm", "source": WeightsSource(bundled="demo-f16"), "port": 1}, "port: is only for the runtime"),
        (CUSTOM | {"command": " "}, "command: is required for the runtime custom"),
        (CUSTOM | {"command": "serve"}, "command: must serve on $PORT"),
        (CUSTOM | {"health_path": None}, "healthPath: is required for the runtime custom"),
        (CUSTOM | {"health_path": "health"}, "healthPath: must begin with /"),
        (CUSTOM | {"args": ("-x",)}, "args: are not for the runtime custom"),
        (CUSTOM | {"port": 0}, "port: must be from 1 to 65535; found 0"),
    ],
)
def test_wrong_server(serve: dict[str, Any], sentence: str) -> None:
    (problem,) = with_serve(**serve)
    assert problem.startswith(f"spec.model.serve.{sentence}")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"compare": internal.Compare(margin=-0.1)}, "spec.compare.margin: must be at least 0; found -0.1"),
        ({"pass_criteria": internal.PassCriteria(threshold=1e13)}, "spec.passCriteria.threshold: must lie between"),
        ({"retries": -1}, "spec.retries: must be from 0 to 100; found -1"),
        ({"timeout_seconds": 0}, "spec.timeoutSeconds: must be from 1 to 31,536,000 (a year); found 0"),
        ({"pending_deadline_seconds": 10**9}, "spec.pendingDeadlineSeconds: must be from 1"),
    ],
)
def test_numbers_out_of_range(changes: dict[str, Any], sentence: str) -> None:
    (problem,) = problems(**changes)
    assert problem.startswith(sentence)


def test_two_sources_of_data() -> None:
    assert with_benchmark(test_data=TestData(path="here", bundled="demo")) == (
        "spec.benchmarks[0].testDataRef: give exactly one of hf, s3, pvc, git, http, path, bundled",
    )


def test_auth_without_a_url() -> None:
    assert with_model(serve=Serve(**REFERENCE), secret_ref="here") == (
        "spec.model.auth: belongs to url; remove it, or give url",
    )


def test_every_problem_at_once() -> None:
    assert len(problems(benchmarks=(), model=Model(name="m"), network="None", suspend=True)) == 4
