"""The file that the chart writes for operator and server."""

from dataclasses import fields
from typing import Any

import pytest

from evallab.api.errors import UsageError
from evallab.planning.cluster.config import ClusterFile, Installation, read
from evallab.planning.cluster.plan import ClusterConfig

LEAST: dict[str, Any] = {
    "image": "docker.io/evallab/operator:0.1.0",
    "serverUrl": "http://evallab.evallab.svc:8080",
    "leaderElection": {"namespace": "evallab", "name": "evallab-operator"},
}


def test_the_least_has_the_defaults() -> None:
    assert read(LEAST) == Installation(
        cluster=ClusterConfig(image="docker.io/evallab/operator:0.1.0", server_url="http://evallab.evallab.svc:8080"),
        lease_namespace="evallab",
        lease_name="evallab-operator",
    )


def test_everything_is_read() -> None:
    document = LEAST | {
        "imagePullPolicy": "Never",
        "imagePullSecrets": ["mirror"],
        "serverNamespace": "tools",
        "serverLabels": {"app.kubernetes.io/component": "server"},
        "operatorLabels": {"app.kubernetes.io/component": "operator"},
        "dcgmService": "dcgm-exporter.gpu-operator.svc:9400",
        "modelServerImages": {"reference": "mirror.example/model:1"},
        "serviceAccount": "attempts",
        "sidecarGraceSeconds": 60,
        "leavingsMib": 100,
        "jobTtlSeconds": 61,
        "networkPolicies": False,
        "defaultNetwork": "ModelOnly",
        "sandboxRuntimeClass": "gvisor",
        "refusedPodSeconds": 1,
        "unschedulableSeconds": 2,
        "imageSeconds": 3,
        "configErrorSeconds": 4,
        "providerImages": {"docker.io/evallab/lm-eval-adapter": "mirror.example/lm-eval@sha256:" + "0" * 64},
        "allowedImages": ["docker.io/evallab"],
        "watchNamespaces": ["team-a", "team-b"],
    }

    assert set(document) == {info.alias for info in ClusterFile.model_fields.values()}
    assert read(document) == Installation(
        cluster=ClusterConfig(
            image="docker.io/evallab/operator:0.1.0",
            image_pull_policy="Never",
            image_pull_secrets=("mirror",),
            server_url="http://evallab.evallab.svc:8080",
            server_namespace="tools",
            server_labels={"app.kubernetes.io/component": "server"},
            operator_labels={"app.kubernetes.io/component": "operator"},
            dcgm_service="dcgm-exporter.gpu-operator.svc:9400",
            model_server_images={"reference": "mirror.example/model:1"},
            service_account="attempts",
            sidecar_grace_seconds=60,
            leavings_mib=100,
            job_ttl_seconds=61,
            network_policies=False,
            default_network="ModelOnly",
            sandbox_runtime_class="gvisor",
            refused_pod_seconds=1,
            unschedulable_seconds=2,
            image_seconds=3,
            config_error_seconds=4,
        ),
        provider_images={"docker.io/evallab/lm-eval-adapter": "mirror.example/lm-eval@sha256:" + "0" * 64},
        allowed_images=("docker.io/evallab",),
        watch_namespaces=("team-a", "team-b"),
        lease_namespace="evallab",
        lease_name="evallab-operator",
    )


def test_every_setting_of_the_cluster_can_be_said() -> None:
    ours = {"provider_images", "allowed_images", "watch_namespaces", "leader_election"}
    assert ClusterFile.model_fields.keys() - ours == {each.name for each in fields(ClusterConfig)}


def test_null_is_not_said() -> None:
    unsaid = dict.fromkeys(("imagePullPolicy", "defaultNetwork", "unschedulableSeconds", "watchNamespaces"))
    assert read(LEAST | unsaid) == read(LEAST)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"imagePulPolicy": "Never"}, 'imagePulPolicy: unknown field; did you mean "imagePullPolicy"?'),
        ({"image": None}, "image: must be text, found nothing"),
        ({"jobTtlSeconds": "1h"}, 'jobTtlSeconds: must be a whole number, found "1h"'),
        ({"jobTtlSeconds": 0}, "jobTtlSeconds: must be at least 1; found 0"),
        ({"networkPolicies": "yes"}, 'networkPolicies: must be true or false, found "yes"'),
        ({"watchNamespaces": "team-a"}, 'watchNamespaces: must be a list, found "team-a"'),
        ({"providerImages": {"a": 1}}, "providerImages.a: must be text, found 1; put it in quotes"),
        ({"leaderElection": {"name": "x"}}, "leaderElection.namespace: is required, but missing"),
        (
            {"defaultNetwork": "Modelonly"},
            'defaultNetwork: must be one of None, ModelOnly, Internet; found "Modelonly"; did you mean "ModelOnly"?',
        ),
        ({"serverUrl": "evallab:8080"}, "serverUrl: must be a URL that begins with http:// or https://; found"),
    ],
)
def test_what_is_wrong_is_named(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(LEAST | wrong)

    assert f"cluster.yaml: {said}" in str(caught.value)
    assert "The chart writes this file; see its values." in str(caught.value)


def test_what_is_missing_is_named() -> None:
    with pytest.raises(UsageError) as caught:
        read({})

    assert str(caught.value).splitlines() == [
        "cluster.yaml: image: is required, but missing",
        "cluster.yaml: serverUrl: is required, but missing",
        "cluster.yaml: leaderElection: is required, but missing The chart writes this file; see its values.",
    ]
