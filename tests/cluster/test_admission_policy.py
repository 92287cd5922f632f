"""The chart's ValidatingAdmissionPolicy on a real API server: what it lets in, what it refuses, and in which words."""

import json
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.cluster.running import Cluster, Failed

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "charts" / "evallab" / "templates" / "admission-policy.yaml"
NAMESPACE = "admission"
SANDBOX = "codeExecution: Sandboxed needs runtimeClassName, a sandbox such as gvisor for code that a model wrote"
SECONDS = 30.0
Json = dict[str, Any]
Install = Callable[..., None]


@pytest.fixture(scope="module")
def known(nodeless: Cluster) -> Iterator[Cluster]:
    """Return a cluster that knows EvalJobs, with a namespace of this module's own."""
    nodeless.kubectl("apply", "--server-side", "--force-conflicts", "--filename", str(ROOT / "crds"))
    nodeless.wait("crd/evaljobs.evallab.dev", "condition=Established")
    nodeless.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    yield nodeless
    nodeless.kubectl("delete", "namespace", NAMESPACE, "--wait=false")


@pytest.fixture
def install(known: Cluster, tmp_path: Path) -> Iterator[Install]:
    """Return what puts the policy into force here, as the chart would with these values, and waits until it is."""
    name = f"test-{secrets.token_hex(4)}.evallab.dev"

    def with_values(**values: object) -> None:
        policy, binding = rendered(known, tmp_path, values)
        for each in (policy, binding):
            each["metadata"]["name"] = name
        binding["spec"] |= {"policyName": name, "matchResources": only_here()}
        policy["spec"]["validations"].append({"expression": "object.metadata.name != 'probe'", "message": "in force"})
        known.apply(policy, binding)
        eventually_refused(known)

    yield with_values
    for kind in ("validatingadmissionpolicybinding", "validatingadmissionpolicy"):
        known.kubectl("delete", kind, name, "--ignore-not-found")


def test_without_settings_everything_but_unboxed_code_is_let_in(known: Cluster, install: Install) -> None:
    install()
    applied(known, job(serve={"runtime": "custom", "image": "anything"}))
    applied(known, job(code="Sandboxed", runtimeClassName="gvisor"))
    applied(known, job(code="Forbidden"))
    assert refusal(known, job(code="Sandboxed")).endswith(f": {SANDBOX}")
    around = job(code="Sandboxed", runtimeClassName="gvisor", pod={"spec": {"runtimeClassName": "runc"}})
    assert "podTemplate may not name a runtime class" in refusal(known, around)


def test_images_of_other_places_are_refused(known: Cluster, install: Install) -> None:
    install(allowedImages=["ghcr.io/evallab", "docker.io/vllm/vllm-openai", "quay.io/lab/"])
    for image in (
        *("ghcr.io/evallab/adapter:1", "docker.io/vllm/vllm-openai", "docker.io/vllm/vllm-openai:v0.32"),
        *("docker.io/vllm/vllm-openai@sha256:" + "0" * 64, "quay.io/lab/x"),
    ):
        applied(known, job(serve={"runtime": "vllm", "image": image}, pod=pod(image)))
    allowed = "images may come from ghcr.io/evallab, docker.io/vllm/vllm-openai, quay.io/lab/"
    for image in ("ghcr.io/evallab-evil/adapter", "docker.io/vllm/vllm-openai-evil", "quay.io/laboratory/x", "vllm"):
        refused = refusal(known, job(serve={"runtime": "vllm", "image": image}))
        assert refused.endswith(f": not allowed in this cluster: {image}; {allowed}")


def test_every_place_of_an_image_is_looked_at(known: Cluster, install: Install) -> None:
    install(allowedImages=["good"])
    serve = {"runtime": "vllm", "image": "evil/server", "source": {"oci": "evil/weights"}}
    everywhere = {
        "spec": {
            "containers": [{"name": "a", "image": "evil/a"}, {"name": "adapter"}, {"name": "b", "image": "good:1"}],
            "initContainers": [{"name": "c", "image": "evil/c"}],
            "volumes": [{"name": "v", "image": {"reference": "evil/v"}}, {"name": "e", "emptyDir": {}}],
        }
    }
    refused = refusal(known, job(serve=serve, pod=everywhere))
    images = "evil/server, evil/weights, evil/a, evil/c, evil/v"
    assert refused.endswith(f": not allowed in this cluster: {images}; images may come from good")


def test_a_sandbox_of_the_installation(known: Cluster, install: Install) -> None:
    install(sandboxRuntimeClass="gvisor")
    applied(known, job(code="Sandboxed"))
    applied(known, job(code="Sandboxed", runtimeClassName="gvisor"))
    applied(known, job(runtimeClassName="nvidia"))
    refused = refusal(known, job(code="Sandboxed", runtimeClassName="runc"))
    assert refused.endswith(": with codeExecution: Sandboxed this cluster allows only runtimeClassName gvisor")


def test_an_older_job_can_still_be_cancelled(known: Cluster, install: Install) -> None:
    older = job(serve={"runtime": "custom", "image": "evil"})
    known.kubectl("apply", "--filename=-", namespace=NAMESPACE, stdin=json.dumps(older))
    install(allowedImages=["good"])
    patch = json.dumps({"spec": {"cancelled": True}})
    known.kubectl("patch", "ej", older["metadata"]["name"], "--type=merge", "--patch", patch, namespace=NAMESPACE)


def rendered(known: Cluster, folder: Path, values: Json) -> tuple[Json, Json]:
    """Return policy and binding as helm makes them of the chart's template."""
    chart = folder / "chart"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("{apiVersion: v2, name: only-the-policy, version: 0.0.1}", encoding="utf-8")
    (chart / "values.yaml").write_text(json.dumps({"admissionPolicy": {"enabled": True, **values}}), encoding="utf-8")
    shutil.copy(TEMPLATE, chart / "templates")
    policy, binding = yaml.safe_load_all(known.helm("template", "x", str(chart)))
    return policy, binding


def only_here() -> Json:
    """Return what limits a binding to this module's namespace: the cluster belongs to other tests too."""
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": NAMESPACE}}}


def eventually_refused(known: Cluster) -> None:
    """Wait until the API server has taken notice of a policy."""
    probe = job()
    probe["metadata"]["name"] = "probe"
    ends = time.monotonic() + SECONDS
    while time.monotonic() < ends:
        try:
            known.kubectl("create", "--dry-run=server", "--filename=-", namespace=NAMESPACE, stdin=json.dumps(probe))
        except Failed as refused:
            if "in force" in str(refused):
                return
            raise
    raise AssertionError("the policy never came into force")


def applied(known: Cluster, manifest: Json) -> None:
    """Expect that an object would be let in."""
    known.kubectl("create", "--dry-run=server", "--filename=-", namespace=NAMESPACE, stdin=json.dumps(manifest))


def refusal(known: Cluster, manifest: Json) -> str:
    """Expect that an object is refused, and return the words."""
    with pytest.raises(Failed) as refused:
        applied(known, manifest)
    return str(refused.value).strip()


def job(
    *, serve: Json | None = None, pod: Json | None = None, code: str | None = None, runtimeClassName: str | None = None
) -> Json:
    """Return an EvalJob."""
    model = {"name": "m", "serve": serve} if serve else {"name": "m", "url": "http://m/v1"}
    spec: Json = {"model": model, "benchmarks": [{"providerId": "p", "id": "b"}]}
    spec |= {"podTemplate": pod} if pod else {}
    spec |= {"codeExecution": code} if code else {}
    spec |= {"runtimeClassName": runtimeClassName} if runtimeClassName else {}
    metadata = {"name": f"job-{secrets.token_hex(4)}"}
    return {"apiVersion": "evallab.dev/v1alpha1", "kind": "EvalJob", "metadata": metadata, "spec": spec}


def pod(image: str) -> Json:
    """Return a pod template with one image."""
    return {"spec": {"containers": [{"name": "adapter", "image": image}]}}
