"""What a cluster cannot run, with the reason that `Accepted=False` gives."""

from typing import Any

import pytest

from evallab.api.job import EvalJob
from evallab.api.provider import Provider
from evallab.catalog import Catalog, Entry
from evallab.planning.cluster.acceptance import REASONS, problems, refusal
from evallab.planning.cluster.plan import ClusterConfig
from evallab.planning.subject import CheckFacts

CONFIG = ClusterConfig(image="evallab/operator:1", server_url="http://evallab.evallab.svc:8080")
PROVIDER = Provider.model_validate(
    {"id": "p", "runtime": {"k8s": {"image": "adapter:1"}}, "benchmarks": [{"id": "b"}, {"id": "c"}]}
)
LOCAL_ONLY = Provider.model_validate(
    {"id": "here", "runtime": {"local": {"command": "true"}}, "benchmarks": [{"id": "b"}]}
)
CATALOG = Catalog.of([Entry(PROVIDER), Entry(LOCAL_ONLY)])
FACTS = CheckFacts(bundled_models=("tiny",), bundled_data=("sums",))
JOB: dict[str, Any] = {
    "name": "j",
    "model": {"name": "m", "url": "http://model/v1"},
    "benchmarks": [{"provider_id": "p", "id": "b"}],
}


SECRET = {"name": "m", "url": "http://model/v1", "secret_ref": "key"}


def _found(config: ClusterConfig = CONFIG, **changes: Any) -> list[tuple[str, str]]:
    job = EvalJob.model_validate(JOB | changes)
    return list(problems(job, catalog=CATALOG, config=config, facts=FACTS))


def _benchmark(**changes: Any) -> dict[str, Any]:
    return {"benchmarks": [{"provider_id": "p", "id": "b"} | changes]}


def _served(**changes: Any) -> dict[str, Any]:
    return {"model": {"name": "m", "serve": {"runtime": "reference", "source": {"bundled": "tiny"}} | changes}}


def test_what_can_run() -> None:
    assert _found() == []
    assert _found(suspend=True, network="None", placement={"node_selector": {"a": "b"}}, priority=5) == []
    assert _found(**_benchmark(test_data={"pvc": {"claim_name": "data"}})) == []
    assert _found(canary="Warn", **_served(image="x:1")) == _found(canary="Off", model=SECRET) == []


@pytest.mark.parametrize(
    ("changes", "reason", "words"),
    [
        (_benchmark(provider_id="q"), "ProviderNotFound", "spec.benchmarks[0].providerId"),
        (_benchmark(id="bb"), "BenchmarkNotFound", "spec.benchmarks[0].id"),
        (_benchmark(provider_id="here"), "ProviderHasNoImage", "runtime.k8s.image"),
        (_benchmark(test_data={"path": "/data"}), "UnsupportedSource", "testDataRef.path"),
        (_benchmark(parameters={"include_path": "/tasks"}), "UnsupportedSource", "include_path"),
        (_benchmark(test_data={"bundled": "summs"}), "InvalidSpec", 'did you mean "sums"?'),
        ({"benchmarks": [], "collection": {"id": "none"}}, "CollectionNotFound", "spec.collection.id"),
        (_served(source={"path": "/weights"}, image="i"), "UnsupportedSource", "spec.model.serve.source.path"),
        (_served(), "ServerImageMissing", "under modelServerImages"),
        ({"code_execution": "Sandboxed"}, "SandboxMissing", "spec.runtimeClassName"),
        ({"placement": {"pod_template": {"spec": {"hostNetwork": True}}}}, "PodTemplateDenied", "hostNetwork"),
        ({"exports": {"oci": {}}}, "NotSupported", "spec.exports"),
        ({"canary": "Enforce"}, "NotSupported", "spec.determinism.canary: Enforce cannot be kept"),
        ({"model": {"name": "m", "in_process": {"backend": "hf"}}}, "NotSupported", "spec.model.inProcess"),
        ({"model": {"name": "m"}}, "InvalidSpec", "spec.model"),
        ({"retries": 1000}, "InvalidSpec", "spec.retries"),
    ],
)
def test_what_cannot_run(changes: dict[str, Any], reason: str, words: str) -> None:
    found = _found(**changes)
    assert [each for each, _ in found] == [reason]
    assert words in found[0][1]
    assert reason in REASONS


def test_a_sandbox_may_come_from_the_job_or_from_the_installation() -> None:
    own = _found(code_execution="Sandboxed", placement={"runtime_class_name": "gvisor"})
    config = ClusterConfig(image="i", server_url="http://s", sandbox_runtime_class="gvisor")
    assert [own, _found(config, code_execution="Sandboxed")] == [[], []]


def test_an_image_for_a_server_may_come_from_the_installation() -> None:
    images = {"reference": "evallab/server:1", "vllm": "vllm:1"}
    config = ClusterConfig(image="i", server_url="http://s", model_server_images=images)
    vllm = _served(runtime="vllm", source={"hf": {"repo_id": "a/b"}})
    assert [_found(config, **_served()), _found(config, **vllm)] == [[], []]


def test_all_problems_are_said_at_once_and_the_first_gives_the_reason() -> None:
    job = EvalJob.model_validate(JOB | _benchmark(id="bb") | {"exports": {"oci": {}}})
    why = refusal(job, catalog=CATALOG, config=CONFIG, facts=FACTS)
    assert why is not None
    assert why.reason == "BenchmarkNotFound"
    assert why.sentence == (
        'spec.benchmarks[0].id: p has no benchmark "bb"; did you mean "b"? '
        "spec.exports: is not in this version yet; remove it. "
        "Correct that in a new EvalJob: the spec of this one does not change any more."
    )
