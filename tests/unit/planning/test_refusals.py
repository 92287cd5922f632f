"""What one computer cannot honour is refused when it was said, and shown when it was not."""

from typing import Any

import pytest

from evallab.api import job as internal
from evallab.api.job import Benchmark, EvalJob, Model, Serve, TestData
from evallab.api.provider import LocalRuntime, Provider, ProviderBenchmark, ProviderRuntime
from evallab.catalog import Catalog, Entry
from evallab.planning.checks import CheckFacts, check, not_enforced

HARNESS = Provider(
    id="harness",
    runtime=ProviderRuntime(local=LocalRuntime(command="true")),
    benchmarks=(ProviderBenchmark(id="gsm8k"),),
)
CLUSTER_ONLY = Provider(id="remote", runtime=ProviderRuntime(k8s={}), benchmarks=(ProviderBenchmark(id="x"),))
CATALOG = Catalog.of([Entry(HARNESS), Entry(CLUSTER_ONLY)])
GSM8K = Benchmark(provider_id="harness", id="gsm8k")
GOOD = EvalJob(name="j", model=Model(name="m", url="http://127.0.0.1:8000/v1"), benchmarks=(GSM8K,))


def problems(**changes: Any) -> tuple[str, ...]:
    return check(GOOD.model_copy(update=changes), catalog=CATALOG, runtime="local", facts=CheckFacts())


def with_benchmark(**fields: Any) -> tuple[str, ...]:
    return problems(benchmarks=(GSM8K.model_copy(update=fields),))


def test_a_provider_without_a_local_runtime() -> None:
    twice = Benchmark(provider_id="remote", id="x")
    assert problems(benchmarks=(twice, twice)) == (
        "spec.benchmarks[0].providerId: remote cannot run on one computer; "
        "give it runtime.local.command in its provider file",
    )


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"network": "ModelOnly"}, "spec.network: ModelOnly cannot be enforced on one computer; remove it"),
        ({"code_execution": "Sandboxed"}, "spec.codeExecution: Sandboxed is not in this version yet"),
        ({"hardware": internal.Hardware()}, "spec.hardwareConfig: cannot be honoured on one computer"),
        ({"placement": internal.Placement(node_selector={"a": "b"})}, "spec.nodeSelector: cannot be honoured"),
        ({"placement": internal.Placement(pod_template={"a": 1})}, "spec.podTemplate: cannot be honoured"),
        ({"ttl_seconds_after_finished": 0}, "spec.ttlSecondsAfterFinished: cannot be honoured"),
        ({"exports": {"oci": {}}}, "spec.exports: is not in this version yet"),
        ({"experiment": {"name": "x"}}, "experiment: MLflow is not in this version yet"),
        ({"suspend": True}, "spec.suspend: true cannot be honoured"),
        ({"cancelled": True}, "spec.cancelled: true; a cancelled job is not started"),
        ({"sampling": internal.Sampling(repeats=2)}, "spec.sampling.repeats: 2 is not in this version yet"),
        (
            {"model": Model(name="m", in_process=internal.InProcess(backend="hf", args={"pretrained": "a/b"}))},
            "spec.benchmarks[0].providerId: harness asks an endpoint and loads no model",
        ),
    ],
)
def test_what_this_computer_cannot_honour_is_refused(changes: dict[str, Any], sentence: str) -> None:
    (problem,) = problems(**changes)
    assert problem.startswith(sentence)


@pytest.mark.parametrize(
    "source",
    [
        TestData(s3=internal.BucketSource(bucket="b", key="k", secret_ref="s")),
        TestData(git=internal.GitSource(url="https://h/x", ref="main")),
        TestData(hf=internal.HubSource(repo_id="a/b")),
        TestData(http="https://h/x"),
    ],
)
def test_data_from_elsewhere_is_fetched(source: TestData) -> None:
    assert with_benchmark(test_data=source) == ()


def test_a_volume_of_a_cluster_is_refused() -> None:
    assert with_benchmark(test_data=TestData(pvc=internal.ClaimSource(claim_name="c"))) == (
        "spec.benchmarks[0].testDataRef.pvc: is for clusters only; use hf, http, git, s3, path or bundled",
    )


@pytest.mark.parametrize(
    "source",
    [
        TestData(http="file:///etc/passwd"),
        TestData(http="https://me:secret@h/x"),
        TestData(git=internal.GitSource(url="ext::sh -c id", ref="main")),
        TestData(git=internal.GitSource(url="https://h/x", ref="--upload-pack=id")),
        TestData(hf=internal.HubSource(repo_id="../../x")),
        TestData(hf=internal.HubSource(repo_id="a/b", sub_path="../x")),
    ],
)
def test_an_address_that_is_none_is_refused(source: TestData) -> None:
    (problem,) = with_benchmark(test_data=source)
    assert problem.startswith("spec.benchmarks[0].testDataRef.")
    assert "secret" not in problem.replace("secretRef", "")


def test_hardware_of_a_benchmark_is_refused() -> None:
    assert with_benchmark(hardware=internal.Hardware()) == (
        "spec.benchmarks[0].hardwareConfig: cannot be honoured on one computer, only in a cluster; remove it",
    )


def test_what_is_not_enforced_is_shown_only_where_it_was_not_said() -> None:
    assert [note.split(":")[0] for note in not_enforced(GOOD, "local")] == [
        "network",
        "codeExecution",
    ]
    said = GOOD.model_copy(update={"network": "None", "canary": "Off", "code_execution": "Forbidden"})
    assert not_enforced(said, "local") == ()
    elsewhere = GOOD.model_copy(update={"model": Model(name="m", url="http://x/v1")})
    assert not_enforced(elsewhere, "kubernetes") == (
        "determinism.canary: in a cluster only model servers that evallab runs are asked, no address that a job names; "
        "drift is not looked for",
    )
    assert not_enforced(elsewhere.model_copy(update={"canary": "Off"}), "kubernetes") == ()
    served = GOOD.model_copy(update={"model": Model(name="m", serve=Serve(runtime="reference"))})
    assert not_enforced(served, "kubernetes") == not_enforced(said, "kubernetes") == ()
    assert not_enforced(GOOD, "imported") == ()


def test_a_canary_is_enforced_where_a_server_is_asked_and_refused_where_none_is() -> None:
    assert problems(canary="Enforce") == problems(canary="Warn") == ()
    recorded = Benchmark(provider_id="local", id="x", test_data=TestData(type="pre_recorded_data", path="answers"))
    assert "spec.determinism.canary: Warn cannot be kept: the answers were recorded earlier; remove it, or say Off" in (
        problems(canary="Warn", benchmarks=(recorded,))
    )
