"""The chart on a real API server (without real nodes): it takes every object, and grants what it is said to grant."""

import base64
import json
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.cluster.chart import CHART, DATABASE, Helm, given, one, pods
from tests.cluster.conftest import RESTRICTED
from tests.cluster.running import Cluster, Failed

Json = dict[str, Any]
ROOT = Path(__file__).parents[2]
SHARED = {"crds": {"enabled": False}, "admissionPolicy": {"enabled": False}}  #: what other tests may have made


@pytest.fixture(scope="module")
def known(nodeless: Cluster) -> Cluster:
    """Return a cluster that knows EvalJobs."""
    nodeless.kubectl("apply", "--server-side", "--force-conflicts", "--filename", str(ROOT / "crds"))
    nodeless.wait("crd/evaljobs.evallab.dev", "condition=Established")
    return nodeless


@pytest.fixture
def place(nodeless: Cluster) -> Iterator[str]:
    """Return a new namespace that admits restricted pods only."""
    name = f"chart-{secrets.token_hex(4)}"
    nodeless.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": RESTRICTED}})
    yield name
    nodeless.kubectl("delete", "namespace", name, "--wait=false")


@pytest.mark.parametrize("case", ["default", "demo", "namespaced"])
def test_the_api_server_takes_every_object(known: Cluster, tmp_path: Path, place: str, case: str) -> None:
    values = given(case)
    if "watchNamespaces" in values:
        values["watchNamespaces"] = [place, "default"]
    objects = Helm(tmp_path).objects(values, namespace=place)
    taken = [each for each in objects if each["kind"] not in {"Pod", "CustomResourceDefinition"}]
    said = known.kubectl(
        *("apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict", "--filename", "-"),
        stdin=yaml.safe_dump_all(taken),
    )
    assert len(said.splitlines()) == len(taken)


@pytest.mark.parametrize("case", ["default", "demo", "namespaced"])
def test_the_pods_are_admitted_as_restricted(nodeless: Cluster, tmp_path: Path, place: str, case: str) -> None:
    for name, spec in pods(Helm(tmp_path).objects(given(case), namespace=place)):
        spec |= {"serviceAccountName": "default"}
        volumes = spec["volumes"]
        for mount in spec["containers"][0]["volumeMounts"]:  # of a volumeClaimTemplate
            if mount["name"] not in {each["name"] for each in volumes}:
                volumes.append({"name": mount["name"], "emptyDir": {}})
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}
        said = nodeless.kubectl(
            *("create", "--dry-run=server", "--validate=strict", "--filename", "-"),
            namespace=place,
            stdin=json.dumps(pod),
        )
        assert said == f"pod/{name} created (server dry run)\n"


def test_a_pod_that_is_not_restricted_is_refused(nodeless: Cluster, tmp_path: Path, place: str) -> None:
    """So that the test above says something."""
    name, spec = pods(Helm(tmp_path).objects(DATABASE))[0]
    spec |= {"serviceAccountName": "default"}
    spec["containers"][0]["securityContext"].pop("capabilities")
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}
    with pytest.raises(Failed, match="violates PodSecurity"):
        nodeless.kubectl("create", "--dry-run=server", "--filename", "-", namespace=place, stdin=json.dumps(pod))


@pytest.fixture
def release(known: Cluster, tmp_path: Path, place: str) -> Iterator[Callable[[Json], str]]:
    """Return what installs the chart with values (or upgrades it to them), and says what helm said."""

    def install(values: Json) -> str:
        file = tmp_path / "values.yaml"
        file.write_text(json.dumps(SHARED | values))
        words = ("upgrade", "--install", "evallab", str(CHART), "--values", str(file))
        return known.helm(*words, namespace=place)

    yield install
    known.helm("uninstall", "evallab", namespace=place)


Ask = tuple[str, str, str, str]  #: who, verb, resource.group[/name][:subresource], namespace or ""


def review(ask: Ask) -> Json:
    """Return the question as the API server takes it."""
    who, verb, what, namespace = ask
    what, _, subresource = what.partition(":")
    what, _, name = what.partition("/")
    resource, _, group = what.partition(".")
    attributes = {"verb": verb, "group": group, "resource": resource, "subresource": subresource, "name": name}
    groups = ["system:serviceaccounts", "system:authenticated"]
    spec = {"user": who, "groups": groups, "resourceAttributes": attributes | {"namespace": namespace}}
    return {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}


def granted(cluster: Cluster, asks: list[Ask]) -> list[Ask]:
    """Return what the API server allows of this."""
    items = json.dumps({"apiVersion": "v1", "kind": "List", "items": [review(each) for each in asks]})
    text = cluster.kubectl("create", "--filename", "-", "--output", "jsonpath={.status.allowed} ", stdin=items)
    return [ask for ask, answer in zip(asks, text.split(), strict=True) if answer == "true"]


def may(cluster: Cluster, *ask: str) -> bool:
    """Ask the API server whether somebody may do something."""
    who, verb, what, namespace = ask
    return granted(cluster, [(who, verb, what, namespace)]) != []


def eventually(true: Callable[[], bool]) -> None:
    """Wait for what controllers do."""
    end = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end
        time.sleep(0.2)


def test_a_release_for_the_whole_cluster(known: Cluster, release: Callable[[Json], str], place: str) -> None:
    notes = release(DATABASE)
    assert f"helm test evallab -n {place} --logs" in notes
    assert "kubectl -n default wait --for=condition=Finished ej/quickstart" in notes
    assert "NOT FOR PRODUCTION" not in notes
    operator, server = (f"system:serviceaccount:{place}:evallab-{part}" for part in ("operator", "server"))
    allowed: list[Ask] = [
        (operator, "watch", "evaljobs.evallab.dev", ""),
        (operator, "patch", "evaljobs.evallab.dev:status", "default"),
        (operator, "create", "jobs.batch", "default"),
        (operator, "create", "leases.coordination.k8s.io", place),
        (operator, "update", "leases.coordination.k8s.io/evallab-operator", place),
        (server, "create", "evaljobs.evallab.dev", "default"),
        (server, "create", "tokenreviews.authentication.k8s.io", ""),
        (server, "create", "subjectaccessreviews.authorization.k8s.io", ""),
        (server, "get", "pods:log", "default"),
    ]
    denied: list[Ask] = [
        *((who, "get", "secrets", place) for who in (operator, server)),
        *((who, "create", "pods", place) for who in (operator, server)),
        *((who, "create", "pods:exec", place) for who in (operator, server)),
        (operator, "patch", "evaljobs.evallab.dev", "default"),
        (operator, "update", "leases.coordination.k8s.io/evallab-operator", "default"),
        (operator, "update", "leases.coordination.k8s.io/other", place),
        (server, "create", "jobs.batch", "default"),
        (server, "patch", "evaljobs.evallab.dev:status", "default"),
    ]
    assert granted(known, [*allowed, *denied]) == allowed


def test_users_may_what_their_roles_say(known: Cluster, release: Callable[[Json], str], place: str) -> None:
    release(DATABASE)
    for role in ("view", "edit"):
        known.kubectl("create", "rolebinding", role, f"--clusterrole={role}", f"--user={role}er", namespace=place)
    eventually(lambda: may(known, "viewer", "list", "evaljobs.evallab.dev", place))
    eventually(lambda: may(known, "editer", "create", "evaljobs.evallab.dev", place))
    assert may(known, "editer", "list", "evaljobs.evallab.dev", place)
    assert not may(known, "viewer", "create", "evaljobs.evallab.dev", place)
    assert not may(known, "editer", "list", "evaljobs.evallab.dev", "default")
    assert not may(known, "editer", "patch", "evaljobs.evallab.dev:status", place)


def test_a_release_for_one_namespace(known: Cluster, release: Callable[[Json], str], place: str) -> None:
    notes = release(DATABASE | {"rbac": {"scope": "namespace"}})
    assert f"runs EvalJobs of {place}." in notes
    operator = f"system:serviceaccount:{place}:evallab-operator"
    assert may(known, operator, "watch", "evaljobs.evallab.dev", place)
    assert not may(known, operator, "watch", "evaljobs.evallab.dev", "default")
    account = known.get("serviceaccount", "evallab-attempt", namespace=place)
    assert account
    assert account["automountServiceAccountToken"] is False
    attempt = f"system:serviceaccount:{place}:evallab-attempt"
    assert not may(known, attempt, "get", "evaljobs.evallab.dev", place)


def test_an_upgrade_keeps_the_password_of_the_demo(known: Cluster, release: Callable[[Json], str], place: str) -> None:
    def uri() -> str:
        secret = known.get("secret", "evallab-demo-postgres", namespace=place)
        assert secret
        return base64.b64decode(secret["data"]["uri"]).decode()

    assert "NOT FOR PRODUCTION" in release({"postgres": {"demo": {"enabled": True}}})
    before = uri()
    release({"postgres": {"demo": {"enabled": True}}, "server": {"replicas": 2}})
    assert uri() == before


def self_test(cluster: Cluster, place: str, folder: Path, seconds: str) -> subprocess.CompletedProcess[str]:
    """Run what `helm test` runs in its pod, with the rights that it has there."""
    objects = Helm(folder).objects(DATABASE, namespace=place)
    mine = [each for each in objects if each["metadata"]["name"] == "evallab-selftest" and each["kind"] != "Pod"]
    cluster.apply(*mine)
    config = yaml.safe_load(cluster.kubeconfig.read_text())["clusters"][0]["cluster"]
    (folder / "ca.crt").write_bytes(Path(config["certificate-authority"]).read_bytes())
    (folder / "token").write_text(cluster.kubectl("create", "token", "evallab-selftest", namespace=place))
    container = one(objects, "Pod", "evallab-selftest")["spec"]["containers"][0]
    env = {each["name"]: each["value"] for each in container["env"]}
    env |= {"API": config["server"], "SERVICE_ACCOUNT": str(folder), "SECONDS_TO_WAIT": seconds}
    argv = [sys.executable, *container["command"][1:]]
    return subprocess.run(argv, env=env, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("phase", ["Complete", "Failed"])
def test_the_self_test_waits_for_the_end(known: Cluster, tmp_path: Path, place: str, phase: str) -> None:
    at = "2026-01-01T00:00:00Z"
    conditions = [
        {"type": name, "status": "True", "reason": phase, "message": "so it is", "lastTransitionTime": at}
        for name in (phase, "Finished")
    ]

    def end() -> None:
        eventually(lambda: known.list("evaljobs", namespace=place) != [])
        name = known.list("evaljobs", namespace=place)[0]["metadata"]["name"]
        patch = json.dumps({"status": {"conditions": conditions}})
        known.kubectl("patch", "ej", name, "--subresource=status", "--type=merge", "--patch", patch, namespace=place)

    operator = threading.Thread(target=end)
    operator.start()
    done = self_test(known, place, tmp_path, "30")
    operator.join()

    left = len(known.list("evaljobs", namespace=place))
    if phase == "Complete":
        assert (done.returncode, left) == (0, 0), done
        assert done.stdout.endswith("The installation works.\n")
    else:
        assert (done.returncode, left) == (1, 1), done
        assert f"did not complete; see: kubectl -n {place} describe ej selftest-" in done.stderr
    assert f"Finished=True {phase}: so it is" in done.stdout


def test_the_self_test_does_not_wait_for_ever(known: Cluster, tmp_path: Path, place: str) -> None:
    done = self_test(known, place, tmp_path, "2")
    assert done.returncode == 1
    assert "was not Finished in time" in done.stderr
