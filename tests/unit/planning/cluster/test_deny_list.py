"""podTemplate: what would give a pod more than an evaluation may have is refused with its path."""

from typing import Any

import pytest
from tests.unit.planning.cluster.plans import CONFIG, TEMPLATE, attempt

from evallab.api.errors import BenchmarkFailed
from evallab.api.job import Placement
from evallab.planning.cluster import deny_list
from evallab.planning.cluster.attempt import attempt_objects

DENIED: list[tuple[dict[str, Any], str]] = [
    ({"spec": {"hostNetwork": True}}, "spec.podTemplate.spec.hostNetwork"),
    ({"spec": {"hostPID": True}}, "spec.podTemplate.spec.hostPID"),
    ({"spec": {"hostIPC": True}}, "spec.podTemplate.spec.hostIPC"),
    ({"spec": {"hostUsers": True}}, "spec.podTemplate.spec.hostUsers"),
    ({"spec": {"serviceAccountName": "admin"}}, "spec.podTemplate.spec.serviceAccountName"),
    ({"spec": {"automountServiceAccountToken": True}}, "spec.podTemplate.spec.automountServiceAccountToken"),
    ({"spec": {"nodeName": "master"}}, "spec.podTemplate.spec.nodeName"),
    ({"spec": {"restartPolicy": "Always"}}, "spec.podTemplate.spec.restartPolicy"),
    ({"spec": {"initContainers": []}}, "spec.podTemplate.spec.initContainers"),
    ({"spec": {"dnsPolicy": "ClusterFirstWithHostNet"}}, "spec.podTemplate.spec.dnsPolicy"),
    ({"spec": {"securityContext": {"runAsNonRoot": False}}}, "spec.podTemplate.spec.securityContext.runAsNonRoot"),
    ({"spec": {"securityContext": {"runAsUser": 0}}}, "spec.podTemplate.spec.securityContext.runAsUser"),
    ({"spec": {"volumes": [{"name": "x", "hostPath": {}}]}}, "spec.podTemplate.spec.volumes[0].hostPath"),
    ({"spec": {"volumes": [{"name": "x", "secret": {}}]}}, "spec.podTemplate.spec.volumes[0].secret"),
    ({"spec": {"volumes": [{"name": "x", "projected": {}}]}}, "spec.podTemplate.spec.volumes[0].projected"),
    ({"spec": {"volumes": [{"name": "token", "emptyDir": {}}]}}, "spec.podTemplate.spec.volumes[0].name"),
    ({"spec": {"volumes": [7]}}, "spec.podTemplate.spec.volumes[0]"),
    ({"spec": {"containers": [{"name": "miner"}]}}, "spec.podTemplate.spec.containers[0].name"),
    ({"spec": {"containers": {}}}, "spec.podTemplate.spec.containers"),
    ({"metadata": {"name": "x"}}, "spec.podTemplate.metadata.name"),
    ({"metadata": {"labels": {"evallab.dev/job": "x"}}}, "spec.podTemplate.metadata.labels[evallab.dev/job]"),
    *(
        ({"metadata": {"annotations": {key: "unconfined"}}}, f"spec.podTemplate.metadata.annotations[{key}]")
        for key in ("container.apparmor.security.beta.kubernetes.io/adapter",)
    ),
    ({"kind": "Pod"}, "spec.podTemplate.kind"),
    ({"spec": []}, "spec.podTemplate.spec"),
    *(
        ({"spec": {"containers": [{"name": "adapter", field: {}}]}}, f"spec.podTemplate.spec.containers[0].{field}")
        for field in ("image", "command", "args", "env", "envFrom", "securityContext", "lifecycle", "ports")
    ),
    *(
        (
            {"spec": {"containers": [{"name": "adapter", "volumeMounts": [{"name": "x", "mountPath": path}]}]}},
            "spec.podTemplate.spec.containers[0].volumeMounts[0].mountPath",
        )
        for path in ("/meta", "/var/run/secrets/model", "/data/work", "/")
    ),
    (
        {"spec": {"containers": [{"name": "adapter", "volumeMounts": [{"name": "token", "mountPath": "/x"}]}]}},
        "spec.podTemplate.spec.containers[0].volumeMounts[0].name",
    ),
]


@pytest.mark.parametrize(("template", "path"), DENIED, ids=[path for _, path in DENIED])
def test_refused_with_its_path(template: dict[str, Any], path: str) -> None:
    """One sentence for one problem, before the job is accepted and again when pods are made."""
    found = deny_list.problems(template)
    assert [each.partition(": ")[0] for each in found] == [path]
    with pytest.raises(BenchmarkFailed, match="podTemplate"):
        attempt_objects(attempt(placement=Placement(pod_template=template)), CONFIG)


def test_allowed_is_merged() -> None:
    """Ours stays, theirs is added; of the same amount theirs counts."""
    assert deny_list.problems(TEMPLATE) == ()
    plain, job = (
        attempt_objects(attempt(placement=Placement(pod_template=each)), CONFIG)[-1] for each in ({}, TEMPLATE)
    )
    ours, theirs = plain["spec"]["template"], job["spec"]["template"]
    assert theirs["metadata"]["labels"] == {"cost-centre": "42"} | ours["metadata"]["labels"]
    assert theirs["spec"]["volumes"] == ours["spec"]["volumes"] + TEMPLATE["spec"]["volumes"]
    before, after = ours["spec"]["containers"][0], theirs["spec"]["containers"][0]
    assert after == before | {
        "resources": {"requests": {"cpu": "250m", "memory": "512Mi"}, "limits": {"cpu": "1", "memory": "8Gi"}},
        "volumeMounts": before["volumeMounts"] + [{"name": "models", "mountPath": "/models"}],
    }


def test_what_is_for_the_model_server_changes_no_adapter() -> None:
    """One podTemplate serves both kinds of pods."""
    template = {"spec": {"containers": [{"name": "server", "resources": {"limits": {"memory": "1Gi"}}}]}}
    plain, job = (
        attempt_objects(attempt(placement=Placement(pod_template=each)), CONFIG)[-1] for each in ({}, template)
    )
    assert job == plain
