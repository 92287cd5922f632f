"""What the chart consists of, for several values: safe pods, few rights, and a configuration that evallab reads."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.cluster.chart import CHART, DATABASE, RBAC, Helm, configuration, given, names, one, pods

from evallab.catalog.folder import Folder
from evallab.planning.cluster import labels
from evallab.planning.cluster.config import Installation, read
from evallab.planning.cluster.plan import ClusterConfig
from evallab.server.config import load
from evallab.server.flags import Flags

Json = dict[str, Any]
CASES = sorted(each.name.removesuffix("-values.yaml") for each in (CHART / "ci").glob("*-values.yaml"))


@pytest.fixture
def helm(programs: None, tmp_path: Path) -> Helm:
    return Helm(tmp_path)


def test_there_are_examples() -> None:
    assert CASES == ["default", "demo", "monitoring", "namespaced"]


@pytest.mark.parametrize("case", CASES)
def test_lint(helm: Helm, case: str) -> None:
    assert "1 chart(s) linted, 0 chart(s) failed" in helm.said("lint", "--strict", values=given(case))


@pytest.mark.parametrize("case", CASES)
def test_every_pod_is_restricted(helm: Helm, case: str) -> None:
    found = pods(helm.objects(given(case)))
    assert len(found) == (4 if case == "demo" else 3)
    for name, spec in found:
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert spec["enableServiceLinks"] is False, name
        assert {key for key in spec if key.startswith("host")} == set(), name
        for container in spec["containers"] + spec.get("initContainers", []):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "runAsNonRoot": True,
                "capabilities": {"drop": ["ALL"]},
                "seccompProfile": {"type": "RuntimeDefault"},
            }, name
            assert {"cpu", "memory"} <= container["resources"]["requests"].keys(), name
            assert "memory" in container["resources"]["limits"], name
            assert {"name": "tmp", "mountPath": "/tmp"} in container["volumeMounts"], name


@pytest.mark.parametrize("case", CASES)
def test_nobody_reads_secrets_or_may_do_anything(helm: Helm, case: str) -> None:
    roles = [each for each in helm.objects(given(case)) if each["kind"] in {"Role", "ClusterRole"}]
    assert roles
    for role in roles:
        for rule in role["rules"]:
            assert "secrets" not in rule["resources"], role["metadata"]["name"]
            assert "*" not in rule["resources"] + rule["verbs"] + rule["apiGroups"], role["metadata"]["name"]
            assert {"impersonate", "escalate", "bind"}.isdisjoint(rule["verbs"]), role["metadata"]["name"]


def test_in_namespaces_there_are_no_rights_elsewhere(helm: Helm) -> None:
    objects = helm.objects(given("namespaced"))
    assert names(objects, "ClusterRoleBinding") == [("ClusterRoleBinding", "", "evallab-evals-server-reviews")]
    assert names(objects, "RoleBinding") == [
        ("RoleBinding", "team-a", "evallab-evals-operator"),
        ("RoleBinding", "team-b", "evallab-evals-operator"),
        ("RoleBinding", "team-a", "evallab-evals-server"),
        ("RoleBinding", "team-b", "evallab-evals-server"),
        ("RoleBinding", "evallab", "evals-operator-lease"),
        ("RoleBinding", "team-a", "evals-selftest"),
    ]
    cluster = one(helm.objects(DATABASE), "ClusterRole", "evallab-evallab-operator")
    assert one([each for each in objects if each["metadata"].get("namespace") == "team-b"], "Role",
               "evallab-evals-operator")["rules"] == cluster["rules"]  # fmt: skip
    assert ("ServiceAccount", "team-b", "evals-attempt") in names(objects, "ServiceAccount")


def test_in_the_namespace_of_the_release_alone(helm: Helm) -> None:
    objects = helm.objects(DATABASE | {"rbac": {"scope": "namespace"}})
    assert {each[1] for each in names(objects, "Role", "RoleBinding")} == {"evallab"}
    assert yaml.safe_load(one(objects, "ConfigMap")["data"]["cluster.yaml"])["watchNamespaces"] == ["evallab"]


def test_roles_can_be_left_to_others(helm: Helm) -> None:
    objects = helm.objects(DATABASE | {"rbac": {"create": False}, "selfTest": {"enabled": False}})
    assert names(objects, *RBAC, "Pod") == []


def test_the_configuration_is_what_evallab_reads(helm: Helm, tmp_path: Path) -> None:
    folder = configuration(helm.objects(given("namespaced")), tmp_path / "config")
    assert read(yaml.safe_load((folder / "cluster.yaml").read_text())) == Installation(
        cluster=ClusterConfig(
            image="registry.example/evallab/operator@sha256:" + "0" * 64,
            image_pull_secrets=("mirror",),
            server_url="http://evals.evallab.svc:8080",
            server_labels={
                "app.kubernetes.io/name": "evallab",
                "app.kubernetes.io/instance": "evallab",
                "app.kubernetes.io/component": "server",
            },
            operator_labels={
                "app.kubernetes.io/name": "evallab",
                "app.kubernetes.io/instance": "evallab",
                "app.kubernetes.io/component": "operator",
            },
            model_server_images={
                "reference": "docker.io/evallab/demo-model-server:0.1.0",
                "vllm": "registry.example/vllm:0.32.0",
            },
            service_account="evals-attempt",
            job_ttl_seconds=2_000_000,
            default_network="ModelOnly",
            sandbox_runtime_class="gvisor",
            unschedulable_seconds=1_000_000,
        ),
        provider_images={"evallab/lm-eval-adapter": "registry.example/evallab/lm-eval-adapter:1"},
        allowed_images=("registry.example/",),
        watch_namespaces=("team-a", "team-b"),
        lease_namespace="evallab",
        lease_name="evals-operator",
    )


def test_the_defaults_are_those_of_evallab(helm: Helm, tmp_path: Path) -> None:
    folder = configuration(helm.objects(DATABASE), tmp_path / "config")
    found = read(yaml.safe_load((folder / "cluster.yaml").read_text())).cluster
    assert found == ClusterConfig(
        image="docker.io/evallab/operator:0.1.0",
        server_url="http://evallab.evallab.svc:8080",
        server_labels=found.server_labels,
        operator_labels=found.operator_labels,
        model_server_images={"reference": "docker.io/evallab/demo-model-server:0.1.0"},
    )


@pytest.mark.parametrize("case", CASES)
def test_the_server_takes_its_settings(helm: Helm, tmp_path: Path, case: str) -> None:
    folder = configuration(helm.objects(given(case)), tmp_path / "config")
    config, _ = load(folder, {"EVALLAB_DATABASE_URL": "postgresql://x@y/z"}, flags=Flags(strict=True))
    assert (config.service.host, config.service.port, config.prometheus.enabled) == ("0.0.0.0", 8080, True)
    if case == "namespaced":
        assert config.evallab.jobs.retries == 1
        assert config.evallab.secrets_dir() == Path("/var/run/secrets/evallab-datasets")
        assert config.evallab.hosts[0] == "evals"
        assert config.evallab.hosts[-1] == "evals.example.com"


def test_providers_and_collections_are_found(helm: Helm, tmp_path: Path) -> None:
    found = Folder(configuration(helm.objects(given("namespaced")), tmp_path / "config")).read()
    assert found.problems == ()
    assert {each.value.provider.id: each.value.provider.runtime.k8s.image for each in found.providers} == {  # type: ignore[union-attr]
        "evallab_selftest": "registry.example/evallab/operator@sha256:" + "0" * 64,
        "words": "registry.example/words:1",
    }
    assert [each.value.id for each in found.collections] == ["small"]


def test_pods_of_attempts_reach_the_server(helm: Helm) -> None:
    objects = helm.objects(DATABASE)
    server = one(objects, "Deployment", "evallab-server")["spec"]
    said = yaml.safe_load(one(objects, "ConfigMap")["data"]["cluster.yaml"])
    policy = one(objects, "NetworkPolicy", "evallab-server")["spec"]
    assert said["serverLabels"] == server["selector"]["matchLabels"] == policy["podSelector"]["matchLabels"]
    assert one(objects, "Service", "evallab")["spec"]["selector"] == said["serverLabels"]
    assert policy["ingress"] == [
        {
            "ports": [{"port": "http"}],
            "from": [
                {"podSelector": {}},
                {
                    "namespaceSelector": {},
                    "podSelector": {
                        "matchLabels": {labels.MANAGED_BY: "evallab", labels.ROLE: labels.ATTEMPT_ROLE},
                    },
                },
            ],
        }
    ]


def test_placement_is_everywhere(helm: Helm) -> None:
    values = given("namespaced")
    for part in ("operator", "server"):
        made = one(helm.objects(values), "Deployment", f"evals-{part}")["spec"]
        spec = made["template"]["spec"]
        wanted = values[part]
        assert made["replicas"] == wanted["replicas"]
        assert {name: spec[name] for name in ("priorityClassName", "nodeSelector", "tolerations", "affinity")} == {
            name: wanted[name] for name in ("priorityClassName", "nodeSelector", "tolerations", "affinity")
        }
        assert spec["imagePullSecrets"] == [{"name": "mirror"}]
        assert made["template"]["metadata"]["annotations"]["example.com/team"] == "platform"
        assert {"name": "LOG_LEVEL", "value": "DEBUG"} in spec["containers"][0]["env"]


def test_what_may_be_watched_and_evicted(helm: Helm) -> None:
    monitors = [each for each in helm.objects(given("monitoring")) if each["kind"] == "PodMonitor"]
    assert [each["metadata"]["labels"]["release"] for each in monitors] == ["prometheus"] * 2
    assert [each["spec"]["podMetricsEndpoints"] for each in monitors] == [
        [{"port": "http", "path": "/metrics", "interval": "15s"}]
    ] * 2
    assert names(helm.objects(given("namespaced")), "PodDisruptionBudget", "PodMonitor") == [
        ("PodDisruptionBudget", "evallab", "evals-operator"),
        ("PodDisruptionBudget", "evallab", "evals-server"),
    ]


def test_the_crd_stays(helm: Helm) -> None:
    kept = one(helm.objects(DATABASE), "CustomResourceDefinition")
    gone = one(helm.objects(DATABASE | {"crds": {"keep": False}}), "CustomResourceDefinition")
    assert kept["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    assert "helm.sh/resource-policy" not in gone["metadata"].get("annotations", {})
    assert names(helm.objects(DATABASE | {"crds": {"enabled": False}}), "CustomResourceDefinition") == []
