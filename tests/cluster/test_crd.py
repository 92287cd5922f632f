"""What a real API server makes of the CustomResourceDefinition: what it takes, refuses (in which words), and shows."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cluster.running import Cluster, Failed

from evallab.api.v1alpha1 import EvalJobManifest, to_job

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(path for path in (ROOT / "examples").rglob("*.yaml") if "kind: EvalJob" in path.read_text())
NAMESPACE = "crd"
ONLY = (
    "cannot be changed, only suspend, cancelled, priority and ttlSecondsAfterFinished can; make a new EvalJob instead"
)
ONE_MODEL = "give exactly one of url, serve, inProcess"
ONE_LIST = "give exactly one of benchmarks (at least one) and collection"
ONE_SOURCE = "give exactly one of hf, s3, pvc, git, http, path, bundled"
Json = dict[str, Any]


@pytest.fixture(scope="module")
def known(nodeless: Cluster) -> Iterator[Cluster]:
    """Return a cluster that knows EvalJobs, with a namespace of this module's own."""
    nodeless.kubectl("apply", "--server-side", "--force-conflicts", "--filename", str(ROOT / "crds"))
    nodeless.wait("crd/evaljobs.evallab.dev", "condition=Established")
    nodeless.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    yield nodeless
    nodeless.kubectl("delete", "namespace", NAMESPACE, "--wait=false")


def test_the_examples_apply_unchanged(known: Cluster) -> None:
    for path in EXAMPLES:
        known.kubectl("apply", "--filename", str(path), namespace=NAMESPACE)
    assert {"quickstart", "quickstart-q3", "own-task"} <= set(names(known.list("evaljobs", namespace=NAMESPACE)))


def test_what_is_stored_is_what_local_mode_reads(known: Cluster) -> None:
    given = job(
        "full",
        determinism={"canary": False},  # what kubectl makes of a bare Off
        retries=None,
        benchmarks=[
            benchmark(
                parameters={"deep": [{"any": "field"}]}, hardwareConfig={"gpu": {"count": "2"}, "cpu": {"limit": 2}}
            )
        ],
        podTemplate={"spec": {"hostname": "x"}},
    )
    apply(known, given)
    stored = known.get("evaljob", "full", namespace=NAMESPACE)
    assert stored is not None
    stored["metadata"] = given["metadata"]
    given["spec"]["retries"] = 2
    assert to_job(EvalJobManifest.model_validate(stored)) == to_job(EvalJobManifest.model_validate(given))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"model": {"name": "m"}}, ONE_MODEL),
        ({"model": {"name": "m", "url": "http://m/v1", "inProcess": {"backend": "hf"}}}, f"{ONE_MODEL}; found several"),
        ({"model": {"name": "m", "url": "ftp://m"}}, "spec.model.url"),
        ({"model": {"name": "m", "serve": {"runtime": "ollama"}}}, 'Unsupported value: "ollama"'),
        (
            {"model": {"name": "m", "serve": {"runtime": "vllm", "source": {}}}},
            "give exactly one of hf, path, pvc, oci, bundled",
        ),
        ({"model": {"name": "m", "url": "http://m/v1", "uri": "x"}}, 'unknown field "spec.model.uri"'),
        ({"model": {"name": "m" * 300, "url": "http://m/v1"}}, "spec.model.name: Too long: may not be more than 253"),
        ({"model": None}, "spec.model: Required value"),
        ({"benchmarks": []}, ONE_LIST),
        ({"benchmarks": None}, ONE_LIST),
        ({"collection": {"id": "c"}}, ONE_LIST),
        ({"benchmarks": [{"providerId": "p"}]}, "spec.benchmarks[0].id: Required value"),
        (
            {"benchmarks": [{"providerId": "p", "id": "b"}] * 501},
            "spec.benchmarks: Too many: 501: must have at most 500 items",
        ),
        ({"benchmarks": [{"providerId": "p", "id": "b", "testDataRef": {}}]}, ONE_SOURCE),
        (
            {"benchmarks": [{"providerId": "p", "id": "b", "testDataRef": {"path": "/x", "http": "http://x"}}]},
            ONE_SOURCE,
        ),
        ({"benchmarks": [{"providerId": "p", "id": "b", "testDataRef": {"path": "/x", "sha256": "1"}}]}, "sha256"),
        ({"hardwareConfig": {"gpu": {"count": 2000}}}, "should be less than or equal to 1024"),
        ({"hardwareConfig": {"memory": {"limit": "lots"}}}, "spec.hardwareConfig.memory.limit"),
        (
            {"hardwareConfig": {"hardwareProfileName": "big", "gpu": {"count": 1}}},
            "hardwareProfileName cannot be combined with gpu, cpu, memory or queue",
        ),
        ({"codeExecution": "Yes"}, 'supported values: "Sandboxed", "Forbidden"'),
        ({"determinism": {"canary": "Never"}}, 'supported values: "Enforce", "Warn", "Off"'),
        ({"retries": -1}, "spec.retries"),
        ({"timeoutSeconds": "1h"}, "spec.timeoutSeconds"),
        ({"nodeSelector": {f"k{number}": "v" for number in range(33)}}, "spec.nodeSelector: Too many: 33"),
    ],
)
def test_what_is_refused_is_refused_with_words(known: Cluster, changed: Json, said: str) -> None:
    with pytest.raises(Failed) as refused:
        apply(known, job("refused", **changed))
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a" * 53, "metadata.name may have at most 52 characters: the names of the job's pods are made from it"),
        (
            "a.b",
            "metadata.name may hold lower-case letters, digits and '-', and begins and ends with a letter or digit",
        ),
    ],
)
def test_names_that_pods_could_not_have(known: Cluster, name: str, said: str) -> None:
    with pytest.raises(Failed) as refused:
        apply(known, job(name))
    assert said in str(refused.value)


@pytest.mark.parametrize(
    "changed",
    [
        {
            "model": {"name": "m"},
            "benchmarks": [
                {"providerId": "p", "id": "b", "testDataRef": {"hf": {"repoId": "a/b"}, "type": "PreRecordedData"}}
            ],
        },
        {"collection": {"id": "c"}, "benchmarks": None},
        {"model": {"name": "m", "serve": {"runtime": "vllm", "source": {"path": "/weights"}}}},
    ],
    ids=["no model for recorded answers", "a collection", "a path, which the operator refuses"],
)
def test_what_the_schema_leaves_to_the_operator(known: Cluster, changed: Json) -> None:
    apply(known, job("taken", **changed))
    known.kubectl("delete", "evaljob", "taken", namespace=NAMESPACE)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("model", {"name": "other", "url": "http://m/v1"}),
        ("benchmarks", [{"providerId": "p", "id": "b", "parameters": {"limit": 6}}]),
        ("benchmarks", [{"providerId": "p", "id": "b"}]),
        ("podTemplate", {"spec": {"hostname": "other"}}),
        ("podTemplate", None),
        ("retries", 3),
        ("network", "Internet"),
    ],
)
def test_what_was_asked_cannot_be_changed(known: Cluster, path: str, value: object) -> None:
    given = {"benchmarks": [benchmark(parameters={"limit": 5})], "podTemplate": {"spec": {"hostname": "x"}}}
    apply(known, job("fixed", **given))
    with pytest.raises(Failed) as refused:
        patch(known, "fixed", {path: value})
    assert f"spec.{path}: Invalid value: {path} {ONLY}" in str(refused.value)


def test_what_may_be_changed(known: Cluster) -> None:
    apply(known, job("alive"))
    patch(known, "alive", {"suspend": True, "priority": 7, "ttlSecondsAfterFinished": 60})
    patch(known, "alive", {"suspend": False, "ttlSecondsAfterFinished": None})
    patch(known, "alive", {"cancelled": True})
    found = known.get("evaljob", "alive", namespace=NAMESPACE)
    assert found is not None
    told = {name: found["spec"].get(name) for name in ("suspend", "priority", "ttlSecondsAfterFinished", "cancelled")}
    assert told == {"suspend": False, "priority": 7, "ttlSecondsAfterFinished": None, "cancelled": True}
    for back in (False, None):
        with pytest.raises(Failed) as refused:
            patch(known, "alive", {"cancelled": back})
        assert "a cancelled job stays cancelled; to run it again make a new EvalJob" in str(refused.value)


def test_status_is_a_subresource_that_is_shown_selected_and_waited_for(known: Cluster) -> None:
    apply(known, job("seen"))
    patch(known, "seen", STATUS, of="status")
    wide = known.kubectl("get", "ej", "seen", "--output", "wide", namespace=NAMESPACE).split("\n")
    assert [line.split() for line in wide[:2]] == [
        ["NAME", "MODEL", "PHASE", "SCORE", "PROGRESS", "AGE", "REASON", "JOB", "ID"],
        ["seen", "m", "Completed", "0.915", "812/1319", wide[1].split()[5], "Succeeded", "7c6f"],
    ]
    narrow = known.kubectl("get", "evals", "seen", namespace=NAMESPACE).split("\n")[0]
    assert narrow.split() == ["NAME", "MODEL", "PHASE", "SCORE", "PROGRESS", "AGE"]
    assert "evaljob.evallab.dev/seen" in known.kubectl("get", "all", namespace=NAMESPACE)
    by_phase = "--field-selector=status.phase=Completed,spec.model.name=m"
    assert "seen" in known.kubectl("get", "ej", by_phase, "--output=name", namespace=NAMESPACE)
    none = known.kubectl("get", "ej", "--field-selector=spec.model.name=other", "--output=name", namespace=NAMESPACE)
    assert none == ""
    known.wait("ej/seen", "condition=Finished", namespace=NAMESPACE, seconds=5)


def test_a_status_by_apply_keeps_other_conditions(known: Cluster) -> None:
    apply(known, job("merged"))
    for manager, kind in (("one", "Accepted"), ("two", "Running")):
        whole = job("merged") | {"status": {"conditions": [condition(kind)]}}
        whole.pop("spec")
        words = ("--server-side", "--subresource=status", f"--field-manager={manager}", "--filename=-")
        known.kubectl("apply", *words, namespace=NAMESPACE, stdin=json.dumps(whole))
    found = known.get("evaljob", "merged", namespace=NAMESPACE)
    assert found is not None
    assert [each["type"] for each in found["status"]["conditions"]] == ["Accepted", "Running"]


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ({"conditions": [{"type": f"T{number}"} for number in range(17)]}, "status.conditions: Too many: 17"),
        ({"benchmarks": [{"index": number} for number in range(65)]}, "status.benchmarks: Too many: 65"),
        ({"message": "x" * 2049}, "status.message: Too long: may not be more than 2048"),
    ],
)
def test_a_status_stays_small(known: Cluster, status: Json, said: str) -> None:
    apply(known, job("small"))
    if "conditions" in status:
        status = {"conditions": [condition(each["type"]) for each in status["conditions"]]}
    with pytest.raises(Failed) as refused:
        patch(known, "small", status, of="status")
    assert said in str(refused.value)


def test_explain_tells_what_the_models_say(known: Cluster) -> None:
    explained = known.kubectl("explain", "ej.spec.model.serve.source")
    assert "Where the model server finds its weights" in explained or "Where the weights are." in explained
    everything = known.kubectl("explain", "evaljobs", "--recursive")
    assert {"testDataRef\t", "primaryScore\t", "observedGeneration\t"} <= {f"{w}\t" for w in everything.split()}


def job(name: str, **spec: object) -> Json:
    """Return an EvalJob with some fields changed; None leaves one to `kubectl`, which sends null."""
    whole: Json = {"model": {"name": "m", "url": "http://m/v1"}, "benchmarks": [benchmark()]}
    return {"apiVersion": "evallab.dev/v1alpha1", "kind": "EvalJob", "metadata": {"name": name}, "spec": whole | spec}


def benchmark(**fields: object) -> Json:
    """Return a benchmark."""
    return {"providerId": "p", "id": "b", **fields}


def condition(kind: str, status: str = "True") -> Json:
    """Return a condition."""
    return {
        "type": kind,
        "status": status,
        "observedGeneration": 1,
        "lastTransitionTime": "2026-01-02T03:04:05Z",
        "reason": "Because",
        "message": "",
    }


def apply(known: Cluster, manifest: Json) -> None:
    """Let kubectl apply one object."""
    known.kubectl("apply", "--filename", "-", namespace=NAMESPACE, stdin=json.dumps(manifest))


def patch(known: Cluster, name: str, fields: Json, *, of: str = "spec") -> None:
    """Change fields of the spec or of the status."""
    more = [f"--subresource={of}"] if of == "status" else []
    body = json.dumps({of: fields})
    known.kubectl("patch", "evaljob", name, "--type=merge", "--patch", body, *more, namespace=NAMESPACE)


def names(objects: list[Json]) -> list[str]:
    """Return the names of objects."""
    return [each["metadata"]["name"] for each in objects]


STATUS: Json = {
    "observedGeneration": 1,
    "phase": "Completed",
    "jobId": "7c6f",
    "score": "0.915",
    "progress": "812/1319",
    "reason": "Succeeded",
    "message": "All benchmarks completed.",
    "startedAt": "2026-01-02T03:04:05Z",
    "finishedAt": "2026-01-02T03:05:05.123456Z",
    "conditions": [condition("Complete"), condition("Finished")],
    "benchmarks": [
        {
            "index": 0,
            "providerId": "p",
            "id": "b",
            "state": "completed",
            "attempts": 1,
            "progress": "812/1319",
            "primaryScore": {"metric": "acc", "value": 0.915, "low": 0.9, "high": 1, "n": 1319, "validity": "valid"},
        }
    ],
}
