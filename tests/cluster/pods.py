"""Pods of tests: one container under the restricted level, whose root file system is read-only."""

from typing import Any

from tests.cluster.running import Cluster, Json


def pod(name: str, image: str, args: list[str], *, labels: dict[str, str] | None = None, **container: Any) -> Json:
    """Return a pod that runs once; `container` adds to its container."""
    # No runAsUser of the pod: the image's own user must be a number that is not root's, or `container` says one.
    restricted = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    main: Json = {
        "name": "main",
        "image": image,
        "imagePullPolicy": "Never",
        "args": args,
        "securityContext": {**restricted, **container.pop("securityContext", {})},
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
        **container,
    }
    spec = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 5,
        "securityContext": {"runAsNonRoot": True, "fsGroup": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [main],
        "volumes": [{"name": "tmp", "emptyDir": {}}],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels or {}}, "spec": spec}


def script(name: str, base: str, text: str, *, labels: dict[str, str] | None = None) -> Json:
    """Return a pod that runs a Python script in the image `base`."""
    user = {"securityContext": {"runAsUser": 65532}}
    return pod(name, base, ["-c", text], labels=labels, command=["python3", "-u"], **user)


def output(cluster: Cluster, namespace: str, made: Json) -> str:
    """Run a pod to its end, which must be a good one, and return what it wrote."""
    cluster.apply(made, namespace=namespace)
    name = made["metadata"]["name"]
    cluster.wait(f"pod/{name}", "jsonpath={.status.containerStatuses[0].state.terminated}", namespace=namespace)
    said = cluster.logs(f"pod/{name}", namespace=namespace)
    ended = cluster.get("pod", name, namespace=namespace)
    assert ended is not None
    state = ended["status"]["containerStatuses"][0]["state"]["terminated"]
    assert (state["reason"], state["exitCode"]) == ("Completed", 0), said
    return said
