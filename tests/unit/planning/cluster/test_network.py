"""Who comes in to model servers: their own attempts and the operator, nobody else."""

from dataclasses import replace

from tests.unit.planning.cluster.plans import CONFIG, UID, server

from evallab.planning.cluster import network
from evallab.planning.cluster.plan import ClusterConfig

ATTEMPTS = {
    "podSelector": {
        "matchLabels": {
            "app.kubernetes.io/managed-by": "evallab",
            "evallab.dev/job": UID,
            "evallab.dev/role": "attempt",
        }
    }
}
OPERATOR = {
    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "evallab"}},
    "podSelector": {"matchLabels": {"app.kubernetes.io/component": "operator"}},
}


def peers(config: ClusterConfig, profile: str) -> list[object]:
    policy = network.of_server(server(network=profile), config)
    assert policy is not None
    [rule] = policy["spec"]["ingress"]
    assert rule["ports"] == [{"protocol": "TCP", "port": 8000}]
    return list(rule["from"])


def test_under_every_profile_the_operator_and_the_attempts_of_the_job_come_in() -> None:
    for profile in ("None", "ModelOnly", "Internet"):
        assert peers(CONFIG, profile) == [ATTEMPTS, OPERATOR]


def test_an_operator_whose_pods_nobody_described_lets_nobody_else_in() -> None:
    """An empty selector would be every pod of the namespace."""
    assert peers(replace(CONFIG, operator_labels={}), "None") == [ATTEMPTS]
