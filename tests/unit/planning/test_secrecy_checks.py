"""A job that holds a secret in the open is refused, also when it is posted to a server; the secret is not repeated."""

from typing import Any

import pytest

from evallab.api.job import Benchmark, EvalJob, GitSource, Model, Serve, TestData
from evallab.api.provider import LocalRuntime, Provider, ProviderBenchmark, ProviderRuntime
from evallab.catalog import Catalog, Entry
from evallab.planning.checks import CheckFacts, check

HARNESS = Provider(
    id="harness",
    runtime=ProviderRuntime(local=LocalRuntime(command="true")),
    benchmarks=(ProviderBenchmark(id="gsm8k"),),
)
CATALOG = Catalog.of([Entry(HARNESS)])
GSM8K = Benchmark(provider_id="harness", id="gsm8k")
SECRET = "s3cr3t"


def problems(runtime: Any, model: Model, data: TestData | None = None) -> tuple[str, ...]:
    benchmark = GSM8K.model_copy(update={"test_data": data})
    job = EvalJob(name="j", model=model, benchmarks=(benchmark,))
    return check(job, catalog=CATALOG, runtime=runtime, facts=CheckFacts())


@pytest.mark.parametrize("runtime", ["local", "served"])
@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        (f"http://me:{SECRET}@h/v1", "spec.model.url: must not hold a user name or password; use auth.secretRef"),
        (f"http://h/v1?api_key={SECRET}", "spec.model.url: must not hold a key; use auth.secretRef"),
    ],
)
def test_a_url_with_a_login_or_a_key(runtime: str, url: str, sentence: str) -> None:
    assert problems(runtime, Model(name="m", url=url)) == (sentence,)


@pytest.mark.parametrize(
    "serve",
    [
        Serve(runtime="custom", command="serve", args=("--api-key", SECRET)),
        Serve(runtime="custom", command="serve", args=(f"--api-key={SECRET}",)),
        Serve(runtime="custom", command=f"serve --port $PORT --api-key {SECRET}"),
        Serve(runtime="custom", command=f"HF_TOKEN={SECRET} serve"),
    ],
)
def test_a_command_with_a_key(serve: Serve) -> None:
    told = [each for each in problems("local", Model(name="m", serve=serve)) if "must not hold a key" in each]
    assert (len(told), SECRET in str(told)) == (1, False)


def test_a_command_may_name_a_variable() -> None:
    serve = Serve(runtime="custom", command="serve --port $PORT --api-key $MY_KEY")
    assert [each for each in problems("local", Model(name="m", serve=serve)) if "key" in each] == []


@pytest.mark.parametrize(
    "data",
    [
        TestData(git=GitSource(url=f"https://me:{SECRET}@github.com/a/b.git", ref="main")),
        TestData(git=GitSource(url=f"https://github.com/a/b.git?access_token={SECRET}", ref="main")),
        TestData(http=f"https://h/data.jsonl?token={SECRET}"),
    ],
)
def test_data_behind_a_url_with_credentials(data: TestData) -> None:
    (told,) = problems("served", Model(name="m", url="http://h/v1"), data)
    assert ("must not hold" in told, SECRET in told) == (True, False)
